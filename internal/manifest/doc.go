// Package manifest turns Kubernetes objects and the annotations of AWS's load
// balancer controller into an lb.Config. It is the promise of the project: the
// manifest that works on AWS does the same here. So the reference for every rule
// is what that controller builds, down to the names with their hashes.
//
// Text is read as kubectl reads it (document.go): YAML 1.1 (scalar.go) or JSON (jsondocument.go), of which the
// nodes of YAML are made too, so that everything behind it has one kind of value with lines.
//
// It is pure. Parse reads YAML or JSON into Objects that know their file and
// line; Build makes one Config of all Objects there are. Nothing is read,
// watched or remembered: the same objects give the same Config, for `check`, for
// a folder of files and for the Kubernetes API.
//
// The way of an Ingress through Build:
//
//	class.go     is it ours, and which IngressClassParams speak for it
//	group.go     which group it belongs to; members in order
//	member.go    what it says about the load balancer as a whole, read on its own
//	elect.go     members that contradict the others are set aside
//	merge.go     what the others say, put together
//	rule.go      its paths as rules: path.go, condition.go, action.go, auth.go, transform.go
//	optimize.go  redirects that loop, and rules behind a redirect that they never get past
//	targetgroup.go  the target groups its rules name, and endpoint.go their targets:
//	             endpointslice.go, endpoints.go, node.go, or what owntarget.go reads
//
// A Service has its own, shorter way: service.go (application) and nlb.go (network).
//
// Files have no API server behind them, so Parse says what it would refuse (validate.go):
// what nothing can be made of is set aside, the rest gets a warning. Objects from a
// cluster have been through that.
//
// One difference is on purpose. In AWS's controller one bad Ingress stops its
// whole group; here it is set aside with its reason and the other members serve.
// In a conflict the value that most members have holds, on a tie the first one's.
// If only the rules of a member are wrong, what it says about the load balancer
// (its inbound ranges, say) still counts: an error must not open a door.
//
// All that is wrong with an object is told at once. A reader goes on behind a fault and
// joins what it finds (errors.Join, fault.go); a value of the wrong type is taken out and
// the rest is read (decode.go); an Ingress that cannot be part of its group is looked at as
// if it were (inspect in group.go), and what lb.Validate would find in what is left of an
// object is told too (imagine.go). What only follows from another fault is not told.
//
// What nobody reads is told with what was likely meant: suggest.go for names, foreign.go for
// annotations of other controllers, jsonkey.go for keys within JSON.
//
// Nothing is dropped in silence. What cannot be served is in Config.SetAside,
// what is served differently than its author may think is in Config.Warnings,
// and what has no effect here, or not yet, is in Config.Notes.
package manifest

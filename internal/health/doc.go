// Package health probes the targets of target groups and keeps the verdict on each.
//
// A Checker is given the whole desired state by Apply as often as it changes and
// keeps what it knows of a target across those changes: a target is the same one
// as long as its Key (group and address) is, whatever else of its group was
// edited. The verdicts are Elastic Load Balancing's, with its states, reason
// codes and wording:
//
//	registered -> initial (Elb.RegistrationInProgress, then Elb.InitialHealthChecking from the first probe on)
//	initial    -> healthy after one pass; unhealthy after UnhealthyThreshold failures in a row
//	healthy    -> unhealthy after UnhealthyThreshold failures in a row
//	unhealthy  -> healthy after HealthyThreshold passes in a row
//	any        -> draining when deregistered, for the whole deregistration delay, then unused and forgotten
//	any        -> unused (Target.NotInUse) while no rule forwards to the group
//	any        -> unavailable (Target.HealthCheckDisabled) while the group has no health check
//
// A failure that is this side's own fault (no file descriptor left, no local
// port) is Elb.InternalError: it is shown to observers of probes and moves
// nothing, for otherwise a load balancer short of descriptors would condemn every target.
//
// One goroutine owns the clock: it holds the targets in a heap by the time of
// what is to happen to them next (a probe, or the end of draining), starts a
// goroutine for each probe that is due, up to a bound, and tells the observer of
// changes. So 10,000 targets cost memory for 10,000 small structs and a goroutine only
// for each probe under way. A new target is probed at once; after that its
// probes keep to a phase of the interval that follows from its key, so that
// targets registered together do not go on being probed together.
package health

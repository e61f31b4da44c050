// Package lb holds the words of Albatross: LoadBalancer, Listener, Rule,
// Condition, Action, TargetGroup, Target, HealthCheck. They are AWS's words with
// AWS's meanings (Elastic Load Balancing v2, application load balancers); every
// other dialect is translated at its door and stops there.
//
// A Config is what a door hands in: everything that is to be served, plus what
// could not be understood (SetAside) and what is served but worth a word
// (Warnings). It is plain data. Attribute maps are kept as they were written, so
// that they can be shown again unchanged; ParseLoadBalancerAttributes and its
// siblings turn them into typed settings with AWS's defaults. Validate checks a
// whole Config and sets bad objects aside one by one, so that one mistake never
// takes a neighbour down.
//
// Encoded with encoding/json, the types give the normalised form that
// `albatross check -o json` prints.
//
// The package uses the standard library only and imports nothing of Albatross.
package lb

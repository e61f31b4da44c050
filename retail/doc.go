// Package retail is the Retail Prediction API: an HTTP service that says how many packages of a product a store will
// sell in a week.
//
// A request passes few rooms. [Server.ServeHTTP] finds the route by its exact path, and gathers what the access log and the
// metrics want to know. The prediction handlers then verify the token (package token), read the body (package request), ask
// the model (package model) and write the answer by hand: they are what a load balancer sends thousands of times a second,
// and a general framework cost six times as much as the work itself when it was measured. The OpenAPI document is
// built by such a framework, huma, from the same Go types and served from memory; so is Swagger UI, whose files are in the
// binary: the page needs nothing from elsewhere.
//
// Answers follow the conventions of FastAPI services, for which clients of this API were written: errors are
// {"detail": ...}, wrong input is 422 with a list of places, a missing token is 401 with WWW-Authenticate: Bearer.
//
// The service holds no state but counters, so any number of replicas can stand behind a load balancer. Each names itself in
// the header X-Retail-Replica. A replica that is told to stop goes on serving while its health checks fail, so
// that the load balancer can turn away from it first ([Server.Serve]).
package retail

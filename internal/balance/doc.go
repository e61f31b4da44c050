// Package balance chooses a target for a request: among the target groups of a
// forward by weight (Split), among the targets of a group by the group's algorithm
// (Group), or the one that a client's cookie says (Cookies).
//
// Two kinds of things are kept apart. A Target is the live state of one target of one
// target group: its health, its requests in flight, its slow start. It outlives
// configurations. A Group is the membership of a target group in one configuration; it
// never changes, except that Refresh recomputes which members may be chosen and
// puts that list in place with one atomic store. Choose reads it without a lock.
//
// # Algorithms
//
//   - round_robin: the members in turn.
//   - least_outstanding_requests: the member with the fewest requests in flight; of
//     several the next in turn. Above 64 members the better of two taken at random, which keeps the
//     longest queue nearly as short (Mitzenmacher 2001) without reading every member.
//   - weighted_random: a member at random, all alike, or by automatic target weights.
//
// # Automatic target weights
//
// A target may pass its health checks and fail its requests all the same. Judge, which is called once a second and
// off the request path, compares how the requests of each member have ended of late: a member whose ratio of failures is surely,
// not by chance, twice that of the others together has anomalies. With weighted_random and anomaly mitigation its
// weight is halved at each look, down to a hundredth; when its failures are those of anybody it grows back, by two fifths each
// time. A target that gets little is judged by little, so that the weight of one that goes on failing settles where there is just
// enough to see it. Where most members fail none is an anomaly: weights do not help then. Request counts cost nothing: they are
// the upper half of the count of requests in flight.
//
// # Zones
//
// Members in other zones (cross-zone load balancing off) are part of the group, so that their live state is
// kept, and are never chosen; what counts members, such as failing open, counts those of the zone alone.
//
// # What is shared between cores
//
// Taking turns needs one counter a group, on a cache line of its own. A contended
// atomic addition costs some 20-100 ns; 16 cores that balance a million requests a second keep that
// line busy for a few percent of the time, less than the count of requests in flight
// that least_outstanding_requests needs anyway. In exchange the turns are
// exact: n requests over k targets differ by one at most, whatever connection and core they come
// from. Counters for each core would give that up as soon as goroutines move.
//
// # Slow start
//
// With slow_start.duration_seconds and round_robin a target that becomes healthy gets a share that
// grows linearly from nothing to its fair share. As on AWS it does so only while at least one healthy target is not in
// slow start, and targets registered together in a new group do not: somebody has to
// take the requests.
package balance

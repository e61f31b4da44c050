// Package metrics counts what ALB counts and shows it to Prometheus under
// CloudWatch's names: docs/metrics.md has the list.
//
// The request path only ever adds. Each load balancer, and each target group of it,
// has a row of shards, structs of atomic counters that fill whole cache lines; the
// proxy gives each connection a shard number, so two cores seldom add to the same
// line, and nobody takes a lock. What a metric is called, what it means and whether it is
// summed or shown as it is, is worked out when somebody looks: a scrape sums the
// shards and builds the exposition with prometheus/client_golang.
//
// Counters outlive configurations. A load balancer or target group is asked for by
// its CloudWatch dimension (app/<name>/<id>, targetgroup/<name>/<id>) and is the
// same one each time, until Retain drops what a configuration no longer has.
package metrics

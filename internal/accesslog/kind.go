package accesslog

// kind is what a log is about. Application load balancers have three kinds of log, each
// with a delivery of its own; network load balancers have one.
type kind struct {
	words     string // what messages call it
	attribute string // of the load balancer: where its delivery is set
	balancer  string // app | net
	before    string // what the names of its files begin with
	stdout    bool   // its lines also go to Options.Stdout
}

var (
	requests     = &kind{words: "access logs", attribute: "access_logs.s3", balancer: "app", stdout: true}
	flows        = &kind{words: "access logs", attribute: "access_logs.s3", balancer: "net", stdout: true}
	connections  = &kind{words: "connection logs", attribute: "connection_logs.s3", balancer: "app", before: "conn_log_"}
	healthChecks = &kind{words: "health check logs", attribute: "health_check_logs.s3", balancer: "app", before: "health_check_log_"}
)

// logKey is a log's identity in a Store.
type logKey struct {
	kind     *kind
	balancer string // the load balancer's key
}

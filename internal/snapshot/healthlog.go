package snapshot

import (
	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/health"
)

// healthLogs finds out whose health check logs tell of which target group: those of every
// load balancer that forwards to it, as each would check it by itself on AWS.
func (b *builder) healthLogs() {
	if !b.logsChecks {
		return
	}
	b.out.healthLogs = map[string][]*accesslog.Log{}
	for _, u := range b.out.Uses() {
		if u.LoadBalancer.HealthCheckLog.On() {
			key := u.Group.Config.Key
			b.out.healthLogs[key] = append(b.out.healthLogs[key], u.LoadBalancer.HealthCheckLog)
		}
	}
}

// LogHealthCheck takes down a finished health check in every log that tells of its target
// group. It may be called by many goroutines at once and waits for nothing.
func (s *Snapshot) LogHealthCheck(o health.Observation) {
	for _, l := range s.healthLogs[o.Key.Group] {
		l.WriteHealthCheck(&accesslog.HealthCheckRecord{
			Type: o.Probe.LogType(), Time: o.Started, Latency: o.Latency, Target: o.Key.Addr,
			TargetGroup: s.TargetGroups[o.Key.Group].Config.Name,
			Passed:      o.Result.Passed(), Code: o.Result.Code, Reason: o.Result.LogReason(o.Probe),
		})
	}
}

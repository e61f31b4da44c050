package lb

// HealthState is what a health check thinks of a target (elbv2 TargetHealthStateEnum).
type HealthState string

const (
	Initial     HealthState = "initial"     // registered, no verdict yet
	Healthy     HealthState = "healthy"     //
	Unhealthy   HealthState = "unhealthy"   // failed its checks
	Unused      HealthState = "unused"      // not registered, or in a group that no rule uses
	Draining    HealthState = "draining"    // deregistered, requests in flight may end
	Unavailable HealthState = "unavailable" // health checks are off
)

// HealthReason says why a target is in a state other than healthy (elbv2 TargetHealthReasonEnum).
type HealthReason string

const (
	NoReason               HealthReason = ""
	RegistrationInProgress HealthReason = "Elb.RegistrationInProgress"
	InitialHealthChecking  HealthReason = "Elb.InitialHealthChecking"
	ELBInternalError       HealthReason = "Elb.InternalError"
	ResponseCodeMismatch   HealthReason = "Target.ResponseCodeMismatch"
	TargetTimeout          HealthReason = "Target.Timeout"
	FailedHealthChecks     HealthReason = "Target.FailedHealthChecks"
	NotRegistered          HealthReason = "Target.NotRegistered"
	NotInUse               HealthReason = "Target.NotInUse"
	InvalidState           HealthReason = "Target.InvalidState"
	IPUnusable             HealthReason = "Target.IpUnusable"
	DeregistrationProgress HealthReason = "Target.DeregistrationInProgress"
	HealthCheckDisabled    HealthReason = "Target.HealthCheckDisabled"
)

// TargetHealth is the verdict on one target.
type TargetHealth struct {
	State       HealthState
	Reason      HealthReason
	Description string // in words, as describe-target-health gives it: "Health checks failed with these codes: [500]"
}

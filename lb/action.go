package lb

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
)

// ActionType is what a rule does with a request.
type ActionType string

const (
	ForwardAction       ActionType = "forward"
	RedirectAction      ActionType = "redirect"
	FixedResponseAction ActionType = "fixed-response"
	AuthenticateOIDC    ActionType = "authenticate-oidc"
	AuthenticateCognito ActionType = "authenticate-cognito"
	JWTValidation       ActionType = "jwt-validation"
)

// Action is one step of a rule. Exactly the config that belongs to Type is set.
type Action struct {
	Type          ActionType                 `json:"type"`
	Forward       *Forward                   `json:"forwardConfig,omitempty"`
	Redirect      *Redirect                  `json:"redirectConfig,omitempty"`
	FixedResponse *FixedResponse             `json:"fixedResponseConfig,omitempty"`
	OIDC          *AuthenticateOIDCConfig    `json:"authenticateOIDCConfig,omitempty"`
	Cognito       *AuthenticateCognitoConfig `json:"authenticateCognitoConfig,omitempty"`
	JWT           *JWTValidationConfig       `json:"jwtValidationConfig,omitempty"`
}

// Forward sends a request to one of its target groups, chosen by weight.
type Forward struct {
	TargetGroups []WeightedTargetGroup  `json:"targetGroups"`
	Stickiness   *TargetGroupStickiness `json:"targetGroupStickinessConfig,omitempty"`
}

// WeightedTargetGroup names a target group of the Config by key, or one that exists
// elsewhere by ARN. With both, the ARN is what was written, and the key that of the group
// which a TargetGroupBinding made of it.
type WeightedTargetGroup struct {
	TargetGroup    string `json:"targetGroup,omitempty"`
	TargetGroupARN string `json:"targetGroupARN,omitempty"`
	Weight         *int   `json:"weight,omitempty"` // 0-999; absent means 1
}

// Name is how the group was named: by ARN, or by key.
func (t WeightedTargetGroup) Name() string { return cmp.Or(t.TargetGroupARN, t.TargetGroup) }

// MarshalJSON writes one name: the ARN, where there is one.
func (t WeightedTargetGroup) MarshalJSON() ([]byte, error) {
	if t.TargetGroupARN != "" {
		t.TargetGroup = ""
	}
	type plain WeightedTargetGroup // without this method
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(plain(t))
	return text.Bytes(), err
}

// TargetGroupStickiness keeps a client on the target group it was first sent to (cookie AWSALBTG).
type TargetGroupStickiness struct {
	Enabled         *bool `json:"enabled,omitempty"`
	DurationSeconds *int  `json:"durationSeconds,omitempty"` // 1-604800
}

// Redirect answers 301 or 302. Host, Path, Query, Port and Protocol may hold
// #{host}, #{path}, #{query}, #{port} and #{protocol}; an absent one keeps the request's own.
// #{path} stands for the path without its leading slash.
type Redirect struct {
	Host       *string `json:"host,omitempty"`
	Path       *string `json:"path,omitempty"`
	Port       *string `json:"port,omitempty"`
	Protocol   *string `json:"protocol,omitempty"` // HTTP | HTTPS | #{protocol}
	Query      *string `json:"query,omitempty"`
	StatusCode string  `json:"statusCode"` // HTTP_301 | HTTP_302
}

// FixedResponse answers with a page of at most 1024 bytes.
type FixedResponse struct {
	ContentType *string `json:"contentType,omitempty"`
	MessageBody *string `json:"messageBody,omitempty"`
	StatusCode  string  `json:"statusCode"` // 2XX, 4XX or 5XX
}

// AuthenticateOIDCConfig logs a user in through an OpenID Connect provider.
type AuthenticateOIDCConfig struct {
	Issuer                  string            `json:"issuer"`
	AuthorizationEndpoint   string            `json:"authorizationEndpoint"`
	TokenEndpoint           string            `json:"tokenEndpoint"`
	UserInfoEndpoint        string            `json:"userInfoEndpoint"`
	ClientID                string            `json:"clientID"`
	ClientSecret            string            `json:"clientSecret"`
	ExtraParams             map[string]string `json:"authenticationRequestExtraParams,omitempty"`
	OnUnauthenticated       string            `json:"onUnauthenticatedRequest,omitempty"` // authenticate | allow | deny
	Scope                   string            `json:"scope,omitempty"`
	SessionCookieName       string            `json:"sessionCookieName,omitempty"`
	SessionTimeout          *int64            `json:"sessionTimeout,omitempty"` // seconds, 1-604800
	UseExistingClientSecret *bool             `json:"useExistingClientSecret,omitempty"`
}

// AuthenticateCognitoConfig logs a user in through a Cognito user pool.
type AuthenticateCognitoConfig struct {
	UserPoolARN       string            `json:"userPoolARN"`
	UserPoolClientID  string            `json:"userPoolClientID"`
	UserPoolDomain    string            `json:"userPoolDomain"`
	ExtraParams       map[string]string `json:"authenticationRequestExtraParams,omitempty"`
	OnUnauthenticated string            `json:"onUnauthenticatedRequest,omitempty"`
	Scope             string            `json:"scope,omitempty"`
	SessionCookieName string            `json:"sessionCookieName,omitempty"`
	SessionTimeout    *int64            `json:"sessionTimeout,omitempty"`
}

// JWTValidationConfig lets only requests with a valid bearer token pass.
type JWTValidationConfig struct {
	JWKSEndpoint     string     `json:"jwksEndpoint"`
	Issuer           string     `json:"issuer"`
	AdditionalClaims []JWTClaim `json:"additionalClaims,omitempty"`
}

// JWTClaim is a claim that a token must have.
type JWTClaim struct {
	Format string   `json:"format"` // single-string | string-array | space-separated-values
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// String says the action in words.
func (a Action) String() string {
	switch {
	case a.Forward != nil:
		names := make([]string, len(a.Forward.TargetGroups))
		for i, g := range a.Forward.TargetGroups {
			names[i] = g.Name()
			if g.Weight != nil && len(a.Forward.TargetGroups) > 1 {
				names[i] += fmt.Sprintf(" (weight %d)", *g.Weight)
			}
		}
		text := "forward to " + strings.Join(names, ", ")
		if s := a.Forward.Stickiness; s != nil && s.Enabled != nil && *s.Enabled && len(names) > 1 {
			text += ", each client to one of them"
			if s.DurationSeconds != nil {
				text += fmt.Sprintf(" for %d s", *s.DurationSeconds)
			}
		}
		return text
	case a.Redirect != nil:
		return "redirect " + strings.TrimPrefix(a.Redirect.StatusCode, "HTTP_") + " to " + a.Redirect.Template()
	case a.FixedResponse != nil:
		return "fixed response " + a.FixedResponse.StatusCode
	case a.OIDC != nil:
		return string(a.Type) + " by " + a.OIDC.Issuer + unauthenticated(a.OIDC.OnUnauthenticated)
	case a.Cognito != nil:
		return string(a.Type) + " by " + a.Cognito.UserPoolARN + unauthenticated(a.Cognito.OnUnauthenticated)
	case a.JWT != nil:
		return string(a.Type) + " of tokens of " + a.JWT.Issuer
	}
	return string(a.Type)
}

// unauthenticated says what becomes of a client that has not logged in, where it is not sent to do so.
func unauthenticated(on string) string {
	if on == "" || on == "authenticate" {
		return ""
	}
	return " (" + on + " who has not logged in)"
}

// Template is the redirect's target with its placeholders, defaults filled in.
func (r *Redirect) Template() string {
	or := func(s *string, or string) string {
		if s == nil || *s == "" {
			return or
		}
		return *s
	}
	return strings.ToLower(or(r.Protocol, "#{protocol}")) + "://" + or(r.Host, "#{host}") + ":" + or(r.Port, "#{port}") +
		or(r.Path, "/#{path}") + "?" + or(r.Query, "#{query}")
}

package manifest

import (
	"strings"
	"unicode"

	"github.com/albatross-lb/albatross/lb"
)

// authWords is who must log in, as Ingress and Service say it.
type authWords struct {
	kind           string // none | oidc | cognito
	onNobody       string
	scope          string
	cookie         string
	sessionTimeout int64
	oidc           *oidcWords
	cognito        *cognitoWords
	notes          annotations
}

type oidcWords struct {
	Issuer                string            `json:"issuer"`
	AuthorizationEndpoint string            `json:"authorizationEndpoint"`
	TokenEndpoint         string            `json:"tokenEndpoint"`
	UserInfoEndpoint      string            `json:"userInfoEndpoint"`
	SecretName            string            `json:"secretName"`
	ExtraParams           map[string]string `json:"authenticationRequestExtraParams"`
}

type cognitoWords struct {
	UserPoolARN      string            `json:"userPoolARN"`
	UserPoolClientID string            `json:"userPoolClientID"`
	UserPoolDomain   string            `json:"userPoolDomain"`
	ExtraParams      map[string]string `json:"authenticationRequestExtraParams"`
}

// readAuth reads the auth-* annotations. A type that is not known and JSON that
// cannot be read are faults even where no listener would use them.
func readAuth(notes annotations) (authWords, error) {
	a := authWords{
		kind:     notes.textOr("auth-type", "none"),
		onNobody: notes.textOr("auth-on-unauthenticated-request", "authenticate"),
		scope:    notes.textOr("auth-scope", "openid"),
		cookie:   notes.textOr("auth-session-cookie", "AWSELBAuthSessionCookie"),
		notes:    notes,
	}
	if a.kind != "none" && a.kind != "oidc" && a.kind != "cognito" {
		return a, notes.faultf("auth-type", "%q is not known; write none, oidc or cognito", a.kind)
	}
	timeout, ok, err := notes.integer("auth-session-timeout", 64)
	if err != nil {
		return a, err
	}
	if a.sessionTimeout = 604800; ok {
		a.sessionTimeout = timeout
	}
	cognito, oidc := &cognitoWords{}, &oidcWords{}
	if ok, err := notes.json("auth-idp-cognito", cognito); err != nil {
		return a, err
	} else if ok {
		a.cognito = cognito
	}
	if ok, err := notes.json("auth-idp-oidc", oidc); err != nil {
		return a, err
	} else if ok {
		a.oidc = oidc
	}
	return a, nil
}

// readJWT reads the annotation jwt-validation; nil if there is none.
func readJWT(notes annotations) (*lb.JWTValidationConfig, error) {
	const annotation = "jwt-validation"
	var c lb.JWTValidationConfig
	ok, err := notes.json(annotation, &c)
	if err != nil || !ok {
		return nil, err
	}
	missing := ""
	switch {
	case c.JWKSEndpoint == "":
		missing = "jwksEndpoint"
	case c.Issuer == "":
		missing = "issuer"
	}
	for _, claim := range c.AdditionalClaims {
		switch {
		case missing != "":
		case claim.Format == "":
			missing = "the format of an additional claim"
		case claim.Name == "":
			missing = "the name of an additional claim"
		case len(claim.Values) == 0:
			missing = "the values of an additional claim"
		}
	}
	if missing != "" {
		return nil, notes.faultf(annotation, "%s is missing, and required", missing)
	}
	return &c, nil
}

// gate is the action that lets only some requests pass to the backend: a login or
// a token. It exists on HTTPS listeners only; nil if there is none.
func (b *builder) gate(namespace string, auth authWords, jwt *lb.JWTValidationConfig) (*lb.Action, error) {
	login, err := b.login(namespace, auth)
	if err != nil {
		return nil, err
	}
	if jwt == nil {
		return login, nil
	}
	if login != nil {
		return nil, auth.notes.faultf("jwt-validation", "authentication (auth-type: %s) and jwt-validation can't both be configured; leave one of them out", auth.kind)
	}
	return &lb.Action{Type: lb.JWTValidation, JWT: jwt}, nil
}

func (b *builder) login(namespace string, auth authWords) (*lb.Action, error) {
	switch auth.kind {
	case "cognito":
		if auth.cognito == nil {
			return nil, auth.notes.faultf("auth-idp-cognito", "auth-type cognito needs this annotation")
		}
		return &lb.Action{Type: lb.AuthenticateCognito, Cognito: &lb.AuthenticateCognitoConfig{
			UserPoolARN: auth.cognito.UserPoolARN, UserPoolClientID: auth.cognito.UserPoolClientID, UserPoolDomain: auth.cognito.UserPoolDomain,
			ExtraParams: auth.cognito.ExtraParams, OnUnauthenticated: auth.onNobody, Scope: auth.scope,
			SessionCookieName: auth.cookie, SessionTimeout: &auth.sessionTimeout}}, nil
	case "oidc":
		return b.oidc(namespace, auth)
	}
	return nil, nil
}

// oidc takes the client's id and secret from the Secret that the annotation names.
func (b *builder) oidc(namespace string, auth authWords) (*lb.Action, error) {
	const annotation = "auth-idp-oidc"
	if auth.oidc == nil {
		return nil, auth.notes.faultf(annotation, "auth-type oidc needs this annotation")
	}
	s, ok := b.secret(name{namespace, auth.oidc.SecretName})
	if !ok {
		return nil, auth.notes.faultf(annotation, "secret %s/%s not found; add a Secret with clientID and clientSecret", namespace, auth.oidc.SecretName)
	}
	id, ok := s.Data["clientID"]
	if !ok {
		id, ok = s.Data["clientId"]
	}
	if !ok {
		return nil, auth.notes.faultf(annotation, "secret %s/%s has no clientID", namespace, auth.oidc.SecretName)
	}
	clientSecret, ok := s.Data["clientSecret"]
	if !ok {
		return nil, auth.notes.faultf(annotation, "secret %s/%s has no clientSecret", namespace, auth.oidc.SecretName)
	}
	return &lb.Action{Type: lb.AuthenticateOIDC, OIDC: &lb.AuthenticateOIDCConfig{
		Issuer: auth.oidc.Issuer, AuthorizationEndpoint: auth.oidc.AuthorizationEndpoint, TokenEndpoint: auth.oidc.TokenEndpoint,
		UserInfoEndpoint: auth.oidc.UserInfoEndpoint, ExtraParams: auth.oidc.ExtraParams,
		ClientID:          strings.TrimRightFunc(string(id), unicode.IsSpace),
		ClientSecret:      strings.TrimRightFunc(string(clientSecret), unicode.IsControl),
		OnUnauthenticated: auth.onNobody, Scope: auth.scope, SessionCookieName: auth.cookie, SessionTimeout: &auth.sessionTimeout}}, nil
}

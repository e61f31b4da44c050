package manifest

import (
	"errors"
	"fmt"
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
	var badType error
	if a.kind != "none" && a.kind != "oidc" && a.kind != "cognito" {
		badType = notes.faultf("auth-type", "%q is not known; write none, oidc or cognito", a.kind)
	}
	timeout, ok, badTimeout := notes.integer("auth-session-timeout", 64)
	if a.sessionTimeout = 604800; ok {
		a.sessionTimeout = timeout
	}
	cognito, oidc := &cognitoWords{}, &oidcWords{}
	ok, badCognito := notes.json("auth-idp-cognito", cognito)
	if ok {
		a.cognito = cognito
	}
	ok, badOIDC := notes.json("auth-idp-oidc", oidc)
	if ok {
		a.oidc = oidc
	}
	return a, errors.Join(badType, badTimeout, badCognito, badOIDC)
}

// readJWT reads the annotation jwt-validation; nil if there is none.
func readJWT(notes annotations) (*lb.JWTValidationConfig, error) {
	const annotation = "jwt-validation"
	var c lb.JWTValidationConfig
	ok, err := notes.json(annotation, &c)
	if err != nil || !ok {
		return nil, err
	}
	var missing []string
	need := func(given bool, what string) {
		if !given {
			missing = append(missing, what+" missing; AWS requires it")
		}
	}
	need(c.JWKSEndpoint != "", "jwksEndpoint is")
	need(c.Issuer != "", "issuer is")
	for i, claim := range c.AdditionalClaims {
		of := fmt.Sprintf(" of additionalClaims[%d]", i)
		need(claim.Format != "", "the format"+of+" is")
		need(claim.Name != "", "the name"+of+" is")
		need(len(claim.Values) > 0, "the values"+of+" are")
	}
	return &c, notes.allOf(annotation, missing)
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
		return nil, auth.notes.faultf(annotation, "%s; add it, with clientID and clientSecret", b.missing("Secret", name{namespace, auth.oidc.SecretName}))
	}
	id, identified := s.Data["clientID"]
	if !identified {
		id, identified = s.Data["clientId"]
	}
	clientSecret, secured := s.Data["clientSecret"]
	var missing []string
	if !identified {
		missing = append(missing, fmt.Sprintf("Secret %s/%s has no clientID", namespace, auth.oidc.SecretName))
	}
	if !secured {
		missing = append(missing, fmt.Sprintf("Secret %s/%s has no clientSecret", namespace, auth.oidc.SecretName))
	}
	if len(missing) > 0 {
		return nil, auth.notes.allOf(annotation, missing)
	}
	return &lb.Action{Type: lb.AuthenticateOIDC, OIDC: &lb.AuthenticateOIDCConfig{
		Issuer: auth.oidc.Issuer, AuthorizationEndpoint: auth.oidc.AuthorizationEndpoint, TokenEndpoint: auth.oidc.TokenEndpoint,
		UserInfoEndpoint: auth.oidc.UserInfoEndpoint, ExtraParams: auth.oidc.ExtraParams,
		ClientID:          strings.TrimRightFunc(string(id), unicode.IsSpace),
		ClientSecret:      strings.TrimRightFunc(string(clientSecret), unicode.IsControl),
		OnUnauthenticated: auth.onNobody, Scope: auth.scope, SessionCookieName: auth.cookie, SessionTimeout: &auth.sessionTimeout}}, nil
}

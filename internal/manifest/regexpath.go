package manifest

import (
	"bytes"
	"encoding/json"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/albatross-lb/albatross/lb"
)

// useRegex turns paths of type ImplementationSpecific into regular expressions.
const useRegex = "use-regex-path-match"

// looksLikeRegex tells whether a path is probably meant as a regular expression, as nginx
// takes them: patterns of ALB know no more than * and ?.
func looksLikeRegex(path string) bool {
	return strings.ContainsAny(path, `()[]{}|^\`) && !hasPlaceholder(path) || strings.Contains(path, ".*") || strings.Contains(path, ".+") ||
		strings.HasSuffix(path, "$") || strings.HasPrefix(path, "~")
}

// regexOf is the regular expression that a path is probably meant as: without what nginx
// writes in front of one, and from the beginning of the path on.
func regexOf(path string) string {
	path = strings.TrimLeft(strings.TrimSpace(path), "~*= ")
	path = strings.TrimPrefix(path, "^~ ")
	if rest, ok := strings.CutPrefix(path, "/^"); ok { // as AWS's controller takes it
		path = "^" + rest
	}
	return "^" + strings.TrimPrefix(path, "^")
}

// orRegex is what else to write for a path that looks like a regular expression.
func orRegex(path string) string {
	if !looksLikeRegex(path) {
		return ""
	}
	return ", or " + asRegex(path)
}

// asRegex is what to write for a regular expression; AWS's controller takes it behind a
// slash, which Kubernetes wants and which is not part of it.
func asRegex(path string) string {
	return "for a regular expression " + ingressPrefix + useRegex + ": 'true', pathType: ImplementationSpecific and path: /" + regexOf(path)
}

// remarkRegex warns of a regular expression that is taken for a plain path, and of the
// annotation for them where it does nothing.
func (b *builder) remarkRegex(m *member, field string, path networkingv1.HTTPIngressPath) {
	on, _, _ := m.notes.boolean(useRegex)
	specific := pathTypeOf(path) == networkingv1.PathTypeImplementationSpecific
	switch {
	case on && specific, !looksLikeRegex(path.Path):
	case on:
		b.warn(m.origin, field, "path %q is no regular expression, though %s%s is true: that is for pathType: ImplementationSpecific alone", path.Path, ingressPrefix, useRegex)
	default:
		b.warn(m.origin, field, "path %q is compared as it is written, but for * and ?; write %s%s", path.Path, asRegex(path.Path), m.rewriteAs(path))
	}
}

// rewriteAs is the transform that does for a path what nginx's rewrite-target does, which
// replaces the whole path, with groups of the path's expression for $1, $2.
func (m *member) rewriteAs(path networkingv1.HTTPIngressPath) string {
	target := m.Annotations["nginx.ingress.kubernetes.io/rewrite-target"]
	if target == "" || path.Backend.Service == nil {
		return ""
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	_ = e.Encode([]lb.Transform{{Type: "url-rewrite", URLRewrite: &lb.RewriteConfig{Rewrites: []lb.Rewrite{{Regex: regexOf(path.Path), Replace: target}}}}}) // strings, into memory
	return ", and for its rewrite-target " + ingressPrefix + "transforms." + path.Backend.Service.Name + ": '" + strings.TrimSpace(text.String()) + "'"
}

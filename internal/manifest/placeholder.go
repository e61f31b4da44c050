package manifest

import (
	"regexp"
	"strings"
)

// placeholder is what a template leaves where nobody has filled it in: ${NAME} of the shell,
// envsubst, Terraform and Flux, {{ .Values.name }} of Helm and Jinja, ${{ }} of GitHub, and
// what Helm prints for a value that is not there.
var placeholder = regexp.MustCompile(`\$?\{\{[^}]*\}?\}?|\$\{[^}]*\}?|<no value>`)

func hasPlaceholder(s string) bool {
	return strings.Contains(s, "${") || strings.Contains(s, "{{") || strings.Contains(s, "<no value>")
}

// unfilled says which placeholder a value holds, and what fills it in; "" if it holds none.
func unfilled(value string) string {
	if !hasPlaceholder(value) {
		return ""
	}
	found := shorten(placeholder.FindString(value))
	switch {
	case strings.HasPrefix(found, "{{"):
		return "it holds " + found + ", which is still to be filled in; render the files first (helm template CHART | albatross check -, or the tool they are for)"
	case strings.HasPrefix(found, "$"):
		return "it holds " + found + ", which is still to be filled in; do that first, for example by envsubst < FILE"
	}
	return "it holds " + found + ", which is what Helm writes for a value that is not there; give it one"
}

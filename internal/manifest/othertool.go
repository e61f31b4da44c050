package manifest

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// oursInText finds what only Kubernetes' manifests have: the key apiVersion, or the kind of an object that
// is read here. It is asked of text, since what is not YAML or JSON has no keys.
var oursInText = regexp.MustCompile(`(?m)(^|[\s{,])["']?(apiVersion["']?\s*:|kind["']?\s*:\s*["']?(List|` +
	strings.Join(slices.Sorted(maps.Keys(kinds)), "|") + `)\b)`)

// looksForeign tells whether a file that cannot be read as YAML or JSON is not meant for Kubernetes. A folder of
// manifests may be a repository's, with files of other tools that are neither: JSON with
// comments (tsconfig.json), encrypted variables (Ansible), templates.
func looksForeign(text []byte) bool { return !oursInText.Match(text) }

// isTemplate tells whether a value holds {{ x }} without quotes, which YAML takes for a mapping
// whose key is a mapping.
func isTemplate(n *yaml.Node, depth int) bool {
	if depth > mostDepth || n.Kind == yaml.AliasNode {
		return false
	}
	for i, item := range n.Content {
		if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && i%2 == 0 && item.Kind == yaml.MappingNode && item.Style&yaml.FlowStyle != 0 {
			return true
		}
		if isTemplate(item, depth+1) {
			return true
		}
	}
	return false
}

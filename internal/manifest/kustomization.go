package manifest

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// kustomizeFiles are the names that kustomize looks for in a folder
// (sigs.k8s.io/kustomize/api/konfig, RecognizedKustomizationFileNames).
var kustomizeFiles = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// IsKustomization tells whether a file of this name makes its folder a kustomization.
func IsKustomization(name string) bool { return slices.Contains(kustomizeFiles, name) }

// keepsRouting are the fields of a kustomization that change nothing that a load balancer looks at.
var keepsRouting = []string{"apiVersion", "kind", "metadata", "resources", "bases", "namespace", "images", "replicas",
	"commonLabels", "labels", "buildMetadata", "sortOptions", "openapi", "configMapGenerator", "generatorOptions"}

// Kustomization is what a kustomization names, and whether it does more than to put files together.
type Kustomization struct {
	Names   []string // every word in it, of which some are paths of files and folders
	Changes bool     // there are patches, prefixes, generated Secrets and the like
}

// ReadKustomization reads a kustomization file. One that cannot be read changes things, since
// kustomize would not take it either.
func ReadKustomization(data []byte) (k Kustomization) {
	values, fault := document{text: toText(data), line: 1}.read()
	k.Changes = fault != nil
	for _, v := range values {
		if v.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(v.Content); i += 2 {
			k.Changes = k.Changes || !slices.Contains(keepsRouting, v.Content[i].Value)
		}
		k.Names = plainValues(v, 0, k.Names)
	}
	return k
}

// plainValues are the plain values within a value.
func plainValues(n *yaml.Node, depth int, all []string) []string {
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		return append(all, n.Value)
	}
	if depth < mostDepth && n.Kind != yaml.AliasNode {
		for _, item := range n.Content {
			all = plainValues(item, depth+1, all)
		}
	}
	return all
}

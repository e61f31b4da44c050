package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
)

// pathTypeOf is how a path is meant; without a word it is ImplementationSpecific.
func pathTypeOf(p networkingv1.HTTPIngressPath) networkingv1.PathType {
	if p.PathType == nil {
		return networkingv1.PathTypeImplementationSpecific
	}
	return *p.PathType
}

// orderPaths gives the indexes of the paths of one rule in the order of their
// priority: Exact as written, then Prefix with the longest first (its slash at the
// end counts), then ImplementationSpecific as written.
func orderPaths(field string, paths []networkingv1.HTTPIngressPath) ([]int, error) {
	rank := map[networkingv1.PathType]int{
		networkingv1.PathTypeExact: 0, networkingv1.PathTypePrefix: 1, networkingv1.PathTypeImplementationSpecific: 2,
	}
	order := make([]int, len(paths))
	var errs []error
	for i, p := range paths {
		order[i] = i
		if _, ok := rank[pathTypeOf(p)]; !ok {
			errs = append(errs, faultf(fmt.Sprintf("%s[%d].pathType", field, i), "pathType %q of path %s is not known; write Exact, Prefix or ImplementationSpecific", *p.PathType, p.Path))
		}
	}
	slices.SortStableFunc(order, func(i, j int) int {
		x, y := paths[i], paths[j]
		if c := cmp.Compare(rank[pathTypeOf(x)], rank[pathTypeOf(y)]); c != 0 || pathTypeOf(x) != networkingv1.PathTypePrefix {
			return c
		}
		return cmp.Compare(len(y.Path), len(x.Path))
	})
	return order, errors.Join(errs...)
}

// patterns turns a path into the patterns of a path condition, or into a regular
// expression. Nothing comes of an empty path.
func (m *member) patterns(p networkingv1.HTTPIngressPath) (values, regexes []string, err error) {
	wild := strings.ContainsAny(p.Path, "*?")
	switch t := pathTypeOf(p); {
	case p.Path == "":
		return nil, nil, nil
	case t == networkingv1.PathTypeExact && wild:
		return nil, nil, faultf("path", "an Exact path holds no wildcards: %s; write pathType: ImplementationSpecific for a pattern%s", p.Path, orRegex(p.Path))
	case t == networkingv1.PathTypeExact:
		return []string{p.Path}, nil, nil
	case t == networkingv1.PathTypePrefix && p.Path == "/":
		return []string{"/*"}, nil, nil
	case t == networkingv1.PathTypePrefix && wild:
		return nil, nil, faultf("path", "a Prefix path holds no wildcards: %s; write pathType: ImplementationSpecific for a pattern%s", p.Path, orRegex(p.Path))
	case t == networkingv1.PathTypePrefix:
		path := strings.TrimSuffix(p.Path, "/")
		return []string{path, path + "/*"}, nil, nil
	}
	regex, _, err := m.notes.boolean("use-regex-path-match")
	if err != nil {
		return nil, nil, err
	}
	if regex { // Kubernetes wants a leading slash, which is not part of the expression
		return nil, []string{strings.TrimPrefix(p.Path, "/")}, nil
	}
	return []string{p.Path}, nil, nil
}

package manifest

import (
	"errors"

	"github.com/albatross-lb/albatross/lb"
)

// readTransforms reads the annotation transforms.<name>.
func readTransforms(m *member, backend string) ([]lb.Transform, error) {
	annotation := "transforms." + backend
	var all []lb.Transform
	if _, err := m.notes.json(annotation, &all); err != nil {
		return nil, err
	}
	var errs []error
	for i, t := range all {
		switch t.Type {
		case "url-rewrite":
			if t.URLRewrite == nil || len(t.URLRewrite.Rewrites) == 0 {
				errs = append(errs, m.notes.faultf(annotation, "transform %d: urlRewriteConfig.rewrites is missing or empty", i+1))
			}
			all[i].HostHeaderRewrite = nil
		case "host-header-rewrite":
			if t.HostHeaderRewrite == nil || len(t.HostHeaderRewrite.Rewrites) == 0 {
				errs = append(errs, m.notes.faultf(annotation, "transform %d: hostHeaderRewriteConfig.rewrites is missing or empty", i+1))
			}
			all[i].URLRewrite = nil
		default:
			errs = append(errs, m.notes.faultf(annotation, "transform %d: the type %q is not known; write url-rewrite or host-header-rewrite", i+1, t.Type))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

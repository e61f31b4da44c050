package manifest

import (
	"errors"
	"fmt"
)

// fault is one thing that is wrong with an object: the field of the object, and what is
// wrong with it and what to write instead. An object may have many; then they are joined
// (errors.Join), and all of them are told at once.
type fault struct{ field, text string }

func (f *fault) Error() string {
	if f.field == "" {
		return f.text
	}
	return f.field + ": " + f.text
}

func faultf(field, format string, args ...any) error {
	return &fault{field, fmt.Sprintf(format, args...)}
}

// each lists the errors that were joined into one, in their order; none for nil.
func each(err error) (all []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case !ok:
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		all = append(all, each(e)...)
	}
	return all
}

// in puts the field in front of the faults that are said relative to it.
func in(field string, err error) error {
	all := each(err)
	for i, e := range all {
		f, ok := e.(*fault)
		switch {
		case !ok:
		case f.field == "":
			all[i] = &fault{field, f.text}
		case f.field == "path" || f.field == "pathType" || f.field == "backend":
			all[i] = &fault{field + "." + f.field, f.text}
		}
	}
	return errors.Join(all...)
}

package manifest

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The prefixes of AWS's annotations.
const (
	ingressPrefix = "alb.ingress.kubernetes.io/"
	servicePrefix = "service.beta.kubernetes.io/"
	awsPrefix     = "aws-load-balancer-" // behind servicePrefix
)

// annotations are those of one object, or of several laid over each other, read
// by their names behind a prefix.
type annotations struct {
	prefix string
	values map[string]string
}

// over gives the annotations of upper with lower's wherever upper has none. A
// value replaces a whole value: maps do not merge.
func over(upper, lower map[string]string) map[string]string {
	if len(upper) == 0 {
		return lower
	}
	all := maps.Clone(lower)
	if all == nil {
		all = make(map[string]string, len(upper))
	}
	maps.Copy(all, upper)
	return all
}

func (a annotations) key(name string) string { return a.prefix + name }

// field is how an annotation is named in a problem.
func (a annotations) field(name string) string {
	return "metadata.annotations[" + a.prefix + name + "]"
}

func (a annotations) faultf(name, format string, args ...any) error {
	return faultf(a.field(name), format, args...)
}

// allOf makes a fault of each text.
func (a annotations) allOf(name string, texts []string) error {
	errs := make([]error, len(texts))
	for i, text := range texts {
		errs[i] = a.faultf(name, "%s", text)
	}
	return errors.Join(errs...)
}

func (a annotations) text(name string) (string, bool) {
	v, ok := a.values[a.key(name)]
	return v, ok
}

func (a annotations) textOr(name, or string) string {
	if v, ok := a.text(name); ok {
		return v
	}
	return or
}

// list reads values separated by commas; blanks around them and empty ones do not count.
func (a annotations) list(name string) ([]string, bool) {
	raw, ok := a.text(name)
	if !ok {
		return nil, false
	}
	return splitList(raw), true
}

func (a annotations) boolean(name string) (value, ok bool, err error) {
	raw, ok := a.text(name)
	if !ok {
		return false, false, nil
	}
	value, err = strconv.ParseBool(raw)
	if err != nil {
		return false, true, a.faultf(name, "%q is neither true nor false; write 'true' or 'false'", raw)
	}
	return value, true, nil
}

// integer reads a whole number of at most bits bits.
func (a annotations) integer(name string, bits int) (value int64, ok bool, err error) {
	raw, ok := a.text(name)
	if !ok {
		return 0, false, nil
	}
	value, err = strconv.ParseInt(raw, 10, bits)
	if err != nil {
		return 0, true, a.faultf(name, "%q is not a whole number; write digits alone, such as '30'", raw)
	}
	return value, true, nil
}

func (a annotations) integerOr(name string, or int) (int, error) {
	value, ok, err := a.integer(name, 32)
	if err != nil || !ok {
		return or, err
	}
	return int(value), nil
}

// pairs reads key=value pairs separated by commas.
func (a annotations) pairs(name string) (map[string]string, bool, error) {
	raw, ok := a.text(name)
	if !ok {
		return nil, false, nil
	}
	m := map[string]string{}
	var errs []error
	for _, item := range splitPairs(raw) {
		key, value, found := strings.Cut(item, "=")
		key = strings.TrimSpace(key)
		if !found || key == "" {
			errs = append(errs, a.faultf(name, "%q is not key=value; write key=value pairs separated by commas, and a comma within a value as \\,", shorten(item)))
			continue
		}
		m[key] = strings.TrimSpace(value)
	}
	return m, true, errors.Join(errs...)
}

// pairsInWords is a map as annotations have it: "a=1,b=2", or "none".
func pairsInWords(m map[string]string) string {
	var items []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		items = append(items, key+"="+m[key])
	}
	return cmp.Or(strings.Join(items, ","), "none")
}

func splitList(raw string) []string {
	var list []string
	for part := range strings.SplitSeq(raw, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// splitPairs cuts a map at its commas. A backslash takes the meaning from what
// follows it and disappears. A comma is part of the value before it when nothing
// follows; when what follows holds no `=`, that rest is the last item, which is
// then no pair.
func splitPairs(raw string) []string {
	var items []string
	var item strings.Builder
	lastEqual := strings.LastIndexByte(raw, '=')
	end := len(strings.TrimRightFunc(raw, unicode.IsSpace)) // behind the last visible byte
	for i := 0; i < len(raw); i++ {
		switch {
		case raw[i] == '\\' && i+1 < len(raw):
			i++
			item.WriteByte(raw[i])
		case raw[i] != ',' || i+1 >= end:
			item.WriteByte(raw[i])
		default:
			items = append(items, strings.TrimSpace(item.String()))
			item.Reset()
			if lastEqual < i {
				return append(items, strings.TrimSpace(raw[i+1:]))
			}
		}
	}
	if item.Len() > 0 {
		items = append(items, strings.TrimSpace(item.String()))
	}
	return items
}

// shorten keeps a value short enough for an error line.
func shorten(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}

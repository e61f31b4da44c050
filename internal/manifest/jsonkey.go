package manifest

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// inJSON are the annotations in JSON, by the word before the first dot of their names, and
// what they are read as.
var inJSON = map[string]reflect.Type{
	"actions":               reflect.TypeFor[actionWords](),
	"conditions":            reflect.TypeFor[[]lb.Condition](),
	"transforms":            reflect.TypeFor[[]lb.Transform](),
	"mutual-authentication": reflect.TypeFor[[]mutualWords](),
	"auth-idp-cognito":      reflect.TypeFor[cognitoWords](),
	"auth-idp-oidc":         reflect.TypeFor[oidcWords](),
	"jwt-validation":        reflect.TypeFor[lb.JWTValidationConfig](),
}

// warnUnknownKeys warns of keys within JSON that nobody reads. AWS's controller passes over
// them in silence.
func (b *builder) warnUnknownKeys(origin lb.Origin, notes annotations) {
	for _, key := range slices.Sorted(maps.Keys(notes.values)) {
		word, ours := strings.CutPrefix(key, notes.prefix)
		family, _, _ := strings.Cut(word, ".")
		is := inJSON[family]
		if !ours || is == nil {
			continue
		}
		var value any
		if json.Unmarshal([]byte(notes.values[key]), &value) != nil {
			continue // a fault of its own
		}
		for _, text := range unknownKeys("", value, is) {
			b.warnOnce(origin, notes.field(word), text)
		}
	}
}

// unknownKeys lists the keys in a value that a type has no field for, and what they may
// be meant for.
func unknownKeys(path string, value any, is reflect.Type) (all []string) {
	for is.Kind() == reflect.Pointer {
		is = is.Elem()
	}
	switch value := value.(type) {
	case []any:
		for i, item := range value {
			if is.Kind() == reflect.Slice {
				all = append(all, unknownKeys(path+"["+strconv.Itoa(i)+"]", item, is.Elem())...)
			}
		}
	case map[string]any:
		if is.Kind() != reflect.Struct {
			return nil
		}
		fields := jsonFields(is)
		for _, key := range slices.Sorted(maps.Keys(value)) {
			at := strings.TrimPrefix(path+"."+key, ".")
			if field, ok := fields[strings.ToLower(key)]; ok {
				all = append(all, unknownKeys(at, value[key], field)...)
				continue
			}
			text := at + ": there is no such key, and it has no effect"
			if near := lb.Nearest(strings.ToLower(key), slices.Collect(maps.Keys(fields))); near != "" {
				text += "; did you mean " + spelling(is, near) + "?"
			}
			all = append(all, text)
		}
	}
	return all
}

// jsonFields are the fields of a struct by the lower case of their names in JSON.
func jsonFields(is reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(is) {
		if name := jsonName(f); name != "" && !f.Anonymous {
			all[strings.ToLower(name)] = f.Type
		}
	}
	return all
}

// spelling is how a field is written whose name is given in lower case.
func spelling(is reflect.Type, lower string) string {
	for _, f := range reflect.VisibleFields(is) {
		if strings.ToLower(jsonName(f)) == lower {
			return jsonName(f)
		}
	}
	return lower
}

// jsonName is what encoding/json calls a field; "" if it passes over it.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case name == "-" || !f.IsExported():
		return ""
	case name == "":
		return f.Name
	}
	return name
}

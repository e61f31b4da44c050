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
				all = append(all, unknownKeys(at, value[key], field.is)...)
				continue
			}
			text := at + ": there is no such key, and it has no effect"
			if near := nearestField(key, fields); near != "" {
				text += "; did you mean " + near + "?"
			}
			all = append(all, text)
		}
	}
	return all
}

// fieldNear is the field of a type that one which is not there likely stands for, by its
// path such as spec.rules[0].hots; "" if none is near.
func fieldNear(is reflect.Type, path string) string {
	for {
		for is.Kind() == reflect.Pointer {
			is = is.Elem()
		}
		var step string
		switch step, path = nextStep(path); is.Kind() {
		case reflect.Slice, reflect.Map:
			is = is.Elem()
		case reflect.Struct:
			fields := jsonFields(is)
			if path == "" {
				return nearestField(step, fields)
			}
			field, known := fields[strings.ToLower(step)]
			if !known {
				return ""
			}
			is = field.is
		default:
			return ""
		}
	}
}

// jsonField is a field of a struct as JSON has it.
type jsonField struct {
	name string
	is   reflect.Type
}

// jsonFields are those of a struct by the lower case of their names.
func jsonFields(is reflect.Type) map[string]jsonField {
	all := map[string]jsonField{}
	for i := range is.NumField() {
		f := is.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "": // inline
			maps.Copy(all, jsonFields(f.Type))
		case name == "":
			all[strings.ToLower(f.Name)] = jsonField{f.Name, f.Type}
		default:
			all[strings.ToLower(name)] = jsonField{name, f.Type}
		}
	}
	return all
}

// nearestField is the name of the one that a key likely stands for; "" if none is near.
func nearestField(key string, fields map[string]jsonField) string {
	return fields[lb.Nearest(strings.ToLower(key), slices.Sorted(maps.Keys(fields)))].name
}

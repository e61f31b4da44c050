package lb

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"
)

// attribute reads one value into its place.
type attribute func(value string) error

func parseAttributes(m map[string]string, known map[string]attribute) []AttributeError {
	var errs []AttributeError
	for key, value := range m {
		set, ok := known[key]
		if !ok {
			errs = append(errs, AttributeError{key, value, "unknown attribute" + didYouMean(key, known)})
			continue
		}
		if err := set(value); err != nil {
			errs = append(errs, AttributeError{key, value, err.Error()})
		}
	}
	sort.Slice(errs, func(i, j int) bool { return errs[i].Key < errs[j].Key })
	return errs
}

func didYouMean(key string, known map[string]attribute) string {
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	if near := Nearest(key, names); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

func anything(string) error { return nil }

func text(into *string) attribute {
	return func(v string) error { *into = v; return nil }
}

func boolean(into *bool) attribute {
	return func(v string) error {
		switch v {
		case "true":
			*into = true
		case "false":
			*into = false
		default:
			return fmt.Errorf("write true or false")
		}
		return nil
	}
}

func optional(into **bool) attribute {
	return func(v string) error {
		var given bool
		if err := boolean(&given)(v); err != nil {
			return err
		}
		*into = &given
		return nil
	}
}

func onOff(into *bool) attribute {
	return func(v string) error {
		said := "off"
		err := oneOf(&said, "off", "on")(v)
		*into = said == "on"
		return err
	}
}

func oneOf(into *string, values ...string) attribute {
	return func(v string) error {
		for _, known := range values {
			if v == known {
				*into = v
				return nil
			}
		}
		return fmt.Errorf("write one of %s", strings.Join(values, ", "))
	}
}

func number(v string, min, max int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < min || n > max {
		return 0, fmt.Errorf("write a whole number from %d to %d", min, max)
	}
	return n, nil
}

func wholeNumber(into *int, min, max int) attribute {
	return func(v string) error {
		n, err := number(v, min, max)
		if err == nil {
			*into = n
		}
		return err
	}
}

func seconds(into *time.Duration, min, max int) attribute {
	return func(v string) error {
		n, err := number(v, min, max)
		if err == nil {
			*into = time.Duration(n) * time.Second
		}
		return err
	}
}

func slowStart(into *time.Duration) attribute {
	return func(v string) error {
		n, err := number(v, 0, 900)
		if err != nil || (n > 0 && n < 30) {
			return fmt.Errorf("write 0 (off) or a whole number of seconds from 30 to 900")
		}
		*into = time.Duration(n) * time.Second
		return nil
	}
}

func numberOrOff(into *int, min, max int) attribute {
	return func(v string) error {
		if v == "off" {
			*into = 0
			return nil
		}
		n, err := number(v, min, max)
		if err != nil {
			return fmt.Errorf("write off or a whole number from %d to %d", min, max)
		}
		*into = n
		return nil
	}
}

func headerValue(into map[string]string, name string) attribute {
	return func(v string) error {
		if strings.ContainsAny(v, "\r\n\x00") {
			return fmt.Errorf("a header value has no line breaks")
		}
		into[name] = v
		return nil
	}
}

func headerName(into map[string]string, name string) attribute {
	return func(v string) error {
		if v == "" || strings.Trim(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return fmt.Errorf("write a header name of letters, digits, - and _")
		}
		into[name] = v
		return nil
	}
}

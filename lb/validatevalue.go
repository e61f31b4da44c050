package lb

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// What the values of conditions may hold, by AWS's user guide (Condition types for listener
// rules: host conditions, path conditions). Regular expressions are not looked at here.
const (
	hostCharacters = "-.*?"
	pathCharacters = `_-.$/~"'@:+&*?`
)

// foreign lists the characters of s, each once, that are neither ASCII letters nor digits nor in allowed.
func foreign(s, allowed string) string {
	var found []string
	for _, c := range s {
		if c < 0x80 && ('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z') || strings.ContainsRune(allowed, c) {
			continue
		}
		word := string(c)
		if c == ' ' {
			word = "a blank"
		} else if !unicode.IsPrint(c) {
			word = strings.Trim(strconv.QuoteRuneToASCII(c), "'")
		}
		if !slices.Contains(found, word) {
			found = append(found, word)
		}
	}
	return strings.Join(found, " ")
}

// hostWarnings names what AWS would refuse of the host values of r, or what no Host header holds.
func (v *validation) hostWarnings(r *Rule, hosts *ValuesConfig) {
	if hosts == nil {
		return
	}
	entry, _, _ := strings.Cut(r.field(), ".http.paths") // its paths share the host, and it is told once
	for _, h := range hosts.Values {
		if text := hostFault(h); text != "" {
			v.warn(r.Origin, entry, "AWS %s", text)
		}
	}
}

func hostFault(h string) string {
	characters := foreign(h, hostCharacters)
	last := h[strings.LastIndexByte(h, '.')+1:]
	switch {
	case strings.Contains(h, "://"):
		return fmt.Sprintf("takes a host alone, and %q is a URL, which no request's host is; write %q", h, hostOf(h))
	case strings.Contains(characters, ":"):
		return fmt.Sprintf("takes no port in a host, and %q, which no request's host is, has one; write the host alone: the port is that of the listener", h)
	case characters != "":
		return fmt.Sprintf("takes letters, digits and - . * ? in a host, and %q holds %s", h, characters)
	case !strings.Contains(h, "."):
		return fmt.Sprintf("takes hosts with at least one dot, and %q has none", h)
	case last == "" || strings.Trim(last, "0123456789") == "":
		return fmt.Sprintf("takes letters alone behind the last dot of a host, and %q is no such name", h)
	case strings.ContainsAny(last, "*?"):
		return fmt.Sprintf("takes no wildcards behind the last dot of a host, and %q has one there", h)
	}
	return ""
}

func hostOf(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return "www.example.com"
}

// pathWarnings names what AWS would refuse of the path values of r, or what no request's path is.
func (v *validation) pathWarnings(r *Rule, paths *ValuesConfig) {
	if paths == nil {
		return
	}
	for i, p := range paths.Values {
		if i > 0 && p == strings.TrimSuffix(paths.Values[i-1], "/")+"/*" {
			continue // the other half of a prefix
		}
		switch {
		case strings.Contains(p, "://") && p[0] != '/':
			v.warn(r.Origin, r.field(), "path %q is a URL, and matches no request; write the path alone: %q", p, pathOf(p))
		case p != "" && strings.ContainsAny(p[:1], "~^("):
			v.warn(r.Origin, r.field(), "path %q matches no request, since every path starts with /", p)
		case p == "" || !strings.Contains("/*?", p[:1]):
			v.warn(r.Origin, r.field(), "path %q matches no request, since every path starts with /; write %q", p, "/"+p)
		}
		if characters := foreign(p, pathCharacters); characters != "" {
			v.warn(r.Origin, r.field(), "AWS takes letters, digits and %s in a path, and %q holds %s%s", spaced(pathCharacters), p, characters, pathAdvice(p, characters))
		}
	}
}

func pathOf(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Path != "" {
		return u.Path
	}
	return "/"
}

func spaced(characters string) string { return strings.Join(strings.Split(characters, ""), " ") }

// pathAdvice says what may be meant by a path with characters that no path value may hold.
func pathAdvice(p, characters string) string {
	switch before, _, query := strings.Cut(p, "?"); {
	case strings.Contains(p, "{{"), strings.Contains(p, "${"): // left of a template
		return ""
	case strings.ContainsAny(characters, `()[]{}|^\`):
		return "; a regular expression is written as regexValues"
	case query && strings.Contains(characters, "="):
		return fmt.Sprintf("; a query is not part of a path: write %q, and a condition query-string", before)
	case strings.Contains(characters, "#"):
		return "; clients do not send what begins with #"
	}
	return ""
}

package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is what stands between two `---` lines, and the line of the file that it begins in.
type document struct {
	text  []byte
	line  int
	wrong string // what is wrong with the `---` line that it begins with
}

// splitDocuments cuts a stream at its `---` lines by itself, because the YAML
// reader gives up a whole stream at the first error in it. JSON has no such lines.
func splitDocuments(data []byte) []document {
	var docs []document
	current := document{line: 1}
	blank := true // nothing but comments and directives so far
	line := 0
	for text := range bytes.Lines(toText(data)) {
		line++
		begins, wrong := separator(text)
		switch {
		case begins:
			docs = append(docs, current)
			current = document{line: line, text: append([]byte("   "), text[3:]...), wrong: wrong}
			if wrong != "" {
				current.text = []byte("\n")
			}
			blank = isComment(current.text)
			continue
		case isMarker(text, "..."):
			docs = append(docs, current)
			current = document{line: line + 1}
			blank = true
			continue
		case blank && bytes.HasPrefix(text, []byte("%")):
			text = []byte("\n") // a directive: it says nothing that matters here
		}
		blank = blank && isComment(text)
		current.text = append(current.text, text...)
	}
	return append(docs, current)
}

// separator tells whether a line begins a document. One that has more than `---` and is no
// content behind a blank (`--- {kind: List}`) is wrong, for YAML and for kubectl.
func separator(line []byte) (begins bool, wrong string) {
	switch {
	case !bytes.HasPrefix(line, []byte("---")):
		return false, ""
	case isMarker(line, "---"):
		return true, ""
	}
	return true, fmt.Sprintf("%q is no line between two documents; write --- alone", shorten(string(bytes.TrimSpace(line))))
}

func isMarker(line []byte, marker string) bool {
	if !bytes.HasPrefix(line, []byte(marker)) {
		return false
	}
	rest := line[len(marker):]
	return len(rest) == 0 || strings.IndexByte(" \t\n", rest[0]) >= 0
}

func isComment(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) == 0 || line[0] == '#'
}

// syntaxFault is a place where a document stops being YAML, or JSON.
type syntaxFault struct {
	language string // YAML or JSON
	line     int    // of the document, from 1
	text     string
}

func (f *syntaxFault) Error() string {
	return fmt.Sprintf("this is not valid %s: %s", f.language, f.text)
}

// read gives the values of a document, and where it stops being readable. As kubectl does,
// it takes what begins like JSON for JSON, of which several objects may follow each
// other (https://github.com/kubernetes/kubernetes/issues/12104), and for YAML where that fails; the two are seldom the same: YAML
// has other escapes, for one. What stands behind the last object of JSON may be a comment or more YAML.
func (d document) read() (values []*yaml.Node, fault *syntaxFault) {
	rest := d.text
	var inJSON *syntaxFault
	if begins := bytes.TrimSpace(rest); len(begins) > 0 && strings.IndexByte(`{["`, begins[0]) >= 0 {
		var read int
		values, read, inJSON = readJSON(rest)
		if inJSON == nil {
			return values, nil
		}
		if read > 0 && begins[0] != '{' {
			values, read = nil, 0 // a list or a string in JSON is the whole document or none of it
		}
		rest = append(bytes.Repeat([]byte("\n"), bytes.Count(rest[:read], []byte("\n"))), bytes.TrimLeft(rest[read:], " ")...)
	}
	more, fault := readYAML(rest)
	switch {
	case inJSON == nil:
	case len(values) > 0 && (fault != nil || !objectsOnly(more)):
		return values, inJSON
	case fault != nil && looksLikeJSON(rest):
		return values, inJSON
	}
	return append(values, more...), fault
}

// objectsOnly tells whether values may follow an object of JSON.
func objectsOnly(values []*yaml.Node) bool {
	for _, v := range values {
		if v.Kind != yaml.MappingNode {
			return false
		}
	}
	return true
}

var jsonStart = regexp.MustCompile(`^\s*(\{\s*["}]|\[\s*[\[{"\]])`)

// looksLikeJSON tells whether the author of a text that is neither meant JSON.
func looksLikeJSON(text []byte) bool { return jsonStart.Match(text) }

// readYAML gives the values of a text, without those that are null: one as a rule, since
// it was cut at `---` lines.
func readYAML(text []byte) (values []*yaml.Node, fault *syntaxFault) {
	defer func() { // the reader has had panics on broken input
		if r := recover(); r != nil {
			fault = &syntaxFault{"YAML", 1, fmt.Sprint(r)}
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return values, yamlFault(err)
		}
		if len(doc.Content) > 0 && doc.Content[0].ShortTag() != "!!null" {
			values = append(values, doc.Content[0])
		}
	}
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// yamlFault takes line and text from an error of the YAML reader.
func yamlFault(err error) *syntaxFault {
	match := yamlLine.FindStringSubmatch(err.Error())
	if match == nil {
		return &syntaxFault{"YAML", 1, err.Error()}
	}
	line, _ := strconv.Atoi(match[1])
	return &syntaxFault{"YAML", max(line, 1), match[2]}
}

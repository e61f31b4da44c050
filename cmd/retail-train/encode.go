package main

import (
	"encoding/json"
	"fmt"

	"github.com/albatross-lb/albatross/retail/model"
)

// encode writes the artifact indented, but a row of cells on one line.
func encode(a *model.LinearFile) ([]byte, error) {
	text, err := json.MarshalIndent(a, "", " ")
	if err != nil {
		return nil, fmt.Errorf("writing the model: %w", err)
	}
	return append(joinNumbers(text), '\n'), nil
}

// joinNumbers drops the line breaks between the members of arrays of numbers.
func joinNumbers(text []byte) []byte {
	var out []byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\n' && len(out) > 0 && (out[len(out)-1] == '[' || out[len(out)-1] == ',' || isDigit(out[len(out)-1])) {
			next := i + 1
			for next < len(text) && text[next] == ' ' {
				next++
			}
			before := out[len(out)-1]
			number := isDigit(text[next]) || text[next] == '-'
			if number || text[next] == ']' && isDigit(before) {
				i = next - 1
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

package main

import (
	"fmt"
	"html"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// What the README's picture shows, in the project's root.
var pictured = []string{
	"albatross check docs/picture/shop.yaml",
	"albatross explain http://shop.example.com/api/v1/items?page=2 deploy/examples/shop",
}

// TestPicture draws what these commands print and compares it with the picture that is
// there. UPDATE=1 writes it.
func TestPicture(t *testing.T) {
	t.Chdir("../..")
	const file = "docs/picture/check-and-explain.svg"
	var lines []string
	for _, command := range pictured {
		var printed strings.Builder
		args := words(strings.TrimPrefix(command, "albatross "))
		if args[0] == "check" { // as a terminal of that width has it
			args = append(args, "--width", fmt.Sprint(mostColumns-2))
		}
		Main(args, nil, &printed, &printed)
		lines = append(lines, "$ "+command)
		lines = append(lines, strings.Split(strings.TrimSpace(printed.String()), "\n")...)
		lines = append(lines, "")
	}
	picture := draw(lines[:len(lines)-1])
	before, err := os.ReadFile(file)
	if err == nil && string(before) == picture {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s does not show what the commands print (UPDATE=1 writes it): %v", file, err)
	}
	if err := os.WriteFile(file, []byte(picture), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Measures of the picture: columns, and pixels.
const (
	mostColumns         = 114
	across, down, inset = 7.83, 18, 20
)

// draw gives lines of a terminal as SVG.
func draw(lines []string) string {
	var rows []string
	for _, line := range lines {
		for indent := ""; ; indent = "      " {
			room := mostColumns - len(indent)
			if utf8.RuneCountInString(line) <= room {
				rows = append(rows, indent+line)
				break
			}
			cut := strings.LastIndexByte(line[:room], ' ')
			rows, line = append(rows, indent+line[:cut]), line[cut+1:]
		}
	}
	columns := float64(mostColumns)
	width, height := int(columns*across)+2*inset, len(rows)*down+2*inset
	var b strings.Builder
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", width, height, width, height)
	b.WriteString("<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n")
	b.WriteString("<g font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"13\" fill=\"#c9d1d9\" xml:space=\"preserve\">\n")
	for i, row := range rows {
		if text := strings.TrimLeft(row, " "); text != "" {
			x := inset + float64(len(row)-len(text))*across
			fmt.Fprintf(&b, "<text x=\"%.1f\" y=\"%d\"%s>%s</text>\n", x, inset+13+i*down, style(row), html.EscapeString(text))
		}
	}
	return b.String() + "</g>\n</svg>\n"
}

// style sets off commands, titles and verdicts.
func style(row string) string {
	switch {
	case strings.HasPrefix(row, "$ "):
		return ` fill="#ffffff" font-weight="bold"`
	case row == "warnings" || row == "notes" || row == "AWS would refuse":
		return ` fill="#e3b341" font-weight="bold"`
	case row == "set aside":
		return ` fill="#ff7b72" font-weight="bold"`
	case strings.Contains(row, " taken "):
		return ` fill="#7ee787"`
	case strings.HasPrefix(row, "load balancer ") || strings.HasPrefix(row, "GET "):
		return ` fill="#79c0ff"`
	}
	return ""
}

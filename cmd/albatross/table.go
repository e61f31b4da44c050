package main

import (
	"strings"
	"unicode/utf8"

	"github.com/albatross-lb/albatross/lb"
)

// table is rows of cells in columns of text. Where a width is given, the last two
// columns are wrapped to fit into it.
type table struct {
	indent int // of every line
	hang   int // more of it on the further lines of a row
	rows   [][]string
}

// add gives a row. What is in its cells may come from anywhere, and stays on its lines.
func (t *table) add(cells ...string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = lb.OneLine(cell)
	}
	t.rows = append(t.rows, row)
}

const (
	gap     = 2  // between columns
	leastOf = 18 // columns that a wrapped cell has at least
)

// render gives the lines. width 0 stands for any.
func (t *table) render(width int) string {
	widths := t.widths()
	if width > 0 {
		t.fit(widths, width)
	}
	var b strings.Builder
	for _, row := range t.rows {
		cells := make([][]string, len(row))
		lines := 1
		for i, cell := range row {
			cells[i] = []string{cell}
			if width > 0 {
				cells[i] = wrap(cell, widths[i], widths[i]-t.hang)
			}
			lines = max(lines, len(cells[i]))
		}
		for n := range lines {
			t.writeLine(&b, cells, widths, n)
		}
	}
	return b.String()
}

// writeLine writes the nth line of a row.
func (t *table) writeLine(b *strings.Builder, cells [][]string, widths []int, n int) {
	indent := t.indent
	if n > 0 {
		indent += t.hang
	}
	line := strings.Repeat(" ", indent)
	for i, cell := range cells {
		text := ""
		if n < len(cell) {
			text = cell[n]
		}
		line += text + strings.Repeat(" ", max(widths[i]-utf8.RuneCountInString(text), 0)+gap)
	}
	b.WriteString(strings.TrimRight(line, " "))
	b.WriteByte('\n')
}

func (t *table) widths() []int {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// fit takes from the last two columns what the line has too much, first from the wider one.
func (t *table) fit(widths []int, width int) {
	total := t.indent + gap*max(len(widths)-1, 0)
	for _, w := range widths {
		total += w
	}
	last := len(widths) - 1
	for ; total > width && last >= 0; total-- {
		widest := last
		if last > 0 && widths[last-1] > widths[last] {
			widest--
		}
		if widths[widest] <= leastOf {
			return
		}
		widths[widest]--
	}
}

// wrap cuts text at its spaces into lines of at most first and then rest columns. A word
// that is longer has a line to itself, cut where it must be.
func wrap(text string, first, rest int) []string {
	var lines []string
	limit, line := first, ""
	flush := func() {
		lines, line, limit = append(lines, line), "", max(rest, 1)
	}
	for i, word := range strings.Split(text, " ") {
		switch n := utf8.RuneCountInString(word); {
		case i == 0:
		case utf8.RuneCountInString(line)+1+n <= limit:
			line += " "
		default:
			flush()
		}
		for utf8.RuneCountInString(line)+utf8.RuneCountInString(word) > limit {
			cut := cutBefore(word, limit-utf8.RuneCountInString(line))
			line, word = line+word[:cut], word[cut:]
			flush()
		}
		line += word
	}
	return append(lines, line)
}

// cutBefore is where a word is cut that has room for so many columns: behind the last
// slash, comma, colon or hyphen in the second half of the room, else at its end.
func cutBefore(word string, room int) int {
	end := 0
	for range max(room, 1) {
		_, size := utf8.DecodeRuneInString(word[end:])
		end += size
	}
	if at := strings.LastIndexAny(word[:end], "/,:-"); at >= end/2 {
		return at + 1
	}
	return end
}

package sheet

import (
	"slices"
	"strings"
)

// Write writes lines as RFC 4180 says, the columns' names first. Every cell is text
// to a spreadsheet, never a formula and, but in the columns that are kept, none of
// those that it would write in another form: kept columns hold ids and numbers of a
// form that no spreadsheet changes. A line may have fewer cells than there are columns.
func Write(columns []string, lines [][]string, kept ...string) string {
	var b strings.Builder
	for _, cells := range append([][]string{columns}, lines...) {
		for i, cell := range cells {
			if i > 0 {
				b.WriteByte(',')
			}
			if Formula(cell) || !slices.Contains(kept, columns[i]) {
				cell = Escape(cell)
			}
			b.WriteString(Quote(cell))
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

package sheet_test

import (
	"encoding/csv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/sheet"
)

// TestAnyCellComesBackAsItWas: what is escaped is undone, and nothing that a
// spreadsheet runs is written.
func TestAnyCellComesBackAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringOf(rapid.SampledFrom([]rune("'=+-@＝＋－＠\t\rab ,;\"\n012e.:/%märzok"))).Draw(t, "cell")
		escaped := sheet.Escape(cell)
		require.Equal(t, cell, sheet.Unescape(escaped))
		if escaped != "" {
			first, _ := utf8.DecodeRuneInString(escaped)
			require.NotContains(t, "=+-@\t\r\n＝＋－＠", string(first))
		}
		for _, comma := range []rune{',', ';'} {
			reader := csv.NewReader(strings.NewReader(sheet.Quote(escaped) + string(comma) + "end\r\n"))
			reader.Comma = comma
			record, err := reader.Read()
			require.NoError(t, err)
			require.Len(t, record, 2)
			require.Equal(t, strings.ReplaceAll(escaped, "\r\n", "\n"), record[0])
		}
	})
}

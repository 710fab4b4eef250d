package mapping

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/errs"
)

// TestAnyCellComesBackAsItWas: what is escaped is undone, and nothing that a
// spreadsheet runs is written.
func TestAnyCellComesBackAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringOf(rapid.SampledFrom([]rune("'=+-@\t\rab ,;\"\n"))).Draw(t, "cell")
		escaped := escape(cell)
		require.Equal(t, cell, unescape(escaped))
		if escaped != "" {
			require.NotContains(t, "=+-@\t\r", escaped[:1])
		}
		for _, comma := range []rune{',', ';'} {
			reader := csv.NewReader(strings.NewReader(quote(escaped) + string(comma) + "end\r\n"))
			reader.Comma = comma
			record, err := reader.Read()
			require.NoError(t, err)
			require.Len(t, record, 2)
			require.Equal(t, strings.ReplaceAll(escaped, "\r\n", "\n"), record[0])
		}
	})
}

// FuzzReadTable reads what anybody may send: it ends, names lines that there are,
// and what it takes is within the limits.
func FuzzReadTable(f *testing.F) {
	for _, seed := range []string{
		"managed_tenant_id,decision\nx,skip\n", "\ufeffdecision;client_id;managed_tenant_id\r\nmap;'=1;\"a\"\"b\"\r\n",
		"managed_tenant_id,decision\n\"x,skip\n", "managed_tenant_id,decision,client_external_id\nx,map,'@y\n,,,,z\na\"b,c\n", "\x00", "",
		writeTable([][]string{{"a", "b", "=c", "d\n", "e", "", "", "", "skip", "", "", ""}}),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, err := readTable(text)
		if err != nil {
			require.Equal(t, errs.Invalid, errs.KindOf(err))
			require.Empty(t, read.lines)
			return
		}
		require.LessOrEqual(t, len(read.lines)+int(read.undecided), maxTableLines)
		last := 1
		for _, line := range read.lines {
			require.Greater(t, line.Number, last)
			require.LessOrEqual(t, line.Number, 1+strings.Count(text, "\n"))
			last = line.Number
			require.True(t, line.Problem != "" || line.Decision.Kind != "")
			if line.Decision.Kind != DecideMap {
				require.Empty(t, line.Decision.ClientID+line.Decision.ClientExternalID)
			}
		}
	})
}

package mapping

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
)

// TestNoNameIsAFormulaToAReaderWithSemicolons: however a spreadsheet parts cells,
// none that comes of a name begins as a formula.
func TestNoNameIsAFormulaToAReaderWithSemicolons(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Foo;=1+cmd|' /C calc'!A0;", "x\n=1+1", "x\r=1", "x\t=1", "\n=1", "＝1+1", "＠SUM(1)", ";-1", "\u2028=1", "\u0085+1", "  =1",
	} {
		line := exportLine(Row{Tenant: ManagedTenant{ID: "id", DisplayName: name, PrimaryDomain: name}, State: StateMapped, MappedClientID: "c"},
			false, 1, map[string]Client{"c": {ID: "c", Name: name}})
		for cell := range strings.FieldsFuncSeq(writeCSV([][]string{line}), func(r rune) bool { return strings.ContainsRune(",;\t\r\n\"\u2028\u0085", r) }) {
			first, _ := utf8.DecodeRuneInString(strings.TrimSpace(cell))
			require.NotContains(t, "=+-@＝＋－＠", string(first), name)
		}
	}
}

// FuzzReadCSV reads what anybody may send: it ends, names lines that there are,
// and what it takes is within the limits.
func FuzzReadCSV(f *testing.F) {
	for _, seed := range []string{
		"managed_tenant_id,decision\nx,skip\n", "\ufeffdecision;client_id;managed_tenant_id\r\nmap;'=1;\"a\"\"b\"\r\n",
		"managed_tenant_id,decision\n\"x,skip\n", "managed_tenant_id,decision,client_external_id\nx,map,'@y\n,,,,z\na\"b,c\n", "\x00", "",
		writeCSV([][]string{{"a", "b", "=c", "d\n", "e", "", "", "", "skip", "", "", "", "1"}}),
		"sep=;\r\nmanaged_tenant_id;decision;revision\r\nx;skip;2\r\ny;skip;two\r\n", "\"sep=\t\"\t\nmanaged_tenant_id\tdecision\nx\tskip\n", "sep=|\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, err := readCSV(text)
		if err != nil {
			require.Equal(t, errs.Invalid, errs.KindOf(err))
			require.Empty(t, read.lines)
			return
		}
		require.LessOrEqual(t, len(read.lines)+int(read.undecided), maxCSVLines)
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

package servicetest

import (
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

func (b *bundle) export() *mappingv1.ExportMappingsResponse {
	b.t.Helper()
	resp, err := b.mappings.ExportMappings(b.ctx(), &mappingv1.ExportMappingsRequest{})
	require.NoError(b.t, err)
	return resp
}

// imports sends CSV, for real or not.
func (b *bundle) imports(text string, dryRun bool, version ...int64) (*mappingv1.ImportMappingsResponse, error) {
	b.t.Helper()
	req := &mappingv1.ImportMappingsRequest{Csv: text, DryRun: &dryRun}
	if len(version) > 0 {
		req.Version = &version[0]
	}
	return b.mappings.ImportMappings(b.ctx(), req)
}

// reports are the lines of an import: number, outcome and the columns in fault.
func reports(resp *mappingv1.ImportMappingsResponse) (all []string) {
	for _, row := range resp.GetRows() {
		line := fmt.Sprintf("%d %s", row.GetLine(), row.GetOutcome())
		for _, v := range row.GetViolations() {
			line += " " + v.GetField() + ": " + v.GetMessage()
		}
		all = append(all, line)
	}
	return all
}

func TestExportShowsEveryManagedTenantOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com", "Böttcher, \"B\"", "boettcher.example", "=cmd|' /C calc'!A0", "evil.example", "Nobody", "nobody.example")
	clients := b.upsert(
		&mappingv1.ClientRecord{ExternalId: "@acme", Name: "Acme", Domain: text("acme.com")},
		&mappingv1.ClientRecord{ExternalId: "b;1", Name: "+Böttcher", Domain: text("boettcher.example")},
		&mappingv1.ClientRecord{ExternalId: "evil", Name: "Evil", BillingEmail: text("ap@evil.example")})
	b.mustConfirm(decide(tenants[1], "map", clients[1].GetId()))
	exported := b.export()
	require.EqualValues(t, 1, exported.GetVersion())
	require.True(t, strings.HasSuffix(exported.GetCsv(), "\r\n"))
	records, err := csv.NewReader(strings.NewReader(exported.GetCsv())).ReadAll()
	require.NoError(t, err)
	require.Equal(t, [][]string{
		strings.Split("managed_tenant_id,entra_tenant_id,display_name,primary_domain,state,client_id,client_external_id,client_name,decision,proposal,score,reason,revision", ","),
		{tenants[2], b.entra(tenants[2]), "'=cmd|' /C calc'!A0", "evil.example", "undecided", clients[2].GetId(), "evil", "Evil", "", "candidate", "0.88", "secondary_domain", "0"},
		{tenants[0], b.entra(tenants[0]), "Acme", "acme.com", "undecided", clients[0].GetId(), "'@acme", "Acme", "", "auto_matched", "1", "exact_domain", "0"},
		{tenants[1], b.entra(tenants[1]), "Böttcher, \"B\"", "boettcher.example", "mapped", clients[1].GetId(), "b;1", "'+Böttcher", "", "", "", "", "1"},
		{tenants[3], b.entra(tenants[3]), "Nobody", "nobody.example", "undecided", "", "", "", "", "", "", "", "0"},
	}, records)
	require.NotRegexp(t, `(^|[,\n])"?[=+\-@\t\r]`, strings.ReplaceAll(exported.GetCsv(), "\r\n", "\n"), "no cell is a formula")

	before := b.contents()
	again, err := b.imports(exported.GetCsv(), false)
	require.NoError(t, err)
	require.EqualValues(t, 4, again.GetUndecided())
	require.Zero(t, again.GetChanged())
	require.Equal(t, before, b.contents(), "CSV in which nobody wrote decides nothing")
}

// parted writes CSV as a spreadsheet does that separates cells otherwise.
func parted(file string, comma rune) string {
	records, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	writer := csv.NewWriter(&out)
	writer.Comma, writer.UseCRLF = comma, true
	if err := errors.Join(writer.WriteAll(records), writer.Error()); err != nil {
		return err.Error()
	}
	return out.String()
}

func TestDecidedCSVIsImported(t *testing.T) {
	t.Parallel()
	for name, spreadsheet := range map[string]func(string) string{
		"as it is":                            func(s string) string { return s },
		"with line feeds alone":               func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") },
		"with a byte order mark, no last end": func(s string) string { return "\ufeff" + strings.TrimSuffix(s, "\r\n") },
		"with semicolons":                     func(s string) string { return "\ufeff" + parted(s, ';') },
		"with tabs":                           func(s string) string { return "\ufeff" + parted(s, '\t') },
		"with commas named":                   func(s string) string { return "sep=,\r\n" + s },
		"with semicolons named":               func(s string) string { return "\ufeffSEP=;\r\n" + parted(s, ';') },
		"with tabs named":                     func(s string) string { return "sep=\t\n" + parted(s, '\t') },
		"with a name that was kept as a line": func(s string) string { return "\"sep=;\";;;;;\r\n" + parted(s, ';') },
		"with columns moved, named otherwise and added": func(s string) string {
			records, err := csv.NewReader(strings.NewReader(s)).ReadAll()
			if err != nil {
				return err.Error()
			}
			var out strings.Builder
			for _, r := range records {
				fmt.Fprintf(&out, "%q, %s ,%s,note,%s\n\n", strings.ToUpper(r[8]), strings.ToUpper(r[0]), r[5], r[6])
			}
			return strings.Replace(out.String(), ",note,", ",,", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := setupWorking(t)
			tenants := b.discover("A, Inc", "a.io", "B", "b.io", "C", "c.io", "D", "d.io", "E", "e.io")
			clients := b.upsert(&mappingv1.ClientRecord{ExternalId: "=a", Name: "A", Domain: text("a.io")}, &mappingv1.ClientRecord{ExternalId: "b", Name: "B\nTwo", Domain: text("b.io")})
			b.mustConfirm(decide(tenants[4], "map", clients[1].GetId()))
			written := b.export()
			records, err := csv.NewReader(strings.NewReader(written.GetCsv())).ReadAll()
			require.NoError(t, err)
			for _, r := range records[1:] {
				r[8] = map[string]string{tenants[0]: "map", tenants[1]: "Map", tenants[2]: "skip", tenants[3]: "create_new", tenants[4]: "review"}[r[0]]
				if r[0] == tenants[0] {
					r[5] = "" // by the external id alone
				}
			}
			var out strings.Builder
			require.NoError(t, csv.NewWriter(&out).WriteAll(records))
			file := spreadsheet(out.String())
			before := b.contents()
			dry, err := b.mappings.ImportMappings(b.ctx(), &mappingv1.ImportMappingsRequest{Csv: file})
			require.NoError(t, err)
			require.True(t, dry.GetDryRun(), "unless it is told otherwise")
			require.False(t, dry.GetApplied())
			require.Empty(t, dry.GetEffects())
			require.EqualValues(t, 5, dry.GetChanged(), reports(dry))
			require.Equal(t, before, b.contents())
			done, err := b.imports(file, false, written.GetVersion())
			require.NoError(t, err)
			require.True(t, done.GetApplied())
			require.EqualValues(t, 5, done.GetChanged())
			require.Equal(t, "settled", done.GetEffects())
			require.Equal(t, `mapped:2 skipped:1 needs_review:1 create_new:1 undecided:0`, summaryText(done.GetSummary()))
			require.Equal(t, summaryText(done.GetSummary()), summaryText(dry.GetSummary()))
			require.Equal(t, clients[0].GetId(), b.history(tenants[0])[0].GetClientId())
			require.Equal(t, clients[1].GetId(), b.history(tenants[1])[0].GetClientId())
			require.Equal(t, "needs_review", b.history(tenants[4])[0].GetState())
			before = b.contents()
			again, err := b.imports(file, false)
			require.NoError(t, err)
			require.EqualValues(t, 5, again.GetUnchanged())
			require.Equal(t, before, b.contents())
			_, err = b.imports(file, false, written.GetVersion())
			require.Equal(t, "stale_version", errs.ReasonOf(err))
			_, err = b.imports(file, true, written.GetVersion())
			require.Equal(t, "stale_version", errs.ReasonOf(err))
		})
	}
}

func TestCSVWithErrorsIsRefusedWithAllOfThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("A", "a.io", "B", "b.io", "C", "c.io", "D", "d.io", "E", "e.io")
	clients := b.add("One", "a.io", "Two", "b.io", "Gone", "gone.example")
	b.upsert(&mappingv1.ClientRecord{ExternalId: b.client(clients[2]).GetExternalId(), Deleted: true})
	file := strings.Join([]string{
		"managed_tenant_id,decision,client_id,client_external_id",
		tenants[0] + ",map," + clients[0] + ",", // 2: fine
		tenants[1] + ",map,,",                   // 3
		tenants[2] + ",delete,,",                // 4
		uuid.NewString() + ",skip,,",            // 5
		",skip,,",                               // 6
		tenants[3] + ",map," + clients[2] + ",", // 7: deleted
		tenants[4] + ",map,,nobody",             // 8
		tenants[0] + ",skip,,",                  // 9
		"\"" + tenants[0] + "\"x,map,,",         // 10
		tenants[1] + ",map," + clients[0] + "," + b.client(clients[1]).GetExternalId(), // 11
		",,,",
		tenants[2] + ",,,,,more", // 13
	}, "\n")
	before := b.contents()
	dry, err := b.imports(file, true)
	require.NoError(t, err)
	require.EqualValues(t, 10, dry.GetInvalid())
	require.EqualValues(t, 1, dry.GetChanged())
	require.Equal(t, []string{
		"2 changed",
		"3 invalid client_id: is needed to map",
		"4 invalid decision: is not map, skip, review or create_new",
		"5 invalid managed_tenant_id: is not a managed tenant",
		"6 invalid managed_tenant_id: is not a managed tenant",
		"7 invalid client_id: is not a client",
		"8 invalid client_external_id: is not a client",
		"9 invalid managed_tenant_id: is decided in line 2 already",
		`10 invalid csv: is not well formed at line 10, column 38: extraneous or missing " in quoted-field`,
		"11 invalid managed_tenant_id: is decided in line 3 already client_external_id: is not that of the client with the id",
		"13 invalid csv: has more cells than the 4 columns",
	}, reports(dry))
	_, err = b.imports(file, false)
	require.Equal(t, "invalid_argument", errs.ReasonOf(err))
	require.Equal(t, errs.Invalid, errs.KindOf(err))
	require.ElementsMatch(t, []string{
		"csv.line[3].client_id", "csv.line[4].decision", "csv.line[5].managed_tenant_id", "csv.line[6].managed_tenant_id",
		"csv.line[7].client_id", "csv.line[8].client_external_id", "csv.line[9].managed_tenant_id", "csv.line[10].csv",
		"csv.line[11].managed_tenant_id", "csv.line[11].client_external_id", "csv.line[13].csv",
	}, violated(err))
	_, err = b.imports("managed_tenant_id,decision\n"+tenants[0]+",skip\n"+tenants[0]+",skip\n", false)
	require.Equal(t, "mapping_conflict", errs.ReasonOf(err))

	for name, c := range map[string]struct{ text, says string }{
		"no columns":     {"a,b\n1,2\n", "has no column managed_tenant_id, has no column decision"},
		"one is missing": {"managed_tenant_id;client_id\n", "has no column decision"},
		"one is there twice": {
			"managed_tenant_id,decision,Client_ID,client_id\n", "has the column client_id twice",
		},
		"nothing":       {"\n\n", "has no line with the names of the columns"},
		"too many":      {"managed_tenant_id,decision\n" + strings.Repeat(",\n", 10_001), "has more than 10000 lines"},
		"an open quote": {"\"managed_tenant_id,decision\n", "has no line with the names of the columns"},
		"another separator": {
			"sep=|\nmanaged_tenant_id|decision\n", "names a separator (sep=) that is not a comma, a semicolon or a tab",
		},
		"no separator": {"sep=\r\nmanaged_tenant_id,decision\n", "names a separator (sep=) that is not a comma, a semicolon or a tab"},
	} {
		for _, dryRun := range []bool{true, false} {
			_, err := b.imports(c.text, dryRun)
			require.Equal(t, "invalid_argument", errs.ReasonOf(err), name)
			e, _ := errors.AsType[*errs.Error](err)
			var says []string
			for _, v := range e.Violations() {
				require.Equal(t, "csv", v.Field)
				says = append(says, v.Message)
			}
			require.Equal(t, c.says, strings.Join(says, ", "), name)
		}
	}
	most, err := b.imports("managed_tenant_id,decision\n"+strings.Repeat(tenants[0]+",\n", 10_000), false)
	require.NoError(t, err)
	require.EqualValues(t, 10_000, most.GetUndecided())
	require.Equal(t, before, b.contents(), "nothing was written by all of this")
}

// TestLinesAreNamedByTheirPlaceInTheText: also below a line that names the separator.
func TestLinesAreNamedByTheirPlaceInTheText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("A", "a.io", "B", "b.io")
	dry, err := b.imports("sep=;\r\nmanaged_tenant_id;decision\r\n"+tenants[0]+";skip\r\n\"x;skip", true)
	require.NoError(t, err)
	require.Equal(t, []string{
		"3 changed", `4 invalid csv: is not well formed at line 4, column 8: extraneous or missing " in quoted-field`,
	}, reports(dry))
}

// edit fills in CSV: each change gets a line's cells by the names of the columns.
func edit(t *testing.T, file string, change func(line map[string]string)) string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	require.NoError(t, err)
	for _, record := range records[1:] {
		line := map[string]string{}
		for i, name := range records[0] {
			line[name] = record[i]
		}
		change(line)
		for i, name := range records[0] {
			record[i] = line[name]
		}
	}
	var out strings.Builder
	require.NoError(t, csv.NewWriter(&out).WriteAll(records))
	return out.String()
}

// TestAnImportTellsWhichLinesSomebodyElseDecidedSince: those lines alone, whatever
// else was decided, and with what changed.
func TestAnImportTellsWhichLinesSomebodyElseDecidedSince(t *testing.T) {
	t.Parallel()
	b, _ := setupWorking(t)
	tenants := b.discover("A", "a.io", "B", "b.io", "C", "c.io", "D", "d.io", "E", "e.io", "F", "f.io", "G", "g.io")
	clients := b.add("One", "one.example", "Two", "two.example")
	b.mustConfirm(decide(tenants[0], "map", clients[0]), decide(tenants[1], "map", clients[0]), decide(tenants[2], "skip"))
	_, err := b.unmap(tenants[1])
	require.NoError(t, err)
	ours := edit(t, b.export().GetCsv(), func(line map[string]string) {
		switch line["managed_tenant_id"] {
		case tenants[6]: // left as it is
		case tenants[2]:
			line["decision"] = "review"
		default:
			line["decision"], line["client_id"], line["client_external_id"] = "map", clients[1], ""
		}
	})
	// Meanwhile: A is unmapped, B mapped, D decided the same, E skipped; F and C are not
	// touched, and G nobody decides here.
	_, err = b.unmap(tenants[0])
	require.NoError(t, err)
	b.mustConfirm(decide(tenants[1], "map", clients[0]), decide(tenants[3], "map", clients[1]), decide(tenants[4], "skip"), decide(tenants[6], "skip"))

	before := b.contents()
	dry, err := b.imports(ours, true)
	require.NoError(t, err)
	require.EqualValues(t, 3, dry.GetConflicts())
	require.EqualValues(t, 2, dry.GetChanged())
	require.EqualValues(t, 1, dry.GetUnchanged())
	require.Zero(t, dry.GetInvalid())
	told := reports(dry)
	require.Len(t, told, 6)
	const when = ` since 2026-03-01T09:\d\d:\d\dZ, decided by person-1$`
	require.Regexp(t, `^2 conflict managed_tenant_id: is undecided`+when, told[0])
	require.Regexp(t, `^3 conflict managed_tenant_id: is mapped to "One" \(client `+clients[0]+`\)`+when, told[1])
	require.Equal(t, []string{"4 changed", "5 unchanged"}, told[2:4])
	require.Regexp(t, `^6 conflict managed_tenant_id: is skip_for_now`+when, told[4])
	require.Equal(t, "7 changed", told[5])

	_, err = b.imports(ours, false)
	require.Equal(t, errs.Conflict, errs.KindOf(err))
	require.Equal(t, "stale_version", errs.ReasonOf(err))
	require.Equal(t, []string{"csv.line[2].managed_tenant_id", "csv.line[3].managed_tenant_id", "csv.line[6].managed_tenant_id"}, violated(err))
	require.Equal(t, before, b.contents(), "all or nothing")

	// Without the lines in conflict the CSV is taken, though much was decided since.
	done, err := b.imports(edit(t, ours, func(line map[string]string) {
		if slices.Contains([]string{tenants[0], tenants[1], tenants[4]}, line["managed_tenant_id"]) {
			line["decision"] = ""
		}
	}), false)
	require.NoError(t, err)
	require.EqualValues(t, 2, done.GetChanged())
	// And again, as the same decisions; whoever changes his mind in the old CSV is
	// asked to look.
	again, err := b.imports(edit(t, ours, func(line map[string]string) {
		if line["managed_tenant_id"] != tenants[2] && line["managed_tenant_id"] != tenants[5] {
			line["decision"] = ""
		}
	}), false)
	require.NoError(t, err)
	require.EqualValues(t, 2, again.GetUnchanged())
	for revision, says := range map[string]string{
		"0": "4 conflict managed_tenant_id: is needs_review since ", "1": "4 conflict managed_tenant_id: is needs_review since ",
		"2": "4 changed", "": "4 changed", "3": "4 invalid revision: is not a revision that the export wrote for this managed tenant",
		"-1": "4 invalid revision: is not a revision", "two": "4 invalid revision: is not a revision",
	} {
		dry, err := b.imports(edit(t, ours, func(line map[string]string) {
			line["decision"] = ""
			if line["managed_tenant_id"] == tenants[2] {
				line["decision"], line["revision"] = "create_new", revision
			}
		}), true)
		require.NoError(t, err)
		require.Len(t, dry.GetRows(), 1)
		require.True(t, strings.HasPrefix(reports(dry)[0], says), "%q: %s", revision, reports(dry)[0])
	}
}

// spreadsheet opens CSV and saves it as Excel and its like do: what looks like a
// number, a date or a truth value comes back in another form.
func spreadsheet(t *testing.T, file string) string {
	t.Helper()
	rewritten := map[string]string{
		"00420": "420", "1234567890123": "1.23457E+12", "1.10": "1.1", "12E3": "1.20E+04", "MAR01": "01-Mar", "3-4": "04-Mar",
		"2026-01-05": "05.01.2026", "TRUE": "TRUE", "false": "FALSE", "Okt-7": "07. Okt", "12:5": "12:05", "1/2": "02-Jan",
		"(7)": "-7", "5 %": "5%", "$5": "$5.00", "9 am": "9:00 AM", "0": "0",
	}
	return edit(t, file, func(line map[string]string) {
		for name, cell := range line {
			if other, ok := rewritten[cell]; ok {
				line[name] = other
			}
		}
	})
}

// TestExternalIDsComeBackFromASpreadsheetAsTheyWere though they look like something
// else to it.
func TestExternalIDsComeBackFromASpreadsheetAsTheyWere(t *testing.T) {
	t.Parallel()
	b, _ := setupWorking(t)
	ids := []string{
		"00420", "1234567890123", "1.10", "12E3", "MAR01", "3-4", "2026-01-05", "TRUE", "false", "Okt-7", "12:5", "1/2", "(7)", "5 %",
		"$5", "9 am", "0", "-12", "'00420", "4711", "C-0017", "Acme",
	}
	var names []string
	clients := map[string]string{}
	for i, id := range ids {
		domain := fmt.Sprintf("c%d.example", i)
		names = append(names, fmt.Sprintf("Client %02d", i), domain)
		clients[domain] = b.upsert(&mappingv1.ClientRecord{ExternalId: id, Name: fmt.Sprintf("Client %02d", i), Domain: &domain})[0].GetId()
	}
	tenants := b.discover(names...)
	written := b.export().GetCsv()
	for _, plain := range []string{"4711", "C-0017", "Acme"} {
		require.Contains(t, written, ","+plain+",", "what nobody rewrites is written as it is")
	}
	for name, change := range map[string]func(map[string]string){
		"by both ids":        func(map[string]string) {},
		"by the external id": func(line map[string]string) { line["client_id"] = "" },
	} {
		dry, err := b.imports(edit(t, spreadsheet(t, written), func(line map[string]string) {
			line["decision"] = "map"
			change(line)
		}), true)
		require.NoError(t, err)
		require.EqualValues(t, len(ids), dry.GetChanged(), "%s: %v", name, reports(dry))
		for _, row := range dry.GetRows() {
			at := slices.Index(tenants, row.GetManagedTenantId())
			require.Equal(t, clients[fmt.Sprintf("c%d.example", at)], row.GetClientId(), ids[at])
		}
	}
}

// TestARewrittenExternalIDIsNamed: the line, the column and what is behind it.
func TestARewrittenExternalIDIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("A", "a.io", "B", "b.io", "C", "c.io", "D", "d.io")
	long := b.upsert(&mappingv1.ClientRecord{ExternalId: "1234567890123", Name: "A"}, &mappingv1.ClientRecord{ExternalId: "00420", Name: "B"})
	dry, err := b.imports(strings.Join([]string{
		"managed_tenant_id,decision,client_id,client_external_id",
		tenants[0] + ",map,,1.23457E+12",
		tenants[1] + ",map," + long[1].GetId() + ",420",
		tenants[2] + ",map,,nobody",
		tenants[3] + ",map,,'00420",
	}, "\n"), true)
	require.NoError(t, err)
	const hint = ": it looks as if a spreadsheet had made a number or a date of it; write it as text, or leave it empty and name the client by its id"
	require.Equal(t, []string{
		"2 invalid client_external_id: is not a client" + hint,
		"3 invalid client_external_id: is not that of the client with the id" + hint,
		"4 invalid client_external_id: is not a client",
		"5 changed",
	}, reports(dry))
}

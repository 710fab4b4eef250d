package mapping

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/sheet"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// The columns of a table of mappings.
const (
	columnManagedTenant    = "managed_tenant_id"
	columnEntraTenant      = "entra_tenant_id"
	columnClient           = "client_id"
	columnClientExternalID = "client_external_id"
	columnDecision         = "decision"
	columnScore            = "score"
	columnRevision         = "revision"
	columnTable            = "csv" // not a column: the text as a whole
)

var tableColumns = []string{
	columnManagedTenant, columnEntraTenant, "display_name", "primary_domain", "state", columnClient, columnClientExternalID,
	"client_name", columnDecision, "proposal", columnScore, "reason", columnRevision,
}

// keptColumns hold ids and numbers of a form that no spreadsheet changes.
var keptColumns = []string{columnManagedTenant, columnEntraTenant, columnClient, columnScore, columnRevision}

// Limits of a table that is imported.
const (
	maxTableBytes = 4 << 20
	maxTableLines = 10_000
)

// byteOrderMark is what some spreadsheets put before a table.
const byteOrderMark = "\ufeff"

// writeTable writes lines as csv, the columns' names first.
func writeTable(lines [][]string) string { return sheet.Write(tableColumns, lines, keptColumns...) }

// tableLine is a line of a table that decides something.
type tableLine struct {
	Number   int // in the text; the header is line 1
	Decision Decision
	Problem  string // why it cannot be read as a line at all
}

// table is what was read of a text.
type table struct {
	lines     []tableLine
	undecided int32 // lines without a decision
}

// readTable reads a table with the columns in any order. Cells are separated by
// commas or, as some spreadsheets do, by semicolons or tabs; a byte order mark and a
// line that names the separator ("sep=;") before the text are left out. A line that
// is not well formed comes back with its problem. errs.Invalid "invalid_argument"
// when the text is no such table or too long.
func readTable(text string) (table, error) {
	if len(text) > maxTableBytes {
		return table{}, refuseTable(fmt.Sprintf("is longer than %d bytes", maxTableBytes))
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return table{}, refuseTable("is not text in UTF-8")
	}
	text, separator, before, err := separated(strings.TrimPrefix(text, byteOrderMark))
	if err != nil {
		return table{}, err
	}
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma = separator
	reader.FieldsPerRecord = -1
	header, err := reader.Read()
	if err != nil {
		return table{}, refuseTable("has no line with the names of the columns")
	}
	columns, err := columnsOf(header)
	if err != nil {
		return table{}, err
	}
	var read table
	for count := 0; ; count++ {
		cells, err := reader.Read()
		switch {
		case errors.Is(err, io.EOF):
			return read, nil
		case count == maxTableLines:
			return table{}, refuseTable(fmt.Sprintf("has more than %d lines", maxTableLines))
		case err != nil:
			read.lines = append(read.lines, malformedLine(err, before))
			continue
		}
		number, _ := reader.FieldPos(0)
		line := columns.line(number+before, cells)
		switch {
		case line.Problem == "" && line.Decision.Kind == "":
			if line.Decision.ManagedTenantID != "" {
				read.undecided++
			}
		default:
			read.lines = append(read.lines, line)
		}
	}
}

func refuseTable(problems ...string) error {
	var violations []errs.Violation
	for _, problem := range problems {
		violations = append(violations, errs.Violation{Field: columnTable, Message: problem})
	}
	return errs.New(errs.Invalid, reason.InvalidArgument, "The table cannot be read.", errs.WithViolations(violations...))
}

// separators are what cells can be parted by.
const separators = ",;\t"

// separated gives the table and its separator: the one that a first line names, as
// Excel reads and some programs write it, else the one that stands most often
// between the names of the columns, none of which has one. before is how many lines
// stood before the table.
func separated(text string) (table string, separator rune, before int, err error) {
	first, rest, _ := strings.Cut(text, "\n")
	if named, ok := namedSeparator(first); ok {
		if !strings.ContainsRune(separators, named) {
			return "", 0, 0, refuseTable("names a separator (sep=) that is not a comma, a semicolon or a tab")
		}
		return rest, named, 1, nil
	}
	separator, most := ',', strings.Count(first, ",")
	for _, other := range separators {
		if n := strings.Count(first, string(other)); n > most {
			separator, most = other, n
		}
	}
	return text, separator, 0, nil
}

// namedSeparator reads a line that says nothing but how cells are separated. A
// program that took it for a line of the table may have quoted it and added cells.
func namedSeparator(line string) (separator rune, ok bool) {
	const name = "sep="
	line = strings.TrimLeft(strings.TrimRight(line, "\r"), `"`)
	if len(line) < len(name) || !strings.EqualFold(line[:len(name)], name) {
		return 0, false
	}
	separator, size := utf8.DecodeRuneInString(line[len(name):])
	return separator, strings.Trim(line[len(name)+size:], separators+`" `) == ""
}

func malformedLine(err error, before int) tableLine {
	line := tableLine{Problem: "is not well formed"}
	if broken, ok := errors.AsType[*csv.ParseError](err); ok {
		line.Number = broken.StartLine + before
		line.Problem = fmt.Sprintf("is not well formed at line %d, column %d: %v", broken.Line+before, broken.Column, broken.Err)
	}
	return line
}

// columns are the places of the columns that an import reads.
type columns struct {
	count                                                          int
	managedTenant, client, clientExternalID, decisionsAt, revision int // -1 where there is none
}

func columnsOf(header []string) (columns, error) {
	names := make([]string, len(header))
	for i, name := range header {
		names[i] = strings.ToLower(strings.TrimSpace(sheet.Unescape(name)))
	}
	var problems []string
	place := func(name string, needed bool) int {
		at := slices.Index(names, name)
		if at < 0 && needed {
			problems = append(problems, "has no column "+name)
		}
		if at >= 0 && slices.Contains(names[at+1:], name) {
			problems = append(problems, "has the column "+name+" twice")
		}
		return at
	}
	c := columns{
		count: len(header), managedTenant: place(columnManagedTenant, true), client: place(columnClient, false),
		clientExternalID: place(columnClientExternalID, false), decisionsAt: place(columnDecision, true),
		revision: place(columnRevision, false),
	}
	if len(problems) > 0 {
		return columns{}, refuseTable(problems...)
	}
	return c, nil
}

// line reads the cells of a line. Which client a line names counts only where it
// is to be mapped: the table shows clients also where other things are decided.
func (c columns) line(number int, cells []string) tableLine {
	cell := func(at int) string {
		if at < 0 || at >= len(cells) {
			return ""
		}
		return strings.TrimSpace(sheet.Unescape(strings.TrimSpace(cells[at])))
	}
	line := tableLine{Number: number, Decision: Decision{
		ManagedTenantID: strings.ToLower(cell(c.managedTenant)), Kind: strings.ToLower(cell(c.decisionsAt)), Revision: revisionIn(cell(c.revision)),
	}}
	if line.Decision.Kind == DecideMap {
		line.Decision.ClientID, line.Decision.ClientExternalID = strings.ToLower(cell(c.client)), cell(c.clientExternalID)
	}
	for _, extra := range cells[min(c.count, len(cells)):] {
		if extra != "" {
			line.Problem = fmt.Sprintf("has more cells than the %d columns", c.count)
		}
	}
	return line
}

// revisionIn reads the revision of a line; nil when it names none.
func revisionIn(cell string) *int64 {
	if cell == "" {
		return nil
	}
	revision, err := strconv.ParseInt(cell, 10, 64)
	if err != nil {
		revision = noRevision
	}
	return &revision
}

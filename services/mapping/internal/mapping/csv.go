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

// The columns of mappings as CSV.
const (
	columnManagedTenant    = "managed_tenant_id"
	columnEntraTenant      = "entra_tenant_id"
	columnClient           = "client_id"
	columnClientExternalID = "client_external_id"
	columnDecision         = "decision"
	columnScore            = "score"
	columnRevision         = "revision"
	columnCSV              = "csv" // not a column: the text as a whole
)

var csvColumns = []string{
	columnManagedTenant, columnEntraTenant, "display_name", "primary_domain", "state", columnClient, columnClientExternalID,
	"client_name", columnDecision, "proposal", columnScore, "reason", columnRevision,
}

// keptColumns hold ids and numbers of a form that no spreadsheet changes.
var keptColumns = []string{columnManagedTenant, columnEntraTenant, columnClient, columnScore, columnRevision}

// Limits of an import.
const (
	maxCSVBytes = 4 << 20
	maxCSVLines = 10_000
)

// byteOrderMark is what some spreadsheets write first.
const byteOrderMark = "\ufeff"

// writeCSV writes lines, the columns' names first.
func writeCSV(lines [][]string) string { return sheet.Write(csvColumns, lines, keptColumns...) }

// csvLine is a line that decides something.
type csvLine struct {
	Number   int // in the text; the header is line 1
	Decision Decision
	Problem  string // why it cannot be read as a line at all
}

// csvFile is what was read of a CSV text.
type csvFile struct {
	lines     []csvLine
	undecided int32 // lines without a decision
}

// readCSV reads CSV with the columns in any order. Cells are separated by
// commas or, as some spreadsheets do, by semicolons or tabs; a byte order mark and a
// line that names the separator ("sep=;") before the text are left out. A line that
// is not well formed comes back with its problem. errs.Invalid "invalid_argument"
// when the text has no such columns or is too long.
func readCSV(text string) (csvFile, error) {
	if len(text) > maxCSVBytes {
		return csvFile{}, refuseCSV(fmt.Sprintf("is longer than %d bytes", maxCSVBytes))
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return csvFile{}, refuseCSV("is not text in UTF-8")
	}
	text, separator, before, err := separated(strings.TrimPrefix(text, byteOrderMark))
	if err != nil {
		return csvFile{}, err
	}
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma = separator
	reader.FieldsPerRecord = -1
	header, err := reader.Read()
	if err != nil {
		return csvFile{}, refuseCSV("has no line with the names of the columns")
	}
	columns, err := columnsOf(header)
	if err != nil {
		return csvFile{}, err
	}
	var read csvFile
	for count := 0; ; count++ {
		cells, err := reader.Read()
		switch {
		case errors.Is(err, io.EOF):
			return read, nil
		case count == maxCSVLines:
			return csvFile{}, refuseCSV(fmt.Sprintf("has more than %d lines", maxCSVLines))
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

func refuseCSV(problems ...string) error {
	var violations []errs.Violation
	for _, problem := range problems {
		violations = append(violations, errs.Violation{Field: columnCSV, Message: problem})
	}
	return errs.New(errs.Invalid, reason.InvalidArgument, "The CSV cannot be read.", errs.WithViolations(violations...))
}

// separators are the characters that may separate cells.
const separators = ",;\t"

// separated returns the lines and their separator: the one that a first line names, as
// Excel reads and some programs write it, else the most frequent one between the names of
// the columns, none of which contains one. before is how many lines come before the columns'
// names.
func separated(text string) (lines string, separator rune, before int, err error) {
	first, rest, _ := strings.Cut(text, "\n")
	if named, ok := namedSeparator(first); ok {
		if !strings.ContainsRune(separators, named) {
			return "", 0, 0, refuseCSV("names a separator (sep=) that is not a comma, a semicolon or a tab")
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

// namedSeparator reads a line that only names the separator of cells. A program that
// took it for a line of cells may have quoted it and added some.
func namedSeparator(line string) (separator rune, ok bool) {
	const name = "sep="
	line = strings.TrimLeft(strings.TrimRight(line, "\r"), `"`)
	if len(line) < len(name) || !strings.EqualFold(line[:len(name)], name) {
		return 0, false
	}
	separator, size := utf8.DecodeRuneInString(line[len(name):])
	return separator, strings.Trim(line[len(name)+size:], separators+`" `) == ""
}

func malformedLine(err error, before int) csvLine {
	line := csvLine{Problem: "is not well formed"}
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
		return columns{}, refuseCSV(problems...)
	}
	return c, nil
}

// line reads the cells of a line. Which client a line names counts only where it
// is to be mapped: an export shows clients on other lines too.
func (c columns) line(number int, cells []string) csvLine {
	cell := func(at int) string {
		if at < 0 || at >= len(cells) {
			return ""
		}
		return strings.TrimSpace(sheet.Unescape(strings.TrimSpace(cells[at])))
	}
	line := csvLine{Number: number, Decision: Decision{
		ManagedTenantID: strings.ToLower(cell(c.managedTenant)), Kind: DecisionKind(strings.ToLower(cell(c.decisionsAt))), Revision: revisionIn(cell(c.revision)),
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

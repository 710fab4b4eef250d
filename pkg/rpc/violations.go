package rpc

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/errs"
)

// What an answer says of a request that breaks many rules. The texts hold names
// that the caller chose, so they are bounded too: with all that stands around
// them an answer stays under 64 kB.
const (
	maxViolations     = 100
	maxViolationBytes = 20 << 10
	maxViolationText  = 256 // bytes of a field's path, and of a message
)

// Violations collects the fields that break a rule, and counts those that an
// answer has no room for. The zero value is empty.
type Violations struct {
	list  []errs.Violation
	bytes int
	more  int
}

// Add adds one.
func (v *Violations) Add(field, message string) {
	field, message = shorten(field), shorten(message)
	if v.more > 0 || len(v.list) == maxViolations || v.bytes+len(field)+len(message) > maxViolationBytes {
		v.more++
		return
	}
	v.bytes += len(field) + len(message)
	v.list = append(v.list, errs.Violation{Field: field, Message: message})
}

// List gives at most 100 of them and, where there are more, one without a field
// that says how many: "and 37 more".
func (v *Violations) List() []errs.Violation {
	if v.more == 0 {
		return v.list
	}
	return append(slices.Clip(v.list), errs.Violation{Message: fmt.Sprintf("and %d more", v.more)})
}

// BoundViolations gives an error as it is, or with as many of its violations as
// an answer may have.
func BoundViolations(e *errs.Error) *errs.Error {
	all := e.Violations()
	var bounded Violations
	for i, v := range all {
		if i == len(all)-1 && v.Field == "" && bounded.more == 0 {
			return e // it says already how many more there are
		}
		bounded.Add(v.Field, v.Message)
	}
	if list := bounded.List(); !slices.Equal(list, all) {
		opts := []errs.Option{errs.WithViolations(list...), errs.WithRetryAfter(e.RetryAfter())}
		for key, value := range e.Metadata() {
			opts = append(opts, errs.WithMetadata(key, value))
		}
		return errs.Wrap(e, e.Kind(), e.Reason(), e.Public(), opts...)
	}
	return e
}

// shorten cuts a text at a character, and leaves none that is not UTF-8.
func shorten(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), 4*maxViolationText)], string(utf8.RuneError))
	if len(text) <= maxViolationText {
		return text
	}
	end := maxViolationText - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

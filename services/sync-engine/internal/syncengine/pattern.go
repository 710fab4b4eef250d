package syncengine

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// patternsField is where a tenant's own patterns stand in its settings.
const patternsField = "filters.customPatterns"

// Bounds of a tenant's own patterns. RE2 looks at every state of a pattern for every
// letter of a name, and repetition by a number multiplies the states: in 1000 bytes a
// pattern can say half a million, which take 40 MB, and seconds for each name. What
// repeats nothing by a number has at most two states a byte.
const (
	maxPatterns      = 100
	maxPatternBytes  = 1000
	maxPatternStates = 2 * maxPatternBytes
	maxStates        = 20_000 // of all patterns together
)

// CompilePatterns compiles a tenant's own patterns (RE2, case-insensitive). All
// that are invalid, or have too many states, are refused at once: errs.Invalid, reason
// "invalid_pattern", one violation each with the pattern's position and what is
// wrong with it.
func CompilePatterns(patterns []string) ([]*regexp.Regexp, error) {
	if len(patterns) > maxPatterns {
		return nil, errs.New(errs.Invalid, reason.InvalidPattern, "There are too many patterns.",
			errs.WithViolation(patternsField, "at most 100 patterns"))
	}
	var violations []errs.Violation
	compiled := make([]*regexp.Regexp, 0, len(patterns))
	total := 0
	for i, pattern := range patterns {
		re, n, problem := compile(pattern)
		if problem != "" {
			violations = append(violations, errs.Violation{Field: at(patternsField, i), Message: problem})
			continue
		}
		compiled, total = append(compiled, re), total+n
	}
	if len(violations) > 0 {
		return nil, errs.Of(reason.InvalidPattern, errs.WithViolations(violations...))
	}
	if total > maxStates {
		return nil, errs.New(errs.Invalid, reason.InvalidPattern, "The patterns are too long together.",
			errs.WithViolation(patternsField, "are too long together, or repeat too much"))
	}
	return compiled, nil
}

// compile compiles a pattern and counts its states, or says what is wrong with it.
func compile(pattern string) (re *regexp.Regexp, total int, problem string) {
	switch {
	case strings.TrimSpace(pattern) == "":
		return nil, 0, "is empty"
	case len(pattern) > maxPatternBytes:
		return nil, 0, "is longer than 1000 bytes"
	case strings.ContainsRune(pattern, 0):
		return nil, 0, "has a NUL character"
	}
	// Without our brackets: they could balance theirs.
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err == nil {
		if total = states(tree); total > maxPatternStates {
			return nil, 0, "repeats too much: use fewer or smaller numbers in { }"
		}
		re, err = regexp.Compile("(?i:" + pattern + ")")
	}
	if err == nil {
		return re, total, ""
	}
	var syntaxErr *syntax.Error
	if !errors.As(err, &syntaxErr) {
		return nil, 0, "is not a valid pattern"
	}
	return nil, 0, syntaxErr.Code.String() + place(pattern, syntaxErr)
}

// place says at which character of the pattern its parser found the error; nothing where that is not known. Of
// a parenthesis the parser names the whole pattern, and not the place.
func place(pattern string, err *syntax.Error) string {
	i := strings.Index(pattern, err.Expr)
	if err.Code == syntax.ErrMissingParen || err.Code == syntax.ErrUnexpectedParen {
		i = unbalanced(pattern)
	}
	if i < 0 || err.Expr == "" {
		return ""
	}
	return " at position " + strconv.Itoa(utf8.RuneCountInString(pattern[:i])+1)
}

// unbalanced finds a parenthesis that closes nothing, or the last one that nothing closes; -1 for none.
func unbalanced(pattern string) int {
	var open []int
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		switch rest[0] {
		case '\\':
			i++
			if strings.HasPrefix(rest, `\Q`) {
				quoted, _, _ := strings.Cut(rest, `\E`)
				i += len(quoted)
			}
		case '[':
			i += class(rest) - 1
		case '(':
			open = append(open, i)
		case ')':
			if len(open) == 0 {
				return i
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) == 0 {
		return -1
	}
	return open[len(open)-1]
}

// class is the length of the character class that text begins with.
func class(text string) int {
	i := 1
	for _, first := range []string{"^", "]"} { // a bracket that comes first is a member
		if strings.HasPrefix(text[i:], first) {
			i++
		}
	}
	for ; i < len(text) && text[i] != ']'; i++ {
		if text[i] == '\\' {
			i++
		} else if named, ok := strings.CutPrefix(text[i:], "[:"); ok {
			if end := strings.Index(named, ":]"); end >= 0 {
				i += len("[:") + end + 1
			}
		}
	}
	return min(i+1, len(text))
}

// states counts about how many states an expression compiles to. The parser bounds
// its depth and the product of nested repetitions.
func states(re *syntax.Regexp) int {
	n := 0
	for _, sub := range re.Sub {
		n += states(sub)
	}
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCapture:
		return n + 2
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		return n + 1
	case syntax.OpAlternate:
		return n + len(re.Sub) - 1
	case syntax.OpRepeat:
		if re.Max == -1 {
			return max(re.Min, 1)*n + 1
		}
		return re.Max*n + re.Max - re.Min
	case syntax.OpConcat:
		return n
	}
	return 1
}

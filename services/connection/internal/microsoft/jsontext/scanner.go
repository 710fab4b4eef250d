// Package jsontext reads JSON text in place, one value after the other, as Microsoft
// Graph sends it.
package jsontext

import (
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrSyntax says that a body is not JSON. It quotes nothing: bodies hold
// personal data.
var ErrSyntax = errors.New("not well-formed JSON")

// maxDepth bounds how deep an answer may nest.
const maxDepth = 100

// Scanner reads the value at Pos and moves past it. encoding/json would replace invalid
// UTF-8 silently, take keys in any case and cost twice the allocations.
type Scanner struct {
	Data []byte
	Pos  int // of the next byte
}

// Space moves past white space.
func (s *Scanner) Space() {
	for s.Pos < len(s.Data) {
		switch s.Data[s.Pos] {
		case ' ', '\t', '\r', '\n':
			s.Pos++
		default:
			return
		}
	}
}

// Peek is the first byte of the next token, zero at the end.
func (s *Scanner) Peek() byte {
	s.Space()
	if s.Pos < len(s.Data) {
		return s.Data[s.Pos]
	}
	return 0
}

// Take moves past one punctuation mark.
func (s *Scanner) Take(c byte) error {
	if s.Peek() != c {
		return ErrSyntax
	}
	s.Pos++
	return nil
}

// Object calls member for each member, with the scanner before the value, which
// member must consume.
func (s *Scanner) Object(member func(key []byte) error) error {
	if err := s.Take('{'); err != nil {
		return err
	}
	if s.Peek() == '}' {
		s.Pos++
		return nil
	}
	for {
		key, _, err := s.Text()
		if err != nil {
			return err
		}
		if err := s.Take(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		switch s.Peek() {
		case ',':
			s.Pos++
		case '}':
			s.Pos++
			return nil
		default:
			return ErrSyntax
		}
	}
}

// Array calls element for each element, which it must consume.
func (s *Scanner) Array(element func() error) error {
	if err := s.Take('['); err != nil {
		return err
	}
	if s.Peek() == ']' {
		s.Pos++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		switch s.Peek() {
		case ',':
			s.Pos++
		case ']':
			s.Pos++
			return nil
		default:
			return ErrSyntax
		}
	}
}

// Text moves past a string and returns what stands between its quotes, and
// whether it has escapes.
func (s *Scanner) Text() (raw []byte, escaped bool, err error) {
	if err := s.Take('"'); err != nil {
		return nil, false, err
	}
	start := s.Pos
	for s.Pos < len(s.Data) {
		switch c := s.Data[s.Pos]; {
		case c == '"':
			raw = s.Data[start:s.Pos]
			s.Pos++
			return raw, escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return nil, false, err
			}
		case c < 0x20:
			return nil, false, ErrSyntax
		default:
			s.Pos++
		}
	}
	return nil, false, ErrSyntax
}

// escape moves past one escape sequence.
func (s *Scanner) escape() error {
	if s.Pos+1 >= len(s.Data) {
		return ErrSyntax
	}
	switch s.Data[s.Pos+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.Pos += 2
		return nil
	case 'u':
		if _, ok := hex4(s.Data[s.Pos+2:]); ok {
			s.Pos += 6
			return nil
		}
	}
	return ErrSyntax
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// Decode returns the value of a string as valid UTF-8; whole is false where
// something had to be replaced: bytes that are no UTF-8, or half a surrogate
// pair.
func Decode(raw []byte, escaped bool) (value string, whole bool) {
	if !escaped && utf8.Valid(raw) {
		return string(raw), true
	}
	whole = true
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			r, size := utf8.DecodeRune(raw[i:])
			if r == utf8.RuneError && size == 1 {
				whole = false
			}
			out = utf8.AppendRune(out, r)
			i += size
			continue
		}
		if raw[i+1] != 'u' {
			out = append(out, unescaped(raw[i+1]))
			i += 2
			continue
		}
		r, _ := hex4(raw[i+2:])
		i += 6
		if utf16.IsSurrogate(r) {
			second := rune(0)
			if i+1 < len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
				second, _ = hex4(raw[i+2:])
			}
			if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
				whole = false
			} else {
				i += 6
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out), whole
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// Skip moves past any value.
func (s *Scanner) Skip() error { return s.skipAt(0) }

func (s *Scanner) skipAt(depth int) error {
	if depth > maxDepth {
		return ErrSyntax
	}
	switch c := s.Peek(); {
	case c == '{':
		return s.Object(func([]byte) error { return s.skipAt(depth + 1) })
	case c == '[':
		return s.Array(func() error { return s.skipAt(depth + 1) })
	case c == '"':
		_, _, err := s.Text()
		return err
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	}
	_, err := s.Literal()
	return err
}

// Literal moves past true, false or null and returns its first letter.
func (s *Scanner) Literal() (byte, error) {
	s.Space()
	rest := s.Data[s.Pos:]
	for _, word := range []string{"null", "true", "false"} {
		if len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.Pos += len(word)
			return word[0], nil
		}
	}
	return 0, ErrSyntax
}

// number moves past a number (RFC 8259 §6).
func (s *Scanner) number() error {
	if s.at('-') {
		s.Pos++
	}
	if s.at('0') {
		s.Pos++
	} else if !s.digits() {
		return ErrSyntax
	}
	if s.at('.') {
		s.Pos++
		if !s.digits() {
			return ErrSyntax
		}
	}
	if s.at('e') || s.at('E') {
		s.Pos++
		if s.at('+') || s.at('-') {
			s.Pos++
		}
		if !s.digits() {
			return ErrSyntax
		}
	}
	return nil
}

func (s *Scanner) at(c byte) bool { return s.Pos < len(s.Data) && s.Data[s.Pos] == c }

func (s *Scanner) digits() bool {
	start := s.Pos
	for s.Pos < len(s.Data) && '0' <= s.Data[s.Pos] && s.Data[s.Pos] <= '9' {
		s.Pos++
	}
	return s.Pos > start
}

// String reads a string that must be whole, such as a link; empty for a null.
func (s *Scanner) String() (string, error) {
	if s.Peek() == 'n' {
		_, err := s.Literal()
		return "", err
	}
	raw, escaped, err := s.Text()
	if err != nil {
		return "", err
	}
	value, whole := Decode(raw, escaped)
	if !whole {
		return "", ErrSyntax
	}
	return value, nil
}

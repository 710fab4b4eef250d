package microsoft

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// errSyntax says that a body is not JSON. It quotes nothing: bodies hold
// personal data.
var errSyntax = errors.New("not well-formed JSON")

// maxDepth bounds how deep an answer may nest.
const maxDepth = 100

// scanner reads JSON text in place, one value after the other. encoding/json
// would replace invalid UTF-8 silently, take keys in any case and cost twice the
// allocations.
type scanner struct {
	data []byte
	pos  int
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

// peek is the first byte of the next token, zero at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// take moves past one punctuation mark.
func (s *scanner) take(c byte) error {
	if s.peek() != c {
		return errSyntax
	}
	s.pos++
	return nil
}

// object calls member for each member, with the scanner before the value, which
// member must consume.
func (s *scanner) object(member func(key []byte) error) error {
	if err := s.take('{'); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.pos++
		return nil
	}
	for {
		key, _, err := s.text()
		if err != nil {
			return err
		}
		if err := s.take(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			return nil
		default:
			return errSyntax
		}
	}
}

// array calls element for each element, which it must consume.
func (s *scanner) array(element func() error) error {
	if err := s.take('['); err != nil {
		return err
	}
	if s.peek() == ']' {
		s.pos++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			return nil
		default:
			return errSyntax
		}
	}
}

// text moves past a string and gives what stands between its quotes, and
// whether it has escapes.
func (s *scanner) text() (raw []byte, escaped bool, err error) {
	if err := s.take('"'); err != nil {
		return nil, false, err
	}
	start := s.pos
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			raw = s.data[start:s.pos]
			s.pos++
			return raw, escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return nil, false, err
			}
		case c < 0x20:
			return nil, false, errSyntax
		default:
			s.pos++
		}
	}
	return nil, false, errSyntax
}

// escape moves past one escape sequence.
func (s *scanner) escape() error {
	if s.pos+1 >= len(s.data) {
		return errSyntax
	}
	switch s.data[s.pos+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos += 2
		return nil
	case 'u':
		if _, ok := hex4(s.data[s.pos+2:]); ok {
			s.pos += 6
			return nil
		}
	}
	return errSyntax
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

// decode gives the value of a string as valid UTF-8; whole is false where
// something had to be replaced: bytes that are no UTF-8, or half a surrogate
// pair.
func decode(raw []byte, escaped bool) (value string, whole bool) {
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

// skip moves past any value.
func (s *scanner) skip() error { return s.skipAt(0) }

func (s *scanner) skipAt(depth int) error {
	if depth > maxDepth {
		return errSyntax
	}
	switch c := s.peek(); {
	case c == '{':
		return s.object(func([]byte) error { return s.skipAt(depth + 1) })
	case c == '[':
		return s.array(func() error { return s.skipAt(depth + 1) })
	case c == '"':
		_, _, err := s.text()
		return err
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	}
	_, err := s.literal()
	return err
}

// literal moves past true, false or null and gives its first letter.
func (s *scanner) literal() (byte, error) {
	s.space()
	rest := s.data[s.pos:]
	for _, word := range []string{"null", "true", "false"} {
		if len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.pos += len(word)
			return word[0], nil
		}
	}
	return 0, errSyntax
}

// number moves past a number (RFC 8259 §6).
func (s *scanner) number() error {
	if s.at('-') {
		s.pos++
	}
	if s.at('0') {
		s.pos++
	} else if !s.digits() {
		return errSyntax
	}
	if s.at('.') {
		s.pos++
		if !s.digits() {
			return errSyntax
		}
	}
	if s.at('e') || s.at('E') {
		s.pos++
		if s.at('+') || s.at('-') {
			s.pos++
		}
		if !s.digits() {
			return errSyntax
		}
	}
	return nil
}

func (s *scanner) at(c byte) bool { return s.pos < len(s.data) && s.data[s.pos] == c }

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// link reads a string that must be whole, such as a link.
func (s *scanner) link() (string, error) {
	if s.peek() == 'n' {
		_, err := s.literal()
		return "", err
	}
	raw, escaped, err := s.text()
	if err != nil {
		return "", err
	}
	value, whole := decode(raw, escaped)
	if !whole {
		return "", errSyntax
	}
	return value, nil
}

// count reads a small whole number in text, such as the answer of $count.
func count(body []byte) (int32, error) {
	// Graph's own answer begins with a byte order mark.
	if len(body) >= 3 && string(body[:3]) == "\ufeff" {
		body = body[3:]
	}
	n, err := strconv.ParseInt(string(body), 10, 32)
	if err != nil || n < 0 {
		return 0, errors.New("not a count")
	}
	return int32(n), nil
}

package core

import (
	"encoding/json"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// jsonScan walks JSON beside the descriptor of the message that it stands for. It
// checks no more of the syntax than it needs to find its way: what it lets
// through is read by protojson, which checks all of it and, up to the first
// mistake, builds no more than was counted here.
type jsonScan struct {
	raw      []byte
	pos      int
	at       path
	depth    int
	elements elements

	place int // where a reader stumbled, when that is looked for
	found path
}

// fieldAt is the innermost field, or element of a list, whose value holds a place; nil
// where that is none. raw was let through by CheckJSON.
func fieldAt(raw []byte, message protoreflect.MessageDescriptor, place int) path {
	scan := jsonScan{raw: raw, place: place}
	_ = scan.value(message)
	return scan.found
}

// note remembers the field that was just walked, where it is the one that is looked for.
func (s *jsonScan) note(start int) {
	if s.found == nil && start <= s.place && s.place < s.pos {
		s.found = slices.Clone(s.at)
	}
}

// value walks one value. message is nil where a scalar belongs: whatever stands
// there is walked over, and protojson refuses what is no scalar.
func (s *jsonScan) value(message protoreflect.MessageDescriptor) error {
	switch s.peek() {
	case '{':
		return s.object(message)
	case '[':
		return s.array(func(int) error { return s.value(nil) })
	case '"':
		_, err := s.text()
		return err
	case 0:
		return malformed("the JSON ends early")
	}
	s.literal()
	return nil
}

// object walks the fields of a message, or of a value that nothing is known of.
func (s *jsonScan) object(message protoreflect.MessageDescriptor) error {
	return s.members(func(name string) error {
		if message == nil || isWellKnown(message) {
			return s.value(nil)
		}
		field := message.Fields().ByJSONName(name)
		if field == nil {
			field = message.Fields().ByTextName(name)
		}
		if field == nil {
			return refuse(append(s.at, step{name: name[:min(len(name), maxName)]}), notAField)
		}
		s.at = append(s.at, step{name: field.JSONName()})
		defer func() { s.at = s.at[:len(s.at)-1] }()
		return s.field(field)
	})
}

// field walks the value of a field.
func (s *jsonScan) field(field protoreflect.FieldDescriptor) error {
	first, start := s.peek(), s.pos
	defer func() { s.note(start) }()
	switch {
	case field.IsMap() && first == '{':
		n := 0
		return s.members(func(string) error {
			if problem := s.elements.next(field, n); problem != "" {
				return refuse(s.at, problem)
			}
			n++
			return s.value(field.MapValue().Message())
		})
	case field.IsList() && first == '[':
		here := len(s.at) - 1
		return s.array(func(n int) error {
			if problem := s.elements.next(field, n); problem != "" {
				return refuse(s.at, problem)
			}
			s.at[here].list, s.at[here].index = true, n
			defer func() { s.at[here].list = false }()
			s.peek()
			start := s.pos
			err := s.value(field.Message())
			s.note(start)
			return err
		})
	case field.IsMap() || field.IsList():
		return s.value(nil)
	}
	return s.value(field.Message())
}

// members calls each with the name of every member of an object; each walks over
// the member's value.
func (s *jsonScan) members(each func(name string) error) error {
	return s.items('}', func(int) error {
		if s.peek() != '"' {
			return malformed("a name is no string")
		}
		name, err := s.text()
		if err != nil {
			return err
		}
		if s.peek() != ':' {
			return malformed("a name without a value")
		}
		s.pos++
		return each(name)
	})
}

func (s *jsonScan) array(each func(n int) error) error { return s.items(']', each) }

// items walks what stands between a bracket and its end, separated by commas.
func (s *jsonScan) items(end byte, each func(n int) error) error {
	s.pos++
	if s.depth++; s.depth > maxDepth {
		return tooDeep()
	}
	defer func() { s.depth-- }()
	if s.peek() == end {
		s.pos++
		return nil
	}
	for n := 0; ; n++ {
		if err := each(n); err != nil {
			return err
		}
		next := s.peek()
		s.pos++
		switch next {
		case ',':
		case end:
			return nil
		default:
			return malformed("an element is followed by neither a comma nor the end")
		}
	}
}

// text walks over a string and gives it, if it is short enough to be a name.
func (s *jsonScan) text() (string, error) {
	start, escaped := s.pos, false
	for s.pos++; s.pos < len(s.raw); s.pos++ {
		switch s.raw[s.pos] {
		case '\\':
			escaped = true
			s.pos++
		case '"':
			s.pos++
			quoted := s.raw[start:s.pos]
			if !escaped || len(quoted) > 8*maxName { // no name of ours is that long
				return string(quoted[1:min(len(quoted)-1, 8*maxName)]), nil
			}
			var name string
			if err := json.Unmarshal(quoted, &name); err != nil {
				return "", Undecodable(err)
			}
			return name, nil
		}
	}
	return "", malformed("a string does not end")
}

// literal walks over a number or a word.
func (s *jsonScan) literal() {
	for s.pos++; s.pos < len(s.raw); s.pos++ {
		switch s.raw[s.pos] {
		case ',', ':', ']', '}', '[', '{', '"', ' ', '\t', '\r', '\n':
			return
		}
	}
}

// peek gives the next byte that is no space; 0 at the end.
func (s *jsonScan) peek() byte {
	for ; s.pos < len(s.raw); s.pos++ {
		switch s.raw[s.pos] {
		case ' ', '\t', '\r', '\n':
		default:
			return s.raw[s.pos]
		}
	}
	return 0
}

// isWellKnown reports messages that have a JSON form of their own.
func isWellKnown(message protoreflect.MessageDescriptor) bool {
	return message.ParentFile().Package() == "google.protobuf"
}

package core

import (
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// binaryScan walks the binary encoding beside the descriptor of its message.
type binaryScan struct{ elements elements }

// message walks the fields of one message.
func (s *binaryScan) message(raw []byte, message protoreflect.MessageDescriptor, at path) error {
	if len(at) > maxDepth {
		return tooDeep()
	}
	seen := make([]int, message.Fields().Len()) // values of each field
	for len(raw) > 0 {
		number, wire, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return Undecodable(protowire.ParseError(n))
		}
		field := message.Fields().ByNumber(number)
		if field == nil {
			return refuse(append(at, step{name: strconv.Itoa(int(number))}), notAField)
		}
		here := append(at[:len(at):len(at)], step{name: field.JSONName(), list: field.IsList(), index: seen[field.Index()]})
		packed := field.IsList() && wire == protowire.BytesType && wireType(field.Kind()) != protowire.BytesType
		if wire != wireType(field.Kind()) && !packed || wire == protowire.StartGroupType {
			return refuse(here, wrongType)
		}
		raw = raw[n:]
		if n = protowire.ConsumeFieldValue(number, wire, raw); n < 0 {
			return Undecodable(protowire.ParseError(n))
		}
		var err error
		if packed {
			err = s.packed(raw[:n], field, here, &seen[field.Index()])
		} else {
			err = s.value(raw[:n], field, here, &seen[field.Index()])
		}
		if err != nil {
			return err
		}
		raw = raw[n:]
	}
	return nil
}

// value walks one value of a field that has n already.
func (s *binaryScan) value(raw []byte, field protoreflect.FieldDescriptor, at path, n *int) error {
	if field.IsList() || field.IsMap() {
		if problem := s.elements.next(field, *n); problem != "" {
			at[len(at)-1].list = false // it is the list's fault
			return refuse(at, problem)
		}
	} else if *n > 0 {
		return refuse(at, givenTwice)
	}
	*n++
	switch field.Kind() {
	case protoreflect.StringKind:
		if text, _ := protowire.ConsumeBytes(raw); !utf8.Valid(text) {
			return refuse(at, NotUTF8)
		}
	case protoreflect.MessageKind:
		inner, _ := protowire.ConsumeBytes(raw)
		return s.message(inner, field.Message(), at)
	}
	return nil
}

// packed counts the numbers of a list that stand in one value.
func (s *binaryScan) packed(raw []byte, field protoreflect.FieldDescriptor, at path, n *int) error {
	raw, _ = protowire.ConsumeBytes(raw)
	for len(raw) > 0 {
		if problem := s.elements.next(field, *n); problem != "" {
			at[len(at)-1].list = false // it is the list's fault
			return refuse(at, problem)
		}
		*n++
		size := protowire.ConsumeFieldValue(field.Number(), wireType(field.Kind()), raw)
		if size < 0 {
			return Undecodable(protowire.ParseError(size))
		}
		raw = raw[size:]
	}
	return nil
}

// wireType is how one value of a kind is written.
func wireType(kind protoreflect.Kind) protowire.Type {
	switch kind {
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return protowire.Fixed32Type
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return protowire.Fixed64Type
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.GroupKind:
		return protowire.StartGroupType
	}
	return protowire.VarintType
}

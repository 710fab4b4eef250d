package core

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const (
	// maxDepth bounds how deeply messages and JSON values are nested.
	maxDepth = 32
	// maxElements bounds the elements of all lists and maps of a request together:
	// a list in each element of a list multiplies what the contract's rules allow.
	maxElements = 100_000
)

// DecodeJSON fills a message from protobuf JSON; errs.Invalid, reason
// "invalid_argument", naming the field where one is at fault.
func DecodeJSON(raw []byte, message proto.Message) error {
	if err := CheckJSON(raw, message.ProtoReflect().Descriptor()); err != nil {
		return err
	}
	return FillJSON(raw, message)
}

// FillJSON builds a message from what CheckJSON has let through; errors as of DecodeJSON.
func FillJSON(raw []byte, message proto.Message) error {
	options := protojson.UnmarshalOptions{RecursionLimit: maxDepth}
	err := options.Unmarshal(raw, message)
	if err == nil {
		return nil
	}
	if at := stumbled(raw, message.ProtoReflect().Descriptor(), err); at != nil {
		return errs.Of(reason.InvalidArgument, errs.WithCause(err), errs.WithViolation(at.String(), mistake(err)))
	}
	return Undecodable(err)
}

// MarshalJSON is the one JSON setting of answers, over REST and Connect: zero
// counts and empty lists are written.
var MarshalJSON = protojson.MarshalOptions{EmitDefaultValues: true}

// CheckJSON looks at the bytes alone; errors as of DecodeJSON. What it lets through may
// still not be JSON of the message, but is cheap to try.
func CheckJSON(raw []byte, message protoreflect.MessageDescriptor) error {
	scan := jsonScan{raw: raw}
	return scan.value(message)
}

// DecodeBinary fills a message from the binary encoding. Unlike proto.Unmarshal it
// refuses what the contract does not know, as JSON does: fields of other numbers
// or types, and a second value of a field that has one.
func DecodeBinary(raw []byte, message proto.Message) error {
	scan := binaryScan{}
	if err := scan.message(raw, message.ProtoReflect().Descriptor(), nil); err != nil {
		return err
	}
	options := proto.UnmarshalOptions{RecursionLimit: maxDepth}
	if err := options.Unmarshal(raw, message); err != nil {
		return Undecodable(err)
	}
	return nil
}

// What protojson and grpc-gateway say of the field that they stumble over. Their
// texts are all they give; the field's name is all that is taken from them.
var shapes = []struct {
	pattern *regexp.Regexp
	message string
}{
	{regexp.MustCompile(`unknown field "([^"]{1,200})"`), notAField},
	{regexp.MustCompile(`invalid value for \S+ field ([A-Za-z0-9_.]{1,200})`), wrongType},
	{regexp.MustCompile(`(?:type mismatch, parameter: |parsing field ")([A-Za-z0-9_.]{1,200})`), wrongType},
	{regexp.MustCompile(`(?:duplicate field|too many values for field) "([^"]{1,200})"`), givenTwice},
}

// position is where protojson stumbled: a line and, in it, a character.
var position = regexp.MustCompile(`\(line (\d{1,9}):(\d{1,9})\)`)

// stumbled is the field in whose value protojson stumbled; nil where it was between them.
func stumbled(raw []byte, message protoreflect.MessageDescriptor, cause error) path {
	found := position.FindStringSubmatch(cause.Error())
	if found == nil {
		// Half of a surrogate pair that little follows is missed at the end, which has no place.
		return fieldAt(raw, message, bytes.LastIndex(raw, []byte(`\u`)))
	}
	line, _ := strconv.Atoi(found[1])
	column, _ := strconv.Atoi(found[2])
	place := 0
	for ; line > 1; line-- {
		end := bytes.IndexByte(raw[place:], '\n')
		if end < 0 {
			return nil
		}
		place += end + 1
	}
	for ; column > 1 && place < len(raw); column-- {
		_, size := utf8.DecodeRune(raw[place:])
		place += size
	}
	return fieldAt(raw, message, place)
}

// mistake says what is wrong with the value in which protojson stumbled.
func mistake(cause error) string {
	text := cause.Error()
	switch {
	case strings.Contains(text, "duplicate field"):
		return givenTwice
	case strings.Contains(text, "invalid UTF-8"):
		return NotUTF8
	case strings.Contains(text, "escape code"), strings.Contains(text, "unexpected EOF"):
		return notEscape
	}
	return wrongType
}

// Undecodable is the answer to a request that cannot be read: errs.Invalid,
// reason "invalid_argument", naming the field where that is known.
func Undecodable(cause error) *errs.Error {
	text := strings.ReplaceAll(cause.Error(), "\u00a0", " ") // protojson varies its spaces
	for _, shape := range shapes {
		if found := shape.pattern.FindStringSubmatch(text); found != nil {
			return errs.Of(reason.InvalidArgument, errs.WithCause(cause), errs.WithViolation(found[1], shape.message))
		}
	}
	return errs.Wrap(cause, errs.Invalid, reason.InvalidArgument, "The request cannot be read: it is not well-formed JSON of the expected shape.")
}

// TooLarge is the answer to a body over the limit.
func TooLarge() *errs.Error {
	return errs.Of(reason.RequestTooLarge)
}

// NotText is the answer to a field of the address that is no text; problem says why.
func NotText(field, problem string) *errs.Error { return refuse(path{{name: field}}, problem) }

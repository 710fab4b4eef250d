package edge

import (
	"regexp"
	"strings"

	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/entrasync/entrasync/pkg/errs"
)

// The one JSON setting of REST and Connect: zero counts and empty lists are
// written, unknown fields are refused.
var (
	MarshalJSON   = protojson.MarshalOptions{EmitDefaultValues: true}
	UnmarshalJSON = protojson.UnmarshalOptions{DiscardUnknown: false}
)

func jsonCodec() *connectproto.JSONCodec {
	return &connectproto.JSONCodec{MarshalOptions: MarshalJSON, UnmarshalOptions: UnmarshalJSON}
}

// What protojson and grpc-gateway say of the field that they stumble over. Their
// texts are all they give; the field's name is all that is taken from them.
var (
	unknownField = regexp.MustCompile(`unknown field "([^"]{1,200})"`)
	invalidValue = regexp.MustCompile(`invalid value for \S+ field ([A-Za-z0-9_.]{1,200})`)
	wrongType    = regexp.MustCompile(`(?:type mismatch, parameter: |parsing field ")([A-Za-z0-9_.]{1,200})`)
	twice        = regexp.MustCompile(`duplicate field "([^"]{1,200})"`)
)

// Undecodable is the answer to a request that cannot be read: errs.Invalid,
// reason "invalid_argument", naming the field where that is known.
func Undecodable(cause error) *errs.Error {
	text := strings.ReplaceAll(cause.Error(), "\u00a0", " ") // protojson varies its spaces
	for _, shape := range []struct {
		pattern *regexp.Regexp
		message string
	}{
		{unknownField, "is not a field of this request"},
		{invalidValue, "has a value of the wrong type"},
		{wrongType, "has a value of the wrong type"},
		{twice, "is given twice"},
	} {
		if found := shape.pattern.FindStringSubmatch(text); found != nil {
			return errs.Wrap(cause, errs.Invalid, "invalid_argument", "The request is not valid.", errs.WithViolation(found[1], shape.message))
		}
	}
	return errs.Wrap(cause, errs.Invalid, "invalid_argument", "The request cannot be read: it is not well-formed JSON of the expected shape.")
}

// TooLarge is the answer to a body over the limit.
func TooLarge() *errs.Error {
	return errs.New(errs.Exhausted, "request_too_large", "The request is larger than is accepted.")
}

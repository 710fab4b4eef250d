package core

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const (
	notAField  = "is not a field of this request"
	wrongType  = "has a value of the wrong type"
	givenTwice = "is given twice"
	notEscape  = "has an escape that is no character, such as half of a surrogate pair"
	maxName    = 200 // bytes of an unknown name that an answer repeats
)

// NotUTF8 says of a field that its text is broken.
const NotUTF8 = "is not valid UTF-8"

// step is a place in a message: a field and, in a list, an element of it.
type step struct {
	name  string
	index int
	list  bool
}

// path leads to a field. Its length is bounded by maxDepth.
type path []step

// String writes the path in JSON names: decisions[2].clientId.
func (p path) String() string {
	var b strings.Builder
	for _, s := range p {
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
		if s.list {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		}
	}
	return b.String()
}

func refuse(at path, message string) *errs.Error {
	return errs.Of(reason.InvalidArgument, errs.WithViolation(strings.ToValidUTF8(at.String(), "\ufffd"), message))
}

func malformed(what string) *errs.Error { return Undecodable(errors.New(what)) }

func tooDeep() *errs.Error {
	return errs.New(errs.Invalid, reason.InvalidArgument, "The request is nested more deeply than is accepted.")
}

// elements counts those of all lists and maps of a request.
type elements int

// next counts one more element of a field that has n already, and says what is
// wrong with it.
func (e *elements) next(field protoreflect.FieldDescriptor, n int) (problem string) {
	if limit, ok := rpc.MaxItems(field); ok && n >= limit {
		return rpc.TooMany(field, limit)
	}
	if *e++; *e > maxElements {
		return fmt.Sprintf("brings the elements of the request to more than %d", maxElements)
	}
	return ""
}

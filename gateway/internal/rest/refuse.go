package rest

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/core"
	gwhttp "github.com/entrasync/entrasync/gateway/internal/http"
	"github.com/entrasync/entrasync/pkg/errs"
)

const jsonType = "application/json"

// wrongMedia refuses a body that says it is neither JSON nor, where the method
// takes one, a table. A page of another origin can make a browser send any other
// type without asking first.
func wrongMedia(m access.Method, r *http.Request) error {
	if m.Body == "" {
		return nil
	}
	header := r.Header.Get("Content-Type")
	media, parameters, err := mime.ParseMediaType(header)
	charset := parameters["charset"]
	switch {
	case header == "" && r.ContentLength == 0: // every field has its default
	case err != nil, charset != "" && !strings.EqualFold(charset, "utf-8"):
		return unsupported(m)
	case media == jsonType, media == access.CSVType && access.CSVField(m.Descriptor.Input()) != nil:
	default:
		return unsupported(m)
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return errs.New(errs.Invalid, gwhttp.UnsupportedMediaType, "The request's body must not be compressed.")
	}
	return nil
}

func unsupported(m access.Method) error {
	types := jsonType
	if access.CSVField(m.Descriptor.Input()) != nil {
		types += " or " + access.CSVType
	}
	return errs.New(errs.Invalid, gwhttp.UnsupportedMediaType, "The request's body must be "+types+" in UTF-8.")
}

// wrongPath refuses variables of the path that are no text.
func wrongPath(m access.Method, params map[string]string) error {
	for name, value := range params {
		if !notText(value) {
			continue
		}
		if field := m.Descriptor.Input().Fields().ByName(protoreflect.Name(name)); field != nil {
			name = field.JSONName()
		}
		return core.NotText(name)
	}
	return nil
}

// body is one that was read and looked at.
type body struct {
	*bytes.Reader
	raw []byte
}

// Close does nothing.
func (*body) Close() error { return nil }

// readBody reads a request's body up to the method's limit and looks at it before
// the generated handler builds a message of it.
func readBody(w http.ResponseWriter, r *http.Request, m access.Method) error {
	if m.Body == "" {
		return nil
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, m.MaxBody()))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return core.TooLarge()
	}
	if err != nil {
		return core.Undecodable(err)
	}
	r.Body = &body{bytes.NewReader(raw), raw}
	if table := csvBody(m, r.Header.Get("Content-Type")); table != nil {
		if !utf8.Valid(raw) {
			return core.NotText(table.JSONName())
		}
		return nil
	}
	if len(raw) == 0 {
		return nil
	}
	return core.CheckJSON(raw, bodyOf(m))
}

// bytesOf gives the bytes of a body that was read, without a copy.
func bytesOf(r io.Reader) ([]byte, error) {
	if read, ok := r.(*body); ok {
		return read.raw, nil
	}
	return io.ReadAll(r)
}

func notText(value string) bool { return !utf8.ValidString(value) }

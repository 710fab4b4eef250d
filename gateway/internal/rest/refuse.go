package rest

import (
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const jsonType = "application/json"

// wrongMedia refuses a body that says it is neither JSON nor, where the method
// takes it, CSV. A page of another origin can make a browser send any other
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
		return errs.New(errs.Invalid, reason.UnsupportedMediaType, "The request's body must not be compressed.")
	}
	return nil
}

func unsupported(m access.Method) error {
	types := jsonType
	if access.CSVField(m.Descriptor.Input()) != nil {
		types += " or " + access.CSVType
	}
	return errs.New(errs.Invalid, reason.UnsupportedMediaType, "The request's body must be "+types+" in UTF-8.")
}

// wrongPath refuses variables of the path that are no text.
func wrongPath(m access.Method, params map[string]string) error {
	for name, value := range params {
		problem := notText(value)
		if problem == "" {
			continue
		}
		if field := m.Descriptor.Input().Fields().ByName(protoreflect.Name(name)); field != nil {
			name = field.JSONName()
		}
		return core.NotText(name, problem)
	}
	return nil
}

// notText says why a value of the address is no text that can be stored or searched for;
// empty where it is.
func notText(value string) string {
	switch {
	case !utf8.ValidString(value):
		return core.NotUTF8
	case strings.ContainsRune(value, 0):
		return "has a NUL character"
	}
	return ""
}

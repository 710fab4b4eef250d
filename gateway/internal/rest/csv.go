package rest

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/core"
)

// byteOrderMark stands before CSV that is given as a file: Excel knows by it that
// the text is UTF-8, and else reads it in the code page of its country.
const byteOrderMark = "\ufeff"

// csvMarshaler is the marshaler for text/csv. What has no CSV travels as JSON, also
// the answer to CSV that was sent.
type csvMarshaler struct{ *marshaler }

// ContentType is that of an answer.
func (m *csvMarshaler) ContentType(v any) string {
	if _, ok := csvOf(v); ok {
		return access.CSVType + "; charset=utf-8"
	}
	return m.marshaler.ContentType(v)
}

// Marshal gives the CSV of an answer as it is, behind a byte order mark.
func (m *csvMarshaler) Marshal(v any) ([]byte, error) {
	if text, ok := csvOf(v); ok {
		return []byte(byteOrderMark + text), nil
	}
	return m.marshaler.Marshal(v)
}

// NewDecoder reads the whole body as the CSV of a request.
func (m *csvMarshaler) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		message, ok := v.(proto.Message)
		if !ok || access.CSVField(message.ProtoReflect().Descriptor()) == nil {
			return m.marshaler.NewDecoder(r).Decode(v)
		}
		raw, err := bytesOf(r)
		if err != nil {
			return err
		}
		reflected := message.ProtoReflect()
		reflected.Set(access.CSVField(reflected.Descriptor()), protoreflect.ValueOfString(string(raw)))
		return nil
	})
}

func csvOf(v any) (string, bool) {
	message, ok := v.(proto.Message)
	if !ok {
		return "", false
	}
	reflected := message.ProtoReflect()
	field := access.CSVField(reflected.Descriptor())
	if field == nil {
		return "", false
	}
	return reflected.Get(field).String(), true
}

// negotiate leaves in the request's header one media type that is asked for:
// text/csv, where the caller prefers it to JSON, or none. The generated handlers
// compare the header as it stands.
func negotiate(r *http.Request) {
	csv, other := 0.0, 0.0
	for _, line := range r.Header.Values("Accept") {
		for one := range strings.SplitSeq(line, ",") {
			media, parameters, err := mime.ParseMediaType(one)
			if err != nil {
				continue
			}
			weight := 1.0
			if text, ok := parameters["q"]; ok {
				if weight, err = strconv.ParseFloat(text, 64); err != nil {
					continue
				}
			}
			switch media {
			case access.CSVType:
				csv = max(csv, weight)
			case "application/json":
				other = max(other, weight)
			}
		}
	}
	r.Header.Set("Accept", "application/json")
	if csv > other {
		r.Header.Set("Accept", access.CSVType)
	}
}

// isCSV reports a request whose body is CSV, by the method's contract.
func (x *exchange) isCSV() bool { return csvBody(x.method, x.media) != nil }

// csvBody is the field that a body of a type is the whole of; nil where the body
// is JSON.
func csvBody(m access.Method, contentType string) protoreflect.FieldDescriptor {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || media != access.CSVType || m.Body != "*" {
		return nil
	}
	return access.CSVField(m.Descriptor.Input())
}

// withQuery takes the other fields of a request whose body is CSV from the query.
func withQuery(x *exchange, request proto.Message) error {
	if !x.isCSV() {
		return nil
	}
	if err := runtime.PopulateQueryParameters(request, x.query, utilities.NewDoubleArray(nil)); err != nil {
		return core.Undecodable(err)
	}
	return nil
}

// askForCSV asks a list for CSV where the caller prefers it.
func askForCSV(x *exchange, request proto.Message) {
	reflected := request.ProtoReflect()
	if field := access.AsCSVField(reflected.Descriptor()); field != nil && x.csv {
		reflected.Set(field, protoreflect.ValueOfBool(true))
	}
}

// describeCSV sets the headers of an answer that is CSV: the name of a file, and
// in a header each what else the answer holds.
func describeCSV(w http.ResponseWriter, m access.Method, message proto.Message) {
	_, ok := csvOf(message)
	if !ok || !strings.HasPrefix(w.Header().Get("Content-Type"), access.CSVType) {
		return
	}
	path := strings.Split(strings.TrimSuffix(m.Path, "/export"), "/")
	name := path[len(path)-1]
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.csv"`, name))
	message.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field != access.CSVField(field.ContainingMessage()) && !field.IsList() && !field.IsMap() && field.Message() == nil {
			w.Header().Set("Entrasync-"+strings.ReplaceAll(string(field.Name()), "_", "-"), value.String())
		}
		return true
	})
}

package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const (
	// The header with which a change names the version that it is made on.
	ifMatch = "If-Match"
	// effects is the field in which the answer to a change says how far its effects have come.
	effects = "effects"
)

// entityTag is the tag of an answer that has a version, empty for any other. It begins with the
// version, which If-Match is compared by. A digest follows: an answer shows more than its version
// covers, such as when a contact was seen last, and If-None-Match asks for all of it.
func (x *exchange) entityTag(answer proto.Message) (string, error) {
	if x.method.Verb == http.MethodPost {
		return "", nil // it answers with what became of it, and not with what stands at the address
	}
	if wrapped, ok := answer.(interface{ XXX_ResponseBody() any }); ok {
		if answer, ok = wrapped.XXX_ResponseBody().(proto.Message); !ok {
			return "", nil
		}
	}
	reflected := answer.ProtoReflect()
	field := access.VersionField(reflected.Descriptor())
	if field == nil {
		return "", nil
	}
	if x.method.Verb != http.MethodGet {
		answer = standing(reflected)
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(answer)
	if err != nil {
		return "", err
	}
	if x.csv { // another form of the same
		raw = append(raw, access.CSVType...)
	}
	digest := sha256.Sum256(raw)
	return `"` + strconv.FormatInt(reflected.Get(field).Int(), 10) + "-" + hex.EncodeToString(digest[:8]) + `"`, nil
}

// standing is the answer to a change without what it says of the change itself, as the next GET has it.
func standing(answer protoreflect.Message) proto.Message {
	field := answer.Descriptor().Fields().ByName(effects)
	if field == nil || !answer.Has(field) {
		return answer.Interface()
	}
	without := answer.New()
	answer.Range(func(one protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if one != field {
			without.Set(one, value)
		}
		return true
	})
	return without.Interface()
}

// tagged answers with an entity tag. It reports an answer that the caller has already, of which the
// status alone is sent.
func (x *exchange) tagged(w http.ResponseWriter, answer proto.Message) (known bool, err error) {
	tag, err := x.entityTag(answer)
	if err != nil || tag == "" {
		return false, err
	}
	w.Header().Set("ETag", tag)
	if x.method.Verb != http.MethodGet {
		return false, nil
	}
	for _, one := range x.ifNoneMatch {
		if one == "*" || one == tag {
			return true, nil
		}
	}
	return false, nil
}

// tagsOf are the entity tags of a header. That one is weak says nothing here: a proxy that compresses
// answers makes them so.
func tagsOf(r *http.Request, header string) (tags []string) {
	for _, line := range r.Header.Values(header) {
		for one := range strings.SplitSeq(line, ",") {
			tags = append(tags, strings.TrimPrefix(strings.TrimSpace(one), "W/"))
		}
	}
	return tags
}

// withIfMatch sets the version that a change is made on from the header. A header that cannot be kept
// to is refused: who sends it relies on it.
func withIfMatch(x *exchange, request proto.Message) error {
	if len(x.ifMatch) == 0 || x.method.Verb == http.MethodGet {
		return nil
	}
	if len(x.ifMatch) == 1 && x.ifMatch[0] == "*" {
		return nil // any version, or none
	}
	body := bodyOf(x.method)
	field := access.VersionField(body)
	switch {
	case field != nil && field.HasPresence():
	case ofRecords(body):
		return wrongTag("is not taken here: of a list of records each has its own version")
	default:
		return wrongTag("is not taken here: this request has no version")
	}
	version, ok := versionOf(x.ifMatch)
	if !ok {
		return wrongTag("must be one ETag as an answer had it")
	}
	message := request.ProtoReflect()
	if body := bodyField(x.method); body != nil {
		message = message.Mutable(body).Message()
	}
	if message.Has(field) && message.Get(field).Int() != version {
		return wrongTag("names another version than the request's body")
	}
	message.Set(field, protoreflect.ValueOfInt64(version))
	return nil
}

// ofRecords reports whether a body lists records that have a version each.
func ofRecords(body protoreflect.MessageDescriptor) bool {
	for i := range body.Fields().Len() {
		if field := body.Fields().Get(i); field.IsList() && access.VersionField(field.Message()) != nil {
			return true
		}
	}
	return false
}

// versionOf is the version that a header's only tag begins with.
func versionOf(tags []string) (version int64, ok bool) {
	if len(tags) != 1 {
		return 0, false
	}
	text, opened := strings.CutPrefix(tags[0], `"`)
	text, closed := strings.CutSuffix(text, `"`)
	text, _, _ = strings.Cut(text, "-")
	version, err := strconv.ParseInt(text, 10, 64)
	return version, opened && closed && err == nil && version >= 0
}

func wrongTag(message string) *errs.Error {
	return errs.Of(reason.InvalidArgument, errs.WithViolation(ifMatch, message))
}

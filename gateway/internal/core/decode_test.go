package core_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// violation is the one field that a refusal names, and what it says of it; empty
// where it names none.
func violation(t *testing.T, err error) (field, message string) {
	t.Helper()
	e, ok := err.(*errs.Error) //nolint:errorlint // the core gives it itself
	require.True(t, ok, "%v", err)
	require.Equal(t, errs.Invalid, e.Kind())
	require.Equal(t, "invalid_argument", e.Reason())
	if len(e.Violations()) == 0 {
		return "", e.Public()
	}
	require.Len(t, e.Violations(), 1)
	return e.Violations()[0].Field, e.Violations()[0].Message
}

func elements(n int, element string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
}

func TestListsInJSONAreAsLongAsTheContractAllows(t *testing.T) {
	t.Parallel()
	confirm := func(text string) error { return core.DecodeJSON([]byte(text), &mappingv1.ConfirmMappingsRequest{}) }
	clients := func(text string) error { return core.DecodeJSON([]byte(text), &mappingv1.BatchUpsertClientsRequest{}) }
	for name, test := range map[string]struct {
		err            error
		field, message string
	}{
		"as many as allowed":     {confirm(`{"decisions":` + elements(5000, `{}`) + `}`), "", ""},
		"one more":               {confirm(`{"decisions":` + elements(5001, `{}`) + `}`), "decisions", "must contain no more than 5000 item(s)"},
		"under its other name":   {clients(`{"clients":[{"email_domains":` + elements(1001, `""`) + `}]}`), "clients[0].emailDomains", "must contain no more than 1000 item(s)"},
		"with an escaped name":   {confirm(`{"\u0064ecisions":` + elements(5001, `{}`) + `}`), "decisions", "must contain no more than 5000 item(s)"},
		"with space in between":  {confirm("{ \"decisions\" :\n" + elements(5001, "\t{ } ") + `}`), "decisions", "must contain no more than 5000 item(s)"},
		"behind a closed string": {confirm(`{"version":"\\","decisions":` + elements(5001, `{}`) + `}`), "decisions", "must contain no more than 5000 item(s)"},
		"of null":                {confirm(`{"decisions":` + elements(5001, `null`) + `}`), "decisions", "must contain no more than 5000 item(s)"},
		"no list":                {confirm(`{"decisions":null}`), "", ""},
		"in an element":          {clients(`{"clients":[{},{"emailDomains":` + elements(1001, `""`) + `}]}`), "clients[1].emailDomains", "must contain no more than 1000 item(s)"},
		"many lists together": {
			clients(`{"clients":` + elements(200, `{"emailDomains":`+elements(600, `""`)+`}`) + `}`),
			"clients[166].emailDomains", "brings the elements of the request to more than 100000",
		},
	} {
		if test.message == "" {
			require.NoError(t, test.err, name)
			continue
		}
		field, message := violation(t, test.err)
		require.Equal(t, test.field, field, name)
		require.Equal(t, test.message, message, name)
	}
}

func TestWhatIsNoJSONOfTheContractIsRefused(t *testing.T) {
	t.Parallel()
	for text, field := range map[string]string{
		`{"surprise":1}`: "surprise", `{"decisions":[{},{"surprise":{}}]}`: "decisions[1].surprise",
		`{"version":"new"}`: "version", `{"decisions":[],"decisions":[]}`: "decisions", `{"version":1,"version":2}`: "version",
		`{"[entrasync.x]":1}`: "[entrasync.x]", `{"@type":"x"}`: "@type", `{"\ud800":1}`: "\ufffd",
		`{"decisions":{}}`: "decisions", `{"decisions":[[]]}`: "decisions[0]", `[]`: "", `{} {}`: "", `{`: "", `{"version"}`: "", `{"version":1`: "", `"`: "",
		`{"version":1,}`: "", ``: "", ` `: "", `nul`: "", "{\"version\":\"\xff\"}": "version", `{"decisions":[1}`: "",
	} {
		err := core.DecodeJSON([]byte(text), &mappingv1.ConfirmMappingsRequest{})
		require.Error(t, err, text)
		named, _ := violation(t, err)
		require.Equal(t, field, named, text)
	}
	long := core.DecodeJSON([]byte(`{"`+strings.Repeat("x", 1<<20)+`":1}`), &mappingv1.ConfirmMappingsRequest{})
	field, _ := violation(t, long)
	require.Less(t, len(field), 300)
}

// TestTheFieldThatCannotBeReadIsNamed: of thousands of records one has a value that JSON or
// the contract does not know, and its sender must find it.
func TestTheFieldThatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	ok := `{"externalId":"é\n😀","name":"n"}`
	for value, want := range map[string][2]string{
		`{"name":"cut \ud83d"}`:             {"name", "has an escape that is no character, such as half of a surrogate pair"},
		`{"name":"\udc00 cut"}`:             {"name", "has an escape that is no character, such as half of a surrogate pair"},
		"{\"name\":\"\xff\"}":               {"name", "is not valid UTF-8"},
		`{"name":1}`:                        {"name", "has a value of the wrong type"},
		`{"name":["n"]}`:                    {"name", "has a value of the wrong type"},
		`{"email_domains":["a.example",1]}`: {"emailDomains[1]", "has a value of the wrong type"},
		`{"emailDomains":"a.example"}`:      {"emailDomains", "has a value of the wrong type"},
		`{"deleted":"yes"}`:                 {"deleted", "has a value of the wrong type"},
		`{"version":1.5}`:                   {"version", "has a value of the wrong type"},
		`{"version":9223372036854775808}`:   {"version", "has a value of the wrong type"},
	} {
		text := `{"clients":[` + ok + ",\n " + ok + ",\n\t" + value + "," + ok + "]}"
		field, message := violation(t, core.DecodeJSON([]byte(text), &mappingv1.BatchUpsertClientsRequest{}))
		require.Equal(t, "clients[2]."+want[0], field, text)
		require.Equal(t, want[1], message, text)
	}
	field, message := violation(t, core.DecodeJSON([]byte(`{"clients":[{"name":"n"},{"name":"cut \ud83d"}]}`), &mappingv1.BatchUpsertClientsRequest{}))
	require.Equal(t, "clients[1].name", field, "little follows")
	require.Contains(t, message, "surrogate")
	for _, since := range []string{`"0000-01-01T00:00:00Z"`, `"10000-01-01T00:00:00Z"`, `"yesterday"`, `1`, `{}`} {
		field, message := violation(t, core.DecodeJSON([]byte(`{"id":"x","since":`+since+`}`), &gatewayv1.ReplayWebhookRequest{}))
		require.Equal(t, "since", field, since)
		require.Equal(t, "has a value of the wrong type", message, since)
	}
}

func TestNothingIsNestedDeeply(t *testing.T) {
	t.Parallel()
	const depth = 1 << 20
	for _, text := range []string{
		strings.Repeat("[", depth), strings.Repeat(`{"decisions":[`, depth), `{"version":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`,
		`{"decisions":[{"clientId":` + strings.Repeat(`{"a":`, depth) + `1` + strings.Repeat(`}`, depth) + `}]}`,
	} {
		require.Error(t, core.DecodeJSON([]byte(text), &mappingv1.ConfirmMappingsRequest{}))
	}
	groups := bytes.Repeat(protowire.AppendTag(nil, 1, protowire.StartGroupType), depth)
	require.Error(t, core.DecodeBinary(groups, &mappingv1.ConfirmMappingsRequest{}))
}

func field(number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

func TestTheBinaryEncodingIsHeldToTheContract(t *testing.T) {
	t.Parallel()
	confirm := func(raw []byte) error { return core.DecodeBinary(raw, &mappingv1.ConfirmMappingsRequest{}) }
	varint := func(number protowire.Number) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), 1)
	}
	require.NoError(t, confirm(bytes.Repeat(field(1, nil), 5000)))
	require.NoError(t, confirm(nil))
	for name, test := range map[string]struct {
		raw            []byte
		field, message string
	}{
		"a list too long":        {bytes.Repeat(field(1, nil), 5001), "decisions", "must contain no more than 5000 item(s)"},
		"an unknown field":       {append(field(1, nil), varint(99)...), "99", "is not a field of this request"},
		"one in an element":      {append(field(1, nil), field(1, varint(99))...), "decisions[1].99", "is not a field of this request"},
		"a text for a number":    {field(2, []byte("1")), "version", "has a value of the wrong type"},
		"a number for a message": {varint(1), "decisions[0]", "has a value of the wrong type"},
		"a value twice":          {append(varint(2), varint(2)...), "version", "is given twice"},
		"text that is none":      {field(1, field(1, []byte{0xff})), "decisions[0].managedTenantId", "is not valid UTF-8"},
		"a field that ends":      {field(1, nil)[:1], "", ""},
		"rubbish":                {[]byte{0xff, 0xff}, "", ""},
	} {
		named, message := violation(t, confirm(test.raw))
		require.Equal(t, test.field, named, name)
		if test.message != "" {
			require.Equal(t, test.message, message, name)
		}
	}
}

func TestPackedNumbersAndMapsAreCounted(t *testing.T) {
	t.Parallel()
	// No public request has either today; internal messages stand in.
	effect := &orchestrationv1.Effect{Arguments: map[string]string{"a": "b", "c": "d"}}
	raw, err := proto.Marshal(effect)
	require.NoError(t, err)
	read := &orchestrationv1.Effect{}
	require.NoError(t, core.DecodeBinary(raw, read))
	require.True(t, proto.Equal(effect, read))
	text, err := protojson.Marshal(effect)
	require.NoError(t, err)
	require.NoError(t, core.DecodeJSON(text, &orchestrationv1.Effect{}))
	many := bytes.Repeat(field(5, nil), 100_001)
	named, message := violation(t, core.DecodeBinary(many, &orchestrationv1.Effect{}))
	require.Equal(t, "arguments", named)
	require.Contains(t, message, "more than 100000")
	rule := &policyv1.Rule{Flags: []string{"a", "b"}, When: []*policyv1.When{{Field: "x", Condition: &policyv1.When_Present{Present: true}}}}
	raw, err = proto.Marshal(rule)
	require.NoError(t, err)
	require.NoError(t, core.DecodeBinary(raw, &policyv1.Rule{}))
}

// FuzzDecode holds both readers against those of the library: what they let
// through is the same message, and what they refuse breaks a rule of theirs.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"decisions":[{"managedTenantId":"a","decision":"map","clientId":"c"}],"version":"7","startInitialSync":true}`))
	f.Add([]byte("{\"decisions\":[],\"\\u0076ersion\":1e2 }"))
	f.Add(append(field(1, field(1, []byte("a"))), 0x10, 0x01))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, message := range []proto.Message{
			&mappingv1.ConfirmMappingsRequest{}, &mappingv1.BatchUpsertClientsRequest{}, &orchestrationv1.Effect{}, &connectionv1.ConnectRequest{},
		} {
			ours, theirs := message.ProtoReflect().New().Interface(), message.ProtoReflect().New().Interface()
			err := core.DecodeJSON(raw, ours)
			want := (protojson.UnmarshalOptions{}).Unmarshal(raw, theirs)
			if want == nil && fits(theirs) {
				require.NoError(t, err)
			}
			if err == nil {
				require.NoError(t, want)
				require.True(t, proto.Equal(ours, theirs))
			}
			proto.Reset(ours)
			proto.Reset(theirs)
			if err := core.DecodeBinary(raw, ours); err != nil {
				continue
			}
			require.NoError(t, proto.Unmarshal(raw, theirs))
			require.True(t, proto.Equal(ours, theirs))
			require.Empty(t, ours.ProtoReflect().GetUnknown())
		}
	})
}

// fits reports a message whose lists are short, so that only a mistake refuses it.
func fits(message proto.Message) bool {
	short := true
	message.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		short = short && (!field.IsList() || value.List().Len() < 1000)
		return short
	})
	return short
}

package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/errs"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// TestAnAnswerWithAVersionHasATag, and the same answer again is 304 without a body.
func TestAnAnswerWithAVersionHasATag(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	show := func(contact *syncenginev1.Contact) {
		b.backends.on("/entrasync.syncengine.v1.ContactService/GetContact", func(context.Context, proto.Message) (proto.Message, error) {
			return &syncenginev1.GetContactResponse{Contact: contact}, nil
		})
	}
	show(&syncenginev1.Contact{Id: "c1", FullName: "Ada", Version: 7})
	get := func(tags ...string) answer {
		var headers []string
		for _, tag := range tags {
			headers = append(headers, "If-None-Match", tag)
		}
		return b.as(b.reader("t1"), http.MethodGet, "/api/contacts/c1", "", headers...)
	}
	first := get()
	require.Equal(t, http.StatusOK, first.status)
	tag := first.header.Get("ETag")
	require.Regexp(t, `^"7-[0-9a-f]{16}"$`, tag)
	for _, sent := range []string{tag, "W/" + tag, `"6-0", ` + tag, "*"} {
		same := get(sent)
		require.Equal(t, http.StatusNotModified, same.status, sent)
		require.Empty(t, same.body)
		require.Equal(t, tag, same.header.Get("ETag"))
		require.Empty(t, same.header.Get("Content-Type"))
	}
	for _, sent := range []string{`"7"`, `"6-0"`, tag[1:], ""} {
		require.Equal(t, http.StatusOK, get(sent).status, sent)
	}
	show(&syncenginev1.Contact{Id: "c1", FullName: "Ada", Version: 7, LastEntraSyncAt: timestamppb.New(b.clock.Now())})
	seen := get(tag)
	require.Equal(t, http.StatusOK, seen.status, "an answer that shows more is another")
	require.True(t, strings.HasPrefix(seen.header.Get("ETag"), `"7-`))

	require.Empty(t, b.as(b.reader("t1"), http.MethodGet, "/api/contacts", "").header.Get("ETag"), "a list has no version")
	over := b.as(b.reader("t1"), http.MethodPost, "/entrasync.syncengine.v1.ContactService/GetContact", `{"id":"c1"}`, "If-None-Match", tag)
	require.Equal(t, http.StatusOK, over.status, "over REST alone")
	require.Empty(t, over.header.Get("ETag"))
}

// TestTheTagOfCSVIsNotThatOfItsJSON: they are two forms of one answer.
func TestTheTagOfCSVIsNotThatOfItsJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.backends.on("/entrasync.mapping.v1.MappingService/ExportMappings", func(context.Context, proto.Message) (proto.Message, error) {
		return &mappingv1.ExportMappingsResponse{Csv: "a\n", Version: 3}, nil
	})
	get := func(media, tag string) answer {
		return b.as(b.reader("t1"), http.MethodGet, "/api/integrations/entra/mappings/export", "", "Accept", media, "If-None-Match", tag)
	}
	csv, document := get("text/csv", `"-"`), get("application/json", `"-"`)
	require.NotEqual(t, csv.header.Get("ETag"), document.header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, get("text/csv", csv.header.Get("ETag")).status)
	require.Equal(t, http.StatusOK, get("application/json", csv.header.Get("ETag")).status)
}

// TestIfMatchIsTheVersionThatAChangeIsMadeOn, wherever a request has one.
func TestIfMatchIsTheVersionThatAChangeIsMadeOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.backends.on(settingsCall, func(_ context.Context, request proto.Message) (proto.Message, error) {
		if patch := request.(*syncenginev1.UpdateSettingsRequest).GetSettings(); patch.Version != nil && patch.GetVersion() != 7 {
			return nil, errs.New(errs.Conflict, "stale_version", "Changed.", errs.WithViolation("version", "is 7 now"))
		}
		return &syncenginev1.UpdateSettingsResponse{Settings: &syncenginev1.Settings{Version: 8}}, nil
	})
	patch := func(body, tag string) answer {
		b.backends.forget()
		return b.as(b.admin("t1"), http.MethodPatch, settingsPath, body, "If-Match", tag)
	}
	asked := func() *int64 {
		calls := b.backends.of(settingsCall)
		require.Len(t, calls, 1)
		return calls[0].request.(*syncenginev1.UpdateSettingsRequest).GetSettings().Version
	}
	for _, tag := range []string{`"7-0123456789abcdef"`, `W/"7-0123456789abcdef"`, `"7"`} {
		res := patch(`{"automaticSync":true}`, tag)
		require.Equal(t, http.StatusOK, res.status, res.body)
		require.Equal(t, int64(7), *asked(), tag)
		require.True(t, strings.HasPrefix(res.header.Get("ETag"), `"8-`), "of what stands there now")
	}
	require.Equal(t, http.StatusOK, patch(`{"version":"7"}`, `"7-0"`).status, "twice the same")
	require.Equal(t, http.StatusOK, patch(`{"automaticSync":true}`, "*").status)
	require.Nil(t, asked(), "any version")
	require.Equal(t, http.StatusOK, patch("", `"7"`).status)
	require.Equal(t, int64(7), *asked(), "also without a body")

	stale := patch(`{"automaticSync":true}`, `"6-0"`)
	require.Equal(t, http.StatusConflict, stale.status)
	require.Equal(t, "stale_version", stale.problem(t).Code)
	for _, wrong := range []struct{ body, tag string }{
		{`{"version":"6"}`, `"7-0"`}, {`{}`, `"6-0", "7-0"`}, {`{}`, `7`}, {`{}`, `"seven"`}, {`{}`, `"-1"`}, {`{}`, ``},
	} {
		res := patch(wrong.body, wrong.tag)
		require.Equal(t, http.StatusBadRequest, res.status, wrong.tag)
		require.Equal(t, "If-Match", res.problem(t).Violations[0].Field)
		require.Zero(t, b.backends.count(), "nothing was changed")
	}

	// Wherever the version stands in the request itself.
	b.backends.forget()
	require.Equal(t, http.StatusOK, b.as(b.admin("t1"), http.MethodPost, "/api/integrations/entra/mappings/skip", `{"managedTenantId":"m1"}`, "If-Match", `"4"`).status)
	require.Equal(t, int64(4), b.backends.of("/entrasync.mapping.v1.MappingService/SkipMapping")[0].request.(*mappingv1.SkipMappingRequest).GetVersion())
	// Where it stands in each record, or nowhere, a header that says something about all is refused.
	for verb, path := range map[string]string{http.MethodPut: "/api/clients:batch", http.MethodDelete: "/api/webhooks/0190c9a2-7b1e-7f00-8000-000000000001"} {
		body := ""
		if verb == http.MethodPut {
			body = `{"clients":[{"externalId":"a","name":"Acme"}]}`
		}
		res := b.as(b.admin("t1"), verb, path, body, "If-Match", `"4"`)
		require.Equal(t, http.StatusBadRequest, res.status, path)
		require.Equal(t, "If-Match", res.problem(t).Violations[0].Field, path)
		listed := strings.Contains(res.problem(t).Violations[0].Message, "list of records")
		require.Equal(t, verb == http.MethodPut, listed, "a request without a version is not called a list")
		whichever := b.as(b.admin("t1"), verb, path, body, "If-Match", "*")
		require.NotEqual(t, http.StatusBadRequest, whichever.status, "any version will do: "+whichever.body)
	}
}

// TestTheTagOfAChangeIsThatOfWhatStandsThere: what its answer says of the change itself is no part of it.
func TestTheTagOfAChangeIsThatOfWhatStandsThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.backends.on(settingsCall, func(context.Context, proto.Message) (proto.Message, error) {
		effects := "pending"
		return &syncenginev1.UpdateSettingsResponse{Settings: &syncenginev1.Settings{Version: 8, UpdatedBy: "ada", Effects: &effects}}, nil
	})
	b.backends.on("/entrasync.syncengine.v1.SettingsService/GetSettings", func(context.Context, proto.Message) (proto.Message, error) {
		return &syncenginev1.GetSettingsResponse{Settings: &syncenginev1.Settings{Version: 8, UpdatedBy: "ada"}}, nil
	})
	changed := b.as(b.admin("t1"), http.MethodPatch, settingsPath, `{"intervalMinutes":30}`)
	require.Equal(t, http.StatusOK, changed.status, changed.body)
	require.Equal(t, "pending", changed.json(t)["effects"])
	tag := changed.header.Get("ETag")
	require.NotEmpty(t, tag)
	require.Equal(t, http.StatusNotModified, b.as(b.reader("t1"), http.MethodGet, settingsPath, "", "If-None-Match", tag).status)
}

func TestTagsAreDescribed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doc, err := openapi3.NewLoader().LoadFromData([]byte(b.do("GET", "/openapi.json", "").body))
	require.NoError(t, err)
	named := func(operation *openapi3.Operation) (names []string) {
		for _, p := range operation.Parameters {
			names = append(names, p.Value.Name)
		}
		return names
	}
	for _, path := range []string{"/api/contacts/{id}", "/api/clients/{id}", settingsPath, "/api/integrations/entra/mappings/preview"} {
		get := doc.Paths.Value(path).Get
		require.Contains(t, named(get), "If-None-Match", path)
		require.NotNil(t, get.Responses.Value("304"), path)
		require.Contains(t, get.Responses.Value("200").Value.Headers, "ETag", path)
	}
	patch := doc.Paths.Value(settingsPath).Patch
	require.Contains(t, named(patch), "If-Match")
	require.Contains(t, patch.Responses.Value("200").Value.Headers, "ETag")
	require.NotContains(t, named(doc.Paths.Value("/api/clients:batch").Put), "If-Match")
	require.NotContains(t, named(doc.Paths.Value("/api/contacts").Get), "If-None-Match")
}

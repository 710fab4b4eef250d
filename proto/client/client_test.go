package client_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/entrasync/entrasync/proto/client"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// withoutClient are public services that hosts do not call: the platform's, and CIPP's, which is not offered.
var withoutClient = []string{"PlatformFlagService", "CippService"}

// TestEveryPublicServiceHasAClient walks the contracts.
func TestEveryPublicServiceHasAClient(t *testing.T) {
	t.Parallel()
	var have, want []string
	api := reflect.TypeFor[client.Client]()
	for i := range api.NumField() {
		have = append(have, strings.TrimSuffix(api.Field(i).Type.Name(), "Client"))
	}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			public := service.Methods().Len() > 0 && proto.HasExtension(service.Methods().Get(0).Options(), policyv1.E_Rule)
			if public && !slices.Contains(withoutClient, string(service.Name())) {
				want = append(want, string(service.Name()))
			}
		}
		return true
	})
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(want, have) {
		t.Fatalf("the contracts have %v, the client has %v", want, have)
	}
}

// TestACallAndARefusal makes one call that is answered and one that is refused.
func TestACallAndARefusal(t *testing.T) {
	t.Parallel()
	refuse := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var asked syncenginev1.GetContactRequest
		if r.URL.Path != "/entrasync.syncengine.v1.ContactService/GetContact" || r.Header.Get("Authorization") != "Bearer secret" ||
			proto.Unmarshal(body, &asked) != nil || asked.GetId() != "c-1" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		if !refuse {
			answer, _ := proto.Marshal(&syncenginev1.GetContactResponse{Contact: &syncenginev1.Contact{Id: "c-1", FullName: "Ada"}})
			_, _ = w.Write(answer)
			return
		}
		w.Header().Set("Retry-After", "7")
		w.Header().Set("X-Request-Id", "r-1")
		w.WriteHeader(http.StatusNotFound)
		info, _ := proto.Marshal(&errdetails.ErrorInfo{Reason: "not_found"})
		bad, _ := proto.Marshal(&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "id", Description: "is none"}}})
		_ = json.NewEncoder(w).Encode(map[string]any{"code": "not_found", "message": "There is no such contact.", "details": []map[string]string{
			{"type": "google.rpc.ErrorInfo", "value": base64.RawStdEncoding.EncodeToString(info)},
			{"type": "google.rpc.BadRequest", "value": base64.RawStdEncoding.EncodeToString(bad)},
		}})
	}))
	t.Cleanup(server.Close)
	api := client.New(server.URL+"/", client.Token("secret"), client.WithHTTP(server.Client()))
	got, err := api.Contacts.GetContact(t.Context(), &syncenginev1.GetContactRequest{Id: "c-1"})
	if err != nil || got.GetContact().GetFullName() != "Ada" {
		t.Fatal(got, err)
	}
	refuse = true
	_, err = api.Contacts.GetContact(t.Context(), &syncenginev1.GetContactRequest{Id: "c-1"})
	if client.ReasonOf(err) != "not_found" {
		t.Fatal(err)
	}
	want := &client.Error{
		HTTPStatus: 404, Reason: "not_found", Message: "There is no such contact.", RequestID: "r-1", RetryAfter: 7 * time.Second,
		Violations: []client.Violation{{Field: "id", Message: "is none"}},
	}
	if !reflect.DeepEqual(err, want) {
		t.Fatalf("%+v", err)
	}
}

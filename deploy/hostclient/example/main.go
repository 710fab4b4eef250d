// Command example is what a host application does: load clients and contacts, connect, follow the
// feed, and verify webhooks. ENTRASYNC_URL and ENTRASYNC_TOKEN say where and as whom, WEBHOOK_LISTEN
// where it listens for webhooks.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/entrasync/entrasync/proto/client"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	api := client.New(os.Getenv("ENTRASYNC_URL"), client.Token(os.Getenv("ENTRASYNC_TOKEN")))
	for _, step := range []func(context.Context, *client.Client) error{load, connect, follow, webhooks} {
		if err := step(ctx, api); err != nil {
			log.Fatal(err) // the process ends
		}
	}
}

// load sends the host's records. Each has a result of its own.
func load(ctx context.Context, api *client.Client) error {
	website, clientID, email := "go.example", "go-1", "ada@go.example"
	_, err := api.Clients.BatchUpsertClients(ctx, &mappingv1.BatchUpsertClientsRequest{
		Clients: []*mappingv1.ClientRecord{{ExternalId: clientID, Name: "Go Ltd", Website: &website}},
	})
	if err != nil {
		return err
	}
	person := "go-p1"
	answer, err := api.Contacts.BatchUpsertContacts(ctx, &syncenginev1.BatchUpsertContactsRequest{
		Contacts: []*syncenginev1.ContactRecord{{ExternalId: &person, ClientExternalId: &clientID, FullName: "Ada Gopher", Email: &email}},
	})
	if err != nil {
		return err
	}
	for _, result := range answer.GetResults() {
		for _, violation := range result.GetViolations() {
			return fmt.Errorf("%s: %s", violation.GetField(), violation.GetMessage())
		}
	}
	fmt.Println("loaded")
	return nil
}

// connect has the person's browser sign in at Microsoft; it comes back with a code, which the host
// redeems.
func connect(ctx context.Context, api *client.Client) error {
	started, err := api.Connection.Connect(ctx, &connectionv1.ConnectRequest{ConnectionType: "direct"})
	if err != nil {
		return err
	}
	fmt.Println("open", started.GetAuthorizeUrl())
	var code string
	if _, err := fmt.Scanln(&code); err != nil {
		return err
	}
	if _, err := api.Connection.CompleteConnect(ctx, &connectionv1.CompleteConnectRequest{CompletionCode: code}); err != nil {
		return err
	}
	fmt.Println("connected")
	return nil
}

// follow begins with a list, whose cursor says where the feed goes on. A cursor that has expired
// means to begin again.
func follow(ctx context.Context, api *client.Client) error {
	list, err := api.Contacts.ListContacts(ctx, &syncenginev1.ListContactsRequest{PageSize: 200})
	if err != nil {
		return err
	}
	person, cursor := "go-p1", list.GetChangesCursor()
	_, err = api.Contacts.BatchUpsertContacts(ctx, &syncenginev1.BatchUpsertContactsRequest{
		Contacts: []*syncenginev1.ContactRecord{{ExternalId: &person, FullName: "Ada G. Gopher"}},
	})
	if err != nil {
		return err
	}
	for {
		page, err := api.Changes.ListChanges(ctx, &syncenginev1.ListChangesRequest{Cursor: cursor, WaitSeconds: 10})
		if client.ReasonOf(err) == "cursor_expired" {
			return errors.New("list all contacts again")
		}
		if err != nil {
			return err
		}
		for _, change := range page.GetChanges() {
			if change.GetType() == "contact.updated" && change.GetContact().GetFullName() == "Ada G. Gopher" {
				fmt.Println("followed")
				return nil
			}
		}
		cursor = page.GetNextCursor() // store it together with what you made of the changes
	}
}

// webhooks asks for webhooks and verifies what comes, also after the secret was renewed.
func webhooks(ctx context.Context, api *client.Client) error {
	listener, err := net.Listen("tcp", os.Getenv("WEBHOOK_LISTEN"))
	if err != nil {
		return err
	}
	request := &gatewayv1.PutWebhookRequest{Url: "http://" + listener.Addr().String() + "/entrasync", Events: []string{"contact.created", "sync.run.held"}}
	made, err := api.Webhooks.PutWebhook(ctx, request)
	if err != nil {
		return err
	}
	secrets := []string{made.GetSecret()}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = verify(secrets, r.Header, body)
		}
		if err != nil {
			http.Error(w, "not from entrasync", http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})}
	defer func() { _ = server.Close() }()
	go func() { _ = server.Serve(listener) }()
	for range 2 {
		tested, err := api.Webhooks.TestWebhook(ctx, &gatewayv1.TestWebhookRequest{Id: made.GetWebhook().GetId()})
		if err != nil {
			return err
		}
		if !tested.GetDelivered() {
			return errors.New(tested.GetError())
		}
		request.RotateSecret = true
		renewed, err := api.Webhooks.PutWebhook(ctx, request)
		if err != nil {
			return err
		}
		secrets = []string{renewed.GetSecret()}
	}
	fmt.Println("told")
	return nil
}

// verify uses a library of Standard Webhooks: it compares signatures and refuses old messages.
func verify(secrets []string, headers http.Header, body []byte) error {
	var failed error
	for _, secret := range secrets {
		key, err := standardwebhooks.NewWebhook(secret)
		if err == nil {
			err = key.Verify(body, headers)
		}
		if err == nil {
			return nil
		}
		failed = err
	}
	return failed
}

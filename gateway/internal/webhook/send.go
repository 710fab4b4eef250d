package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/entrasync/entrasync/pkg/publicnet"
	"github.com/entrasync/entrasync/pkg/tenant"
)

const (
	sendTimeout = 15 * time.Second
	mostAnswer  = 64 << 10 // bytes of an answer that are read, so that its connection is used again
	mostHeader  = 16 << 10
)

// Message is what is sent to an endpoint.
type Message struct {
	ID   string // the same whenever it is sent
	Type string
	At   time.Time
	Data json.RawMessage
}

// Sender signs messages and sends them.
type Sender struct {
	box  Box
	http *http.Client
	now  func() time.Time
}

// NewSender makes a sender; without roots those of the system are trusted.
func NewSender(box Box, guard *publicnet.Guard, roots *x509.CertPool, now func() time.Time) *Sender {
	return &Sender{box: box, now: now, http: &http.Client{
		Timeout: sendTimeout,
		// A redirect would take the message to an address that was not checked.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: guard.Dial, ForceAttemptHTTP2: true, MaxIdleConns: 64, MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second,
			TLSHandshakeTimeout: sendTimeout, MaxResponseHeaderBytes: mostHeader,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		},
	}}
}

// Send sends a message once and says what came of it. The error is ours.
func (s *Sender) Send(ctx context.Context, e *Endpoint, m Message, attempt int) (Delivery, error) {
	d := Delivery{MessageID: m.ID, Type: m.Type, Attempt: attempt, At: s.now()}
	var err error
	if d.ID, err = uuid.NewV7(); err != nil {
		return d, err
	}
	req, err := s.request(ctx, e, m, d.At)
	if err != nil {
		return d, err
	}
	began := time.Now()
	resp, err := s.http.Do(req)
	d.Took = time.Since(began)
	if err != nil {
		why := describe(err)
		d.Error = &why
		return d, nil
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, mostAnswer)
	d.Status, d.Delivered = &resp.StatusCode, resp.StatusCode/100 == 2
	if !d.Delivered {
		why := "answered " + strconv.Itoa(resp.StatusCode)
		d.Error = &why
	}
	return d, nil
}

// request builds the request; every secret that counts signs it.
func (s *Sender) request(ctx context.Context, e *Endpoint, m Message, at time.Time) (*http.Request, error) {
	payload, err := json.Marshal(struct {
		Type      string          `json:"type"`
		Timestamp string          `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}{m.Type, m.At.UTC().Format(time.RFC3339Nano), m.Data})
	if err != nil {
		return nil, err
	}
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return nil, err
	}
	var signatures []string
	for _, secret := range e.secrets(at) {
		plain, err := s.box.Open(secret, associated(id))
		if err != nil {
			return nil, fmt.Errorf("opening a secret of a webhook: %w", err)
		}
		key, err := standardwebhooks.NewWebhook(string(plain))
		if err != nil {
			return nil, errors.New("a secret of a webhook is none")
		}
		signature, err := key.Sign(m.ID, at, payload)
		if err != nil {
			return nil, err
		}
		signatures = append(signatures, signature)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "entrasync-webhooks")
	req.Header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return req, nil
}

// describe says for people why there was no answer, without the address.
func describe(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, publicnet.ErrPrivate):
		return "the name leads to an address that is not of the public internet"
	case errors.As(err, &dns):
		return "the name cannot be resolved"
	case errors.As(err, &certificate):
		return "the certificate cannot be verified"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer within 15 seconds"
	}
	return "no connection, or one that broke"
}

package graph

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/jsontext"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

const (
	// batchMost is how many requests Graph takes in one $batch.
	batchMost = 20
	// maxBatchBytes bounds an answer: twenty small ones.
	maxBatchBytes = 32 << 20
)

// item is one request of a batch.
type item struct {
	url      string // after the version: "/organization"
	eventual bool   // ConsistencyLevel: eventual
	cost     int    // resource units, as documented
}

// itemAnswer is the answer to one item.
type itemAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`

	batch string // the id of the request that it came in
}

func (a itemAnswer) header() http.Header {
	h := http.Header{}
	for name, value := range a.Headers {
		h.Set(name, value)
	}
	return h
}

// requestID is the item's own where it bears one.
func (a itemAnswer) requestID() string { return microsoft.RequestID(a.header(), a.batch) }

// refusal reads a failure.
func (a itemAnswer) refusal(at microsoft.Authority, now time.Time) *refusal {
	return &refusal{GraphFailure: readFailure(a.requestID(), a.Status, a.header(), a.Body, now), at: at}
}

// batchRequest is what is sent.
type batchRequest struct {
	Requests []batchItem `json:"requests"`
}

type batchItem struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
}

// parseBatch reads the answers to a batch, which come in any order: answers[i] is
// that of the i-th item. Each item has exactly one.
func parseBatch(body []byte, items int) ([]itemAnswer, error) {
	var whole struct {
		Responses *[]itemAnswer `json:"responses"`
	}
	if json.Unmarshal(body, &whole) != nil || whole.Responses == nil {
		return nil, jsontext.ErrSyntax
	}
	answers := make([]itemAnswer, items)
	found := 0
	for _, a := range *whole.Responses {
		i, err := strconv.Atoi(a.ID)
		if err != nil || strconv.Itoa(i) != a.ID || i < 0 || i >= items || answers[i].ID != "" || a.Status < 100 || a.Status > 599 {
			return nil, errors.New("answers that do not belong to the requests")
		}
		answers[i] = a
		found++
	}
	if found != items {
		return nil, errors.New("a request of the batch without an answer")
	}
	return answers, nil
}

// batch sends at most twenty items in one request and hands each answer to settled
// once it is final: a success, or a failure that waiting does not mend. What is
// throttled, or cannot be answered just now, is sent again, and only that, no
// earlier than its own answer and those beside it allow. The outer answer is 200 whatever became of the items.
func (c *Client) batch(ctx context.Context, request graphRequest, items []item, settled func(i int, a itemAnswer) error) error {
	b := &batching{client: c, request: request, items: items, waits: make([]pace.RetryBudget, len(items)), ready: make([]time.Time, len(items)), settled: settled}
	pending := make([]int, len(items))
	for i := range items {
		pending[i] = i
	}
	for len(pending) > 0 {
		due, pause := b.due(pending)
		if pause > 0 {
			if err := c.wait(ctx, pause); err != nil {
				return err
			}
			continue
		}
		again, err := b.send(ctx, due)
		if err != nil {
			return err
		}
		pending = slices.DeleteFunc(pending, func(i int) bool { return slices.Contains(due, i) && !slices.Contains(again, i) })
	}
	return nil
}

// batching is one call of batch.
type batching struct {
	client  *Client
	request graphRequest
	items   []item
	waits   []pace.RetryBudget
	ready   []time.Time // when an item may be sent again
	settled func(i int, a itemAnswer) error
	renewed bool
}

// due are the pending items that may be sent now, or the time until the first may.
func (b *batching) due(pending []int) (due []int, pause time.Duration) {
	now := b.client.now()
	for _, i := range pending {
		left := b.ready[i].Sub(now)
		if left <= 0 {
			due = append(due, i)
		} else if pause == 0 || left < pause {
			pause = left
		}
	}
	if len(due) > 0 {
		pause = 0
	}
	return due, pause
}

// send sends items and returns those to be sent again.
func (b *batching) send(ctx context.Context, due []int) (again []int, err error) {
	c := b.client
	request := b.request
	request.url, request.requests, request.cost = c.graphURL("/v1.0/$batch", nil), len(due), 0
	var batch batchRequest
	for n, i := range due {
		request.cost += b.items[i].cost
		batch.Requests = append(batch.Requests, b.itemOf(n, b.items[i]))
	}
	if request.body, err = json.Marshal(batch); err != nil {
		return nil, err
	}
	token, err := request.tokens.Token(ctx)
	if err != nil {
		return nil, err
	}
	var answers []itemAnswer
	err = c.read(ctx, request, func(a answer) error {
		raw, err := outbound.ReadBody(a.body, nil, maxBatchBytes)
		if err != nil {
			return err
		}
		if answers, err = parseBatch(raw, len(due)); err != nil {
			return err
		}
		for i := range answers {
			answers[i].batch = a.id
		}
		b.holdBack(answers)
		return nil
	})
	if err != nil {
		return nil, classified(err)
	}
	rejected := false
	for n, a := range answers {
		i := due[n]
		request.quota.SettleCost(a.header(), b.items[i].cost)
		if a.Status == http.StatusUnauthorized && !b.renewed {
			rejected = true
			again = append(again, i)
			continue
		}
		pause, failed := b.judge(ctx, i, a)
		if failed != nil {
			err = cmp.Or(err, failed) // the others' answers count all the same
		}
		if pause == 0 {
			continue
		}
		again = append(again, i)
		b.ready[i] = c.now().Add(max(pause, request.quota.Blocked()))
	}
	if rejected && err == nil {
		b.renewed = true
		_, err = request.tokens.Renew(ctx, token)
	}
	return again, err
}

// holdBack keeps others from coming earlier than every refused item may.
func (b *batching) holdBack(answers []itemAnswer) {
	for _, a := range answers {
		if pace.Transient(a.Status) {
			b.request.quota.BackOff(a.refusal(b.request.at, b.client.now()).asksFor())
		}
	}
}

func (b *batching) itemOf(n int, of item) batchItem {
	out := batchItem{ID: strconv.Itoa(n), Method: http.MethodGet, URL: of.url, Headers: map[string]string{}}
	if of.eventual {
		out.Headers["ConsistencyLevel"] = "eventual"
	}
	if b.request.priority != "" {
		out.Headers["x-ms-throttle-priority"] = string(b.request.priority)
	}
	return out
}

// judge returns after what pause an item is sent again, zero when its answer is
// final.
func (b *batching) judge(ctx context.Context, i int, a itemAnswer) (time.Duration, error) {
	if !pace.Transient(a.Status) {
		return 0, b.settled(i, a)
	}
	r := a.refusal(b.request.at, b.client.now())
	asked := r.asksFor()
	pause, again := b.waits[i].Next(ctx, &asked, false)
	if !again {
		return 0, handBack(r, r, pause)
	}
	return pause, nil
}

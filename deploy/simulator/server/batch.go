package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// batchLimit is the largest number of requests in a batch.
const batchLimit = 20

type batchItem struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	// DependsOn are the ids of earlier items that have to succeed first.
	DependsOn []string `json:"dependsOn"`
}

type batchAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// batch answers POST /$batch. Every item is throttled by itself, and the
// answers come in no promised order: the simulator turns it round.
func (s *Server) batch(w http.ResponseWriter, r *http.Request, version, tenant string) {
	if r.Method != http.MethodPost {
		s.writeGraphError(w, &graphError{status: http.StatusMethodNotAllowed, code: "BadRequest", message: "Only POST is allowed for $batch."})
		return
	}
	f := s.faults.take("graph.batch", tenant)
	if !f.wait(r.Context()) {
		return
	}
	if broken, ok := f["status"]; ok {
		s.writeGraphError(w, s.orderedStatus(r, broken))
		return
	}
	w = f.wrap(r.Context(), w)
	if e := onlyJSON(r.Header.Get("Content-Type")); e != nil {
		s.writeGraphError(w, e)
		return
	}
	payload, e := plainBody(w, r)
	if e != nil {
		s.writeGraphError(w, e)
		return
	}
	var body struct {
		Requests []batchItem `json:"requests"`
	}
	if err := json.NewDecoder(payload).Decode(&body); err != nil || len(body.Requests) == 0 {
		s.writeGraphError(w, &graphError{status: http.StatusBadRequest, code: "BadRequest", message: "Invalid batch payload format."})
		return
	}
	if len(body.Requests) > batchLimit {
		s.writeGraphError(w, &graphError{status: http.StatusBadRequest, code: "BadRequest", message: "Number of batch request steps exceeds the maximum value of 20."})
		return
	}
	if !wellFormed(body.Requests) {
		s.writeGraphError(w, &graphError{status: http.StatusBadRequest, code: "BadRequest", message: "Invalid batch payload format."})
		return
	}
	answers := s.batchAll(r, version, body.Requests)
	slices.Reverse(answers)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"responses": answers})
}

// plainBody is the body without the gzip that Microsoft's own clients send it in.
func plainBody(w http.ResponseWriter, r *http.Request) (io.Reader, *graphError) {
	const limit = 4 << 20
	body := http.MaxBytesReader(w, r.Body, limit)
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity":
		return body, nil
	case "gzip":
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, &graphError{status: http.StatusBadRequest, code: "BadRequest", message: "Invalid batch payload format."}
		}
		return io.LimitReader(unzipped, limit), nil
	}
	return nil, &graphError{status: http.StatusUnsupportedMediaType, code: "UnsupportedMediaType", message: "The content encoding is not supported."}
}

// onlyJSON refuses what does not say that it is JSON, as Graph refuses any write.
func onlyJSON(contentType string) *graphError {
	e := &graphError{status: http.StatusBadRequest, code: "BadRequest", message: "Entity only allows writes with a JSON Content-Type header."}
	if contentType == "" {
		e.message = "Write requests (excluding DELETE) must contain the Content-Type header declaration."
	}
	if kind, _, err := mime.ParseMediaType(contentType); err != nil || kind != "application/json" {
		return e
	}
	return nil
}

// wellFormed says whether every item has an id of its own, a request, and
// nothing before it that comes after it.
func wellFormed(items []batchItem) bool {
	seen := map[string]bool{}
	for _, item := range items {
		if item.ID == "" || seen[item.ID] || item.Method == "" || item.URL == "" || strings.Contains(item.URL, "$batch") {
			return false
		}
		if slices.ContainsFunc(item.DependsOn, func(id string) bool { return !seen[id] }) {
			return false
		}
		seen[item.ID] = true
	}
	return true
}

func (s *Server) batchAll(r *http.Request, version string, items []batchItem) []batchAnswer {
	answers := make([]batchAnswer, 0, len(items))
	failed := map[string]bool{}
	for _, item := range items {
		if slices.ContainsFunc(item.DependsOn, func(id string) bool { return failed[id] }) {
			failed[item.ID] = true
			answers = append(answers, s.failedDependency(item.ID))
			continue
		}
		answer := s.batchOne(r, version, item)
		failed[item.ID] = answer.Status >= http.StatusBadRequest
		answers = append(answers, answer)
	}
	return answers
}

func (s *Server) failedDependency(id string) batchAnswer {
	rec := &recorder{header: http.Header{}}
	s.writeGraphError(rec, &graphError{status: http.StatusFailedDependency, code: "FailedDependency", message: "Failed Dependency"})
	return batchAnswer{ID: id, Status: rec.status, Headers: map[string]string{"Content-Type": "application/json"}, Body: rec.body.Bytes()}
}

func (s *Server) batchOne(outer *http.Request, version string, item batchItem) batchAnswer {
	rec := &recorder{header: http.Header{}}
	inner, err := url.Parse("/" + strings.TrimPrefix(item.URL, "/"))
	if err != nil || inner.Host != "" {
		s.writeGraphError(rec, badRequest("The request URL is malformed."))
	} else {
		r := outer.Clone(outer.Context())
		r.Method, r.Body = item.Method, http.NoBody
		r.URL = &url.URL{Path: "/" + version + inner.Path, RawQuery: inner.RawQuery}
		r.Header = http.Header{"Authorization": outer.Header["Authorization"]}
		for name, value := range item.Headers {
			r.Header.Set(name, value)
		}
		s.serveGraph(rec, r, version, strings.TrimPrefix(inner.Path, "/"))
	}
	answer := batchAnswer{ID: item.ID, Status: rec.status, Headers: map[string]string{}}
	for name := range rec.header {
		answer.Headers[name] = rec.header.Get(name)
	}
	answer.Body = rec.body.Bytes()
	if kind, _, _ := mime.ParseMediaType(rec.header.Get("Content-Type")); kind != "application/json" || !json.Valid(answer.Body) {
		answer.Body, _ = json.Marshal(rec.body.String()) // text, as $count answers it, is a string
	}
	return answer
}

// recorder is the http.ResponseWriter of an item in a batch.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

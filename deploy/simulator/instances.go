package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/caarlos0/env/v11"

	"github.com/entrasync/entrasync/deploy/simulator/server"
)

// instances are simulators in one process, each with a listener and a state of its own,
// for the tests of one package. All they share are the keys that sign.
//
//	POST   /instances            {"FLEET":"tiny",…}: variables without their prefix; answers {"address":"127.0.0.1:1234"}
//	DELETE /instances/{address}  ends one
type instances struct {
	ctx    context.Context // of the process
	routes *http.ServeMux
	keys   server.Keys

	mu      sync.Mutex
	stops   map[string]context.CancelFunc // by address
	running sync.WaitGroup
}

func newInstances(ctx context.Context) *instances {
	s := &instances{ctx: ctx, routes: http.NewServeMux(), stops: map[string]context.CancelFunc{}}
	s.routes.HandleFunc("POST /instances", s.start)
	s.routes.HandleFunc("DELETE /instances/{address}", s.stop)
	return s
}

// ServeHTTP implements http.Handler.
func (s *instances) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }

// start answers when the instance listens.
func (s *instances) start(w http.ResponseWriter, r *http.Request) {
	variables := map[string]string{}
	if err := json.NewDecoder(r.Body).Decode(&variables); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	cfg, err := env.ParseAsWithOptions[config](env.Options{Environment: variables})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, stop := context.WithCancel(s.ctx)
	out, said := io.Pipe()
	s.running.Go(func() { said.CloseWithError(run(ctx, cfg, &s.keys, said)) })
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		stop()
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	address := strings.TrimPrefix(strings.TrimSpace(line), "listening on ")
	s.mu.Lock()
	s.stops[address] = stop
	s.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]string{"address": address})
}

// stop does not wait for the end.
func (s *instances) stop(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	stop, known := s.stops[r.PathValue("address")]
	delete(s.stops, r.PathValue("address"))
	s.mu.Unlock()
	if !known {
		http.NotFound(w, r)
		return
	}
	stop()
	w.WriteHeader(http.StatusNoContent)
}

// wait returns when every instance has ended, which they do with the process's context.
func (s *instances) wait() { s.running.Wait() }

package vaulttest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// secret is a path of the KV engine with its versions.
type secret struct {
	created, updated time.Time
	current          int
	maxVersions      int // zero: the mount's
	casRequired      bool
	versions         map[int]*version
}

type version struct {
	created   time.Time
	deleted   time.Time // zero: not
	destroyed bool
	data      map[string]any
}

// methodOf is the request's method as Vault understands it: a list may be asked for by GET, and
// POST writes as PUT does.
func methodOf(r *http.Request) string {
	switch {
	case r.URL.Query().Get("list") == "true":
		return "LIST"
	case r.Method == http.MethodPost:
		return http.MethodPut
	}
	return r.Method
}

// kv serves the KV secrets engine of version 2.
func (s *Server) kv(w http.ResponseWriter, r *http.Request, rest string) {
	part, path, _ := strings.Cut(rest, "/")
	method := methodOf(r)
	s.counts[method+" "+part]++
	if s.forbid[method+" "+part] {
		s.counts["denied"]++
		fail(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
		return
	}
	switch method + " " + part {
	case "GET data":
		s.readVersion(w, r, path)
	case "PUT data":
		s.writeVersion(w, r, path)
	case "DELETE data":
		if key := s.keys[path]; key != nil && key.versions[key.current] != nil {
			key.versions[key.current].deleted = s.now()
		}
		w.WriteHeader(http.StatusNoContent)
	case "PUT delete", "PUT undelete", "PUT destroy":
		s.endVersions(w, r, part, path)
	case "GET metadata":
		s.readMetadata(w, path)
	case "PUT metadata":
		s.writeMetadata(w, r, path)
	case "DELETE metadata":
		delete(s.keys, path)
		w.WriteHeader(http.StatusNoContent)
	case "LIST metadata":
		list(w, namesUnder(path, s.keys))
	default:
		fail(w, http.StatusNotFound, "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use.")
	}
}

// gone reports whether a version can no longer be read.
func (v *version) gone(now time.Time) bool {
	return v.destroyed || (!v.deleted.IsZero() && !now.Before(v.deleted))
}

func (v *version) metadata(number int) map[string]any {
	return map[string]any{
		"created_time": stamp(v.created), "deletion_time": stamp(v.deleted), "destroyed": v.destroyed,
		"version": number, "custom_metadata": nil,
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func (s *Server) readVersion(w http.ResponseWriter, r *http.Request, path string) {
	key := s.keys[path]
	if key == nil || key.current == 0 {
		fail(w, http.StatusNotFound)
		return
	}
	number := key.current
	if asked := r.URL.Query().Get("version"); asked != "" && asked != "0" {
		parsed, err := strconv.Atoi(asked)
		if err != nil {
			fail(w, http.StatusBadRequest, "error converting input for field \"version\"")
			return
		}
		number = parsed
	}
	held := key.versions[number]
	if held == nil {
		fail(w, http.StatusNotFound)
		return
	}
	if held.gone(s.now()) {
		data(w, http.StatusNotFound, map[string]any{"data": nil, "metadata": held.metadata(number)})
		return
	}
	data(w, http.StatusOK, map[string]any{"data": held.data, "metadata": held.metadata(number)})
}

func (s *Server) writeVersion(w http.ResponseWriter, r *http.Request, path string) {
	var body struct {
		Data    map[string]any
		Options struct{ CAS *int }
	}
	if !s.read(w, r, &body) {
		return
	}
	if body.Data == nil {
		fail(w, http.StatusBadRequest, "no data provided")
		return
	}
	key := s.keys[path]
	if key == nil {
		key = &secret{created: s.now(), versions: map[int]*version{}}
	}
	switch cas := body.Options.CAS; {
	case cas == nil && key.casRequired:
		fail(w, http.StatusBadRequest, "check-and-set parameter required for this call")
		return
	case cas != nil && *cas != key.current:
		fail(w, http.StatusBadRequest, "check-and-set parameter did not match the current version")
		return
	}
	s.keys[path] = key
	key.current++
	key.updated = s.now()
	made := &version{created: s.now(), data: body.Data}
	if s.DeleteAfter > 0 {
		made.deleted = made.created.Add(s.DeleteAfter)
	}
	key.versions[key.current] = made
	limit := key.maxVersions
	if limit == 0 {
		limit = s.MaxVersions
	}
	for number := range key.versions {
		if number <= key.current-limit {
			delete(key.versions, number)
		}
	}
	data(w, http.StatusOK, made.metadata(key.current))
}

// endVersions deletes, restores or destroys versions by their numbers.
func (s *Server) endVersions(w http.ResponseWriter, r *http.Request, how, path string) {
	var body struct{ Versions []json.Number }
	if !s.read(w, r, &body) {
		return
	}
	if len(body.Versions) == 0 {
		fail(w, http.StatusBadRequest, "No version number provided")
		return
	}
	key := s.keys[path]
	if key == nil {
		fail(w, http.StatusNotFound)
		return
	}
	for _, raw := range body.Versions {
		number, _ := strconv.Atoi(raw.String())
		held := key.versions[number]
		if held == nil {
			continue
		}
		switch how {
		case "delete":
			held.deleted = s.now()
		case "undelete":
			held.deleted = time.Time{}
		case "destroy":
			held.destroyed, held.data = true, nil
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) readMetadata(w http.ResponseWriter, path string) {
	key := s.keys[path]
	if key == nil {
		fail(w, http.StatusNotFound)
		return
	}
	versions := map[string]any{}
	oldest := 0
	for number, held := range key.versions {
		entry := held.metadata(number)
		delete(entry, "version")
		delete(entry, "custom_metadata")
		versions[strconv.Itoa(number)] = entry
		if oldest == 0 || number < oldest {
			oldest = number
		}
	}
	data(w, http.StatusOK, map[string]any{
		"cas_required": key.casRequired, "created_time": stamp(key.created), "current_version": key.current,
		"custom_metadata": nil, "delete_version_after": "0s", "max_versions": key.maxVersions, "oldest_version": oldest,
		"updated_time": stamp(key.updated), "versions": versions,
	})
}

func (s *Server) writeMetadata(w http.ResponseWriter, r *http.Request, path string) {
	var body struct {
		MaxVersions *int  `json:"max_versions"`
		CASRequired *bool `json:"cas_required"`
	}
	if !s.read(w, r, &body) {
		return
	}
	key := s.keys[path]
	if key == nil {
		key = &secret{created: s.now(), updated: s.now(), versions: map[int]*version{}}
		s.keys[path] = key
	}
	if body.MaxVersions != nil {
		key.maxVersions = *body.MaxVersions
	}
	if body.CASRequired != nil {
		key.casRequired = *body.CASRequired
	}
	w.WriteHeader(http.StatusNoContent)
}

// list answers with the names under a path.
func list(w http.ResponseWriter, names []string) {
	if len(names) == 0 {
		fail(w, http.StatusNotFound)
		return
	}
	data(w, http.StatusOK, map[string]any{"keys": names})
}

// Versions lists the numbers of a path's versions that can be read.
func (s *Server) Versions(path string) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var numbers []int
	if key := s.keys[path]; key != nil {
		for number, held := range key.versions {
			if !held.gone(s.now()) {
				numbers = append(numbers, number)
			}
		}
	}
	slices.Sort(numbers)
	return numbers
}

// Paths lists everything that has metadata.
func (s *Server) Paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var paths []string
	for path := range s.keys {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

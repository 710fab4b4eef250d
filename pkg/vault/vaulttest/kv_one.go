package vaulttest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// kvOne serves the KV secrets engine of version 1: every path is that of a secret, a
// write replaces it and answers with nothing, and what is written comes back as it is.
func (s *Server) kvOne(w http.ResponseWriter, r *http.Request, path string) {
	method := methodOf(r)
	s.counts[method+" one"]++
	switch method {
	case http.MethodGet:
		held, ok := s.plain[path]
		if !ok {
			fail(w, http.StatusNotFound)
			return
		}
		data(w, http.StatusOK, held)
	case http.MethodPut:
		raw, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, 32<<20))
		var fields map[string]any
		if json.Unmarshal(raw, &fields) != nil || len(fields) == 0 {
			fail(w, http.StatusBadRequest, "missing data fields")
			return
		}
		s.plain[path] = raw
		w.WriteHeader(http.StatusNoContent)
	case http.MethodDelete:
		delete(s.plain, path)
		w.WriteHeader(http.StatusNoContent)
	case "LIST":
		list(w, namesUnder(path, s.plain))
	default:
		fail(w, http.StatusMethodNotAllowed, "unsupported operation")
	}
}

// namesUnder lists what lies right under a path, folders with a slash.
func namesUnder[T any](path string, all map[string]T) (names []string) {
	prefix := strings.TrimSuffix(path, "/") + "/"
	if prefix == "/" {
		prefix = ""
	}
	for full := range all {
		rest, ok := strings.CutPrefix(full, prefix)
		if !ok {
			continue
		}
		if folder, _, deeper := strings.Cut(rest, "/"); deeper {
			rest = folder + "/"
		}
		if !slices.Contains(names, rest) {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return names
}

// system serves the one question about a mount that every token may ask which may do
// something there. A mount that is not there is answered like a forbidden one.
func (s *Server) system(w http.ResponseWriter, rest string) {
	asked, ok := strings.CutPrefix(rest, "internal/ui/mounts/")
	if !ok {
		fail(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
		return
	}
	if mount, _, _ := strings.Cut(asked, "/"); mount != s.Mount {
		fail(w, http.StatusForbidden, fmt.Sprintf(
			"preflight capability check returned 403, please ensure client's policies grant access to path %q", asked+"/"))
		return
	}
	s.counts["GET mounts"]++
	data(w, http.StatusOK, map[string]any{
		"accessor": "kv_6cf4f4e6", "config": map[string]any{}, "deprecation_status": "supported", "description": "",
		"external_entropy_access": false, "local": false, "options": map[string]string{"version": strconv.Itoa(s.KVVersion)},
		"path": s.Mount + "/", "plugin_version": "", "seal_wrap": false, "type": "kv", "uuid": "0b6c2f5e",
	})
}

// Stored is everything that the engine of version 1 holds, by path.
func (s *Server) Stored() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]string{}
	for path, raw := range s.plain {
		all[path] = string(raw)
	}
	return all
}

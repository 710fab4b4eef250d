package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"time"
)

// How long page and delta tokens are good for.
const (
	skipLife  = time.Hour
	deltaLife = 7 * 24 * time.Hour
)

// pageToken is what a caller carries from page to page without being able to
// read or change it.
type pageToken struct {
	Kind     string `json:"k"` // users, members, delta-first, delta-next, delta
	Tenant   string `json:"t"`
	Subject  string `json:"u,omitempty"` // the group of members
	Select   string `json:"s,omitempty"`
	Filter   string `json:"f,omitempty"`
	Top      int    `json:"n,omitempty"`
	Position int    `json:"p,omitempty"`
	// Empty counts the pages without rows on the way: no two links are the same.
	Empty int `json:"x,omitempty"`
	// From and To are the versions of the directory that a delta round spans.
	From     int   `json:"a,omitempty"`
	To       int   `json:"b,omitempty"`
	Eventual bool  `json:"e,omitempty"`
	Count    bool  `json:"c,omitempty"`
	Minimal  bool  `json:"m,omitempty"`
	Issued   int64 `json:"i"`
}

func (s *Server) sealToken(t pageToken) string {
	t.Issued = s.now().Unix()
	body, err := json.Marshal(t)
	if err != nil {
		panic("page tokens are plain: " + err.Error())
	}
	return b64.EncodeToString(append(s.tokenMAC(body), body...))
}

func (s *Server) tokenMAC(body []byte) []byte {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte("page"))
	mac.Write(body)
	return mac.Sum(nil)[:16]
}

var errPageToken = badRequest("The specified page token value is invalid.")

var errExpiredPage = &graphError{
	status: http.StatusBadRequest, code: "Directory_ExpiredPageToken",
	message: "The specified page token value has expired and can no longer be included in your request.",
}

// openToken reads a token made for this tenant; false for any other.
func (s *Server) openToken(raw, tenant string) (pageToken, bool) {
	all, err := b64.DecodeString(raw)
	if err != nil || len(all) < 16 || !hmac.Equal(all[:16], s.tokenMAC(all[16:])) {
		return pageToken{}, false
	}
	var t pageToken
	if err := json.Unmarshal(all[16:], &t); err != nil || t.Tenant != tenant {
		return pageToken{}, false
	}
	return t, true
}

func (s *Server) age(t pageToken) time.Duration { return s.now().Sub(time.Unix(t.Issued, 0)) }

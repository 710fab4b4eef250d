package microsoft

import (
	"cmp"
	"net/http"
	"strings"
)

// RequestID is the id by which Microsoft finds a request: the one that it gave, in the
// header that Graph, the identity platform or the Partner Center has for it, else the
// one that we sent along. What stands between us and them gives none.
func RequestID(header http.Header, ours string) string {
	return cmp.Or(Clip(cmp.Or(header.Get("request-id"), header.Get("x-ms-request-id"), header.Get("MS-RequestId"))), ours)
}

// Clip bounds what an outside party may put into our errors, and leaves out what is
// no text: a header may hold any bytes.
func Clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 64)], "") }

package microsoft

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// scrub takes the address out of a transport error: links carry tokens of
// listings.
func scrub(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// requestIDIn is the id by which Microsoft finds a request: the one that it gave,
// in the header that Graph, the identity platform or the Partner Center has for it,
// else the one that we sent along. What stands between us and them gives none.
func requestIDIn(header http.Header, ours string) string {
	return cmp.Or(clip(cmp.Or(header.Get("request-id"), header.Get("x-ms-request-id"), header.Get("MS-RequestId"))), ours)
}

// readFailure reads an error, of a request with an id, as far as it can be read.
func readFailure(id string, status int, header http.Header, body []byte, now time.Time) graphFailure {
	return graphFailure{
		Status: status, Code: errorCode(body), RequestID: id,
		RetryAfter: pauseIn(header, now), Scope: header.Get("x-ms-throttle-scope"),
	}
}

// errorCode is the code in an error of Graph, empty where it cannot be read: the
// status decides.
func errorCode(body []byte) string {
	var e struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	return clip(e.Error.Code)
}

// clip bounds what an outside party may put into our errors, and leaves out what
// is no text: a header may hold any bytes.
func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 64)], "") }

// pauseIn is how long an answer says to wait. A date is read against the answer's
// own: the clocks need not agree.
func pauseIn(header http.Header, now time.Time) time.Duration {
	if sent, err := http.ParseTime(header.Get("Date")); err == nil {
		now = sent
	}
	return retryAfter(header.Get("Retry-After"), now)
}

// longestPause bounds what a Retry-After may ask for.
const longestPause = 24 * time.Hour

// retryAfter reads both forms of the header (RFC 9110 §10.2.3); zero when it is
// absent or not readable. A date has no fractions, so a second is added: early is
// worse than late.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil {
		return max(time.Duration(min(seconds, int(longestPause/time.Second)))*time.Second, 0)
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return min(at.Sub(now), longestPause-time.Second) + time.Second // the difference of far dates saturates
	}
	return 0
}

// errCutOff says that an answer ended too early.
var errCutOff = errors.New("an answer was cut off")

// slurp reads a body of at most so many bytes whole, into buf.
func slurp(body io.Reader, buf []byte, most int) ([]byte, error) {
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) > most {
			return buf, fmt.Errorf("an answer of more than %d bytes", most)
		}
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, fmt.Errorf("%w: %w", errCutOff, err)
		}
	}
}

package microsoft

import (
	"strings"
	"time"
)

// door is where requests of an app go that has no lane: an authority of the identity
// platform, or the Partner Center.
type door struct{ app, party string }

// doorOf finds an app's door to a party; ids have no case.
func doorOf(app, party string) door { return door{strings.ToLower(app), strings.ToLower(party)} }

// tooEarly gives the failure that says when to come again, if now is too early.
func (c *Client) tooEarly(at door) error {
	if left := c.notBefore.Left(at, c.now()); left > 0 {
		return throttled.failure(0, "", left).Err(errOwnLimit)
	}
	return nil
}

// heed notes what a refusal asks for.
func (c *Client) heed(at door, status int, pause time.Duration) {
	if transient(status) && pause > 0 {
		now := c.now()
		c.notBefore.Note(at, now.Add(pause), now)
	}
}

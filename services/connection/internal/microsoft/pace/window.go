package pace

import "time"

// window keeps what is spent below a limit in every span of its length, wherever
// the span begins: Microsoft does not say where its own begin.
type window struct {
	limit  int
	length time.Duration // with a margin for requests that are long on their way
	grain  time.Duration // how finely times are kept
	spent  int
	parts  []part // by time
}

// part is what was spent within one grain.
type part struct {
	leaves time.Time // when it is out of the window
	units  int
}

// grains is how many parts a window's length is cut into.
const grains = 200

// newWindow makes a window for a documented span. A request may be on its way
// for a twentieth of the span without breaking the limit.
func newWindow(limit int, span time.Duration) window {
	return window{limit: limit, length: span + span/20, grain: span / grains}
}

// pass forgets what has left the window.
func (w *window) pass(now time.Time) {
	gone := 0
	for gone < len(w.parts) && !now.Before(w.parts[gone].leaves) {
		w.spent -= w.parts[gone].units
		gone++
	}
	w.parts = w.parts[gone:]
}

// room is how long to wait until so many units fit; zero when they do now. What is
// more than the limit waits for an empty window.
func (w *window) room(now time.Time, units int) time.Duration {
	w.pass(now)
	left := w.spent
	for _, s := range w.parts {
		if left+units <= w.limit {
			break
		}
		left -= s.units
		if left+units <= w.limit || left == 0 {
			return s.leaves.Sub(now)
		}
	}
	return 0
}

// spend takes units, whether or not there is room.
func (w *window) spend(now time.Time, units int) {
	w.pass(now)
	// Times are rounded up, so that nothing leaves too early.
	leaves := now.Truncate(w.grain).Add(w.grain + w.length)
	last := len(w.parts) - 1
	if last >= 0 && !w.parts[last].leaves.Before(leaves) {
		units = max(units, -w.parts[last].units) // no part gives back more than it took
		w.parts[last].units += units
	} else if units > 0 {
		w.parts = append(w.parts, part{leaves: leaves, units: units})
	} else {
		return
	}
	w.spent += units
}

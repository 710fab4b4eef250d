//go:build race

package servicetest

// slower is how much more processor time the race detector takes: measured, 7 times for
// a preview and 3 for a confirm.
const slower = 7

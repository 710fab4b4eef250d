//go:build !race

package servicetest

// slower is how much more processor time this build takes than that of production.
const slower = 1

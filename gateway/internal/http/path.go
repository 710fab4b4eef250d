package http

import "strings"

// Elsewhere is the path of the handler that takes what no other serves.
const Elsewhere = "/{path...}"

// Fits compares a path with a template whose variables are whole segments:
// "/runs/{runId}/events".
func Fits(template, path string) bool {
	want, have := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] != have[i] && (!strings.HasPrefix(want[i], "{") || have[i] == "") {
			return false
		}
	}
	return true
}

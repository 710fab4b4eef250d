// Package structure holds the tests that keep the shape of the source tree: which package may
// know which, which program may link what, and that the contracts say who may call each method.
// It has no code of its own.
package structure

// Package servicetest tests the worker as a process.
package servicetest

// Package servicetest holds the tests of the whole connection service, by use case: its
// methods over gRPC, on a real database, against the simulator.
package servicetest

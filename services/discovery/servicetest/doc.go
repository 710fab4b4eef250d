// Package servicetest tests the discovery service as a whole: through its methods, over mTLS, on a
// database, beside a double of the connection service.
package servicetest

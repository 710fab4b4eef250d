// Package servicetest tests the mapping service as a whole: through its methods, over mTLS, on a
// database, beside a double of discovery.
package servicetest

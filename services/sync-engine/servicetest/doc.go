// Package servicetest tests the sync engine as a whole: through its methods, over mTLS, on a
// database, among doubles of the services that it calls.
package servicetest

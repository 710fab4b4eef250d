// Package servicetest tests the reconciliation service as a whole: through its methods, over mTLS,
// on a database, beside a sync engine in a process of its own.
package servicetest

package postgres_test

import (
	"flag"
	"os"
	"testing"
)

// thorough is whether -rapid.checks was given.
var thorough bool

// TestMain makes properties on the database small unless -rapid.checks says
// otherwise: each check is six rounds.
func TestMain(m *testing.M) {
	flag.Parse()
	flag.Visit(func(f *flag.Flag) { thorough = thorough || f.Name == "rapid.checks" })
	if !thorough {
		if err := flag.Set("rapid.checks", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

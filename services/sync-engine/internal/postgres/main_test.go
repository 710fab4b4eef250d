package postgres_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain makes properties on the database small unless -rapid.checks says
// otherwise: each check is six rounds.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "15"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

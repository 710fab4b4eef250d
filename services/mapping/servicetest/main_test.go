package servicetest

import (
	"flag"
	"os"
	"testing"
)

// TestMain makes the property on the database small unless -rapid.checks says
// otherwise: each check is some thirty steps with what they must leave behind.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

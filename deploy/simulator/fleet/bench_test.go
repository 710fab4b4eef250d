package fleet_test

import (
	"testing"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// BenchmarkWide measures the start of a fleet of 2,000 tenants.
func BenchmarkWide(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fleet.New(fleet.Config{Size: fleet.Wide, Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGenerate measures one user out of the seed.
func BenchmarkGenerate(b *testing.B) {
	f, err := fleet.New(fleet.Config{Size: fleet.OneHuge, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	slot := 0
	for b.Loop() {
		f.At(1, slot)
		slot = (slot + 1) % 1_000_000
	}
}

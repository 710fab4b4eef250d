package connection

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestCustomersTokensComeAndGo: there may be a hundred thousand customers, whose
// tokens end in the hour. What one more costs must not grow with them.
func TestCustomersTokensComeAndGo(t *testing.T) {
	t.Parallel()
	const customers, hours = 100_000, 3
	var cache customerCache
	now := time.Unix(1e9, 0)
	for hour := range hours {
		for n := range customers {
			key := customerKey{tenant: "msp", connection: strconv.Itoa(hour), managedTenant: strconv.Itoa(n)}
			cache.put(key, Token{Value: "t", ExpiresAt: now.Add(time.Hour)}, now)
		}
		require.Equal(t, Secret("t"), cache.get(customerKey{tenant: "msp", connection: strconv.Itoa(hour), managedTenant: "0"}).Value)
		require.Less(t, len(cache.tokens), 2*customers, "those of the hours before are gone")
		now = now.Add(time.Hour)
	}
}

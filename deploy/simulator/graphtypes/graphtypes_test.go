package graphtypes_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/graphtypes"
)

// The metadata is Microsoft's, byte for byte as it was extracted: a property
// that the simulator lacks is not to be added there.
func TestMetadataIsUntouched(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("graph-types.json")
	require.NoError(t, err)
	sum := sha256.Sum256(raw)
	require.Equal(t, "97657fe08eb5b74942bd153540b0b293c4549c4b9d448d3076e1ddd01d99a58b", hex.EncodeToString(sum[:]))
	require.Len(t, graphtypes.Types, 23)
}

func TestFindLooksIntoBaseTypes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"userPrincipalName": "Edm.String", "deletedDateTime": "Edm.DateTimeOffset", "id": "Edm.String", "businessPhones": "Collection(Edm.String)"} {
		p, ok := graphtypes.Find("microsoft.graph.user", name)
		require.True(t, ok, name)
		require.Equal(t, want, p.Type)
		require.Equal(t, name == "businessPhones", p.Collection())
	}
	_, ok := graphtypes.Find("microsoft.graph.user", "shoeSize")
	require.False(t, ok)
	_, ok = graphtypes.Find("microsoft.graph.unheard", "id")
	require.False(t, ok)
}

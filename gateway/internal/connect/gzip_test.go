package connect_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/connect"
	"github.com/entrasync/entrasync/pkg/errs"
)

func TestASmallBodyStaysSmall(t *testing.T) {
	t.Parallel()
	inflate := func(plain []byte) error {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err := w.Write(plain)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		r, err := connect.NewGzip(2 << 20).Decompress(&packed)
		if err != nil {
			return err
		}
		out, err := io.ReadAll(r)
		require.NoError(t, r.Close())
		if err == nil {
			require.Equal(t, plain, out)
		}
		return err
	}
	require.NoError(t, inflate(bytes.Repeat([]byte("a"), 64<<10)), "a few bytes may become 64 KiB")
	require.Equal(t, "request_too_large", errs.ReasonOf(inflate(bytes.Repeat([]byte("a"), 1<<20))), "1000:1")
	var text bytes.Buffer
	for i := range 20_000 {
		text.WriteString(`{"externalId":"` + strings.Repeat(string(rune('a'+i%26)), i%50) + `"},`)
	}
	require.NoError(t, inflate(text.Bytes()), "about 20:1")
	for text.Len() <= 2<<20 {
		text.Write(text.Bytes())
	}
	require.Equal(t, "request_too_large", errs.ReasonOf(inflate(text.Bytes())), "over the method's limit")
}

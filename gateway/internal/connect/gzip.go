package connect

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectgzip"

	"github.com/entrasync/entrasync/gateway/internal/core"
)

const (
	// maxRatio bounds what each compressed byte may become; JSON of the contracts'
	// longest lists stays far below it.
	maxRatio = 100
	// freeBytes may come out of a body however small it is.
	freeBytes = 64 << 10
)

// Gzip is gzip with a bound on what a body may become. A body over it is refused
// before any of it is kept.
type Gzip struct {
	*connectgzip.Compressor
	limit int64
}

// NewGzip makes a compressor for bodies of at most limit bytes.
func NewGzip(limit int64) *Gzip { return &Gzip{connectgzip.New(), limit} }

// Decompress reads src, which is a whole message in memory.
func (g *Gzip) Decompress(src io.Reader) (io.ReadCloser, error) {
	whole, ok := src.(*bytes.Buffer) // what Connect hands over
	if !ok {
		return nil, fmt.Errorf("decompressing %T", src)
	}
	reader, err := g.Compressor.Decompress(bytes.NewReader(whole.Bytes()))
	if err != nil {
		return nil, err
	}
	bound := min(g.limit, int64(freeBytes+maxRatio*whole.Len()))
	n, err := io.Copy(io.Discard, io.LimitReader(reader, bound+1))
	if err = errors.Join(err, reader.Close()); err != nil {
		return nil, err
	}
	if n > bound {
		e := core.TooLarge()
		return nil, connect.NewError(connect.CodeResourceExhausted, e.Public()).WithCause(e)
	}
	return g.Compressor.Decompress(src)
}

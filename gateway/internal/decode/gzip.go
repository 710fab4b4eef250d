package decode

import (
	"fmt"
	"io"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectgzip"
)

const (
	// maxRatio bounds what each compressed byte may become; JSON of the contracts'
	// longest lists stays far below it.
	maxRatio = 100
	// freeBytes may come out of a body however small it is.
	freeBytes = 64 << 10
)

// Gzip is gzip with a bound on how much a small body may become. The limit of the
// method holds beside it.
type Gzip struct{ *connectgzip.Compressor }

// NewGzip makes a compressor.
func NewGzip() *Gzip { return &Gzip{connectgzip.New()} }

// Decompress reads src, which is a whole message in memory.
func (g *Gzip) Decompress(src io.Reader) (io.ReadCloser, error) {
	whole, ok := src.(interface{ Len() int })
	if !ok {
		return nil, fmt.Errorf("decompressing %T, of unknown length", src)
	}
	left := int64(freeBytes + maxRatio*whole.Len())
	reader, err := g.Compressor.Decompress(src)
	if err != nil {
		return nil, err
	}
	return &inflating{ReadCloser: reader, left: left}, nil
}

// inflating ends with an error where more comes out than may.
type inflating struct {
	io.ReadCloser
	left int64
}

// Read gives what is left of the bound.
func (i *inflating) Read(p []byte) (int, error) {
	n, err := i.ReadCloser.Read(p[:min(int64(len(p)), i.left+1)])
	if i.left -= int64(n); i.left < 0 {
		e := TooLarge()
		return 0, connect.NewError(connect.CodeResourceExhausted, e.Public()).WithCause(e)
	}
	return n, err
}

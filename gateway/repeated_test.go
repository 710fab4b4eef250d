package main

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// repeated is a body that is long because something in it is repeated.
type repeated struct {
	head, unit, tail string
	n                int // how often the unit stands in it
}

func (r *repeated) size() int { return len(r.head) + r.n*len(r.unit) + len(r.tail) }

func (r *repeated) raw() []byte {
	return []byte(r.head + strings.Repeat(r.unit, r.n) + r.tail)
}

// within is the body as the message in a field, of a message in a field and so on.
func (r *repeated) within(fields []protowire.Number) *repeated {
	out := *r
	for i := len(fields) - 1; i >= 0; i-- {
		before := protowire.AppendTag(nil, fields[i], protowire.BytesType)
		out.head = string(protowire.AppendVarint(before, uint64(out.size()))) + out.head
	}
	return &out
}

// blockSizes are about how much of a body is compressed at a time. What is left is stored as it is.
var blockSizes = []int{1 << 20, 16 << 10, 256}

// blocks are compressed texts, by the text: bodies that repeat the same unit cost it once.
var blocks sync.Map

// packed is the body as one stream of gzip. It is put together from blocks that refer to nothing
// before them: compressing all of it would cost the test more than it costs the gateway.
func (r *repeated) packed(t *testing.T) []byte {
	t.Helper()
	out := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255} // the header of gzip, without a name or a time
	out, sum, left := append(out, stored(r.head)...), crc32.ChecksumIEEE([]byte(r.head)), r.n
	for _, size := range blockSizes {
		text := []byte(strings.Repeat(r.unit, max(size/len(r.unit), 1)))
		times := left * len(r.unit) / len(text)
		if times > 0 {
			out = append(out, bytes.Repeat(deflated(t, text), times)...)
		}
		for range times {
			sum = crc32.Update(sum, crc32.IEEETable, text)
		}
		left -= times * len(text) / len(r.unit)
	}
	rest := strings.Repeat(r.unit, left) + r.tail
	out = append(out, stored(rest)...)
	out = append(out, 1, 0, 0, 0xff, 0xff) // the last block, which is empty
	sum = crc32.Update(sum, crc32.IEEETable, []byte(rest))
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(out, sum), uint32(r.size()))
}

// stored is a block of a short text as it is, which more may follow.
func stored(text string) []byte {
	n := uint16(len(text))
	out := binary.LittleEndian.AppendUint16([]byte{0}, n)
	return append(binary.LittleEndian.AppendUint16(out, ^n), text...)
}

// deflated is a text compressed, which ends at a byte and which more may follow.
func deflated(t *testing.T, text []byte) []byte {
	t.Helper()
	if block, ok := blocks.Load(string(text)); ok {
		return block.([]byte)
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	block, _ := blocks.LoadOrStore(string(text), out.Bytes())
	return block.([]byte)
}

// compressed is a body as gzip.
func compressed(t *testing.T, raw []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(raw)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// TestARepeatedBodyIsWhatItSays, compressed or not.
func TestARepeatedBodyIsWhatItSays(t *testing.T) {
	t.Parallel()
	for _, body := range []*repeated{
		{unit: " ", n: 3<<20 + 17},
		{head: `{"a":[`, unit: `{},`, n: 700_000, tail: `{}]}`},
		{head: "short", unit: "[", n: 3},
		{unit: "none"},
		empties(2).within([]protowire.Number{1, 3}),
	} {
		raw := body.raw()
		require.Len(t, raw, body.size())
		r, err := gzip.NewReader(bytes.NewReader(body.packed(t)))
		require.NoError(t, err)
		r.Multistream(false)
		read, err := io.ReadAll(r)
		require.NoError(t, err)
		require.True(t, bytes.Equal(raw, read))
	}
	inner := protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), bytes.Repeat(empty(2), many))
	outer := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), inner)
	require.True(t, bytes.Equal(outer, empties(2).within([]protowire.Number{1, 3}).raw()))
}

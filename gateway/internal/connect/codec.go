package connect

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/gateway/internal/core"
)

// codec is one of Connect's, with requests read by the core.
type codec struct {
	connect.StableCodec
	decode func(raw []byte, message proto.Message) error
}

func codecs() []connect.Codec {
	return []connect.Codec{
		&codec{connectproto.NewBinaryCodec(), core.DecodeBinary},
		&codec{&connectproto.JSONCodec{MarshalOptions: core.MarshalJSON}, core.DecodeJSON},
	}
}

// UnmarshalRead reads a request, whose body has come as a whole.
func (c *codec) UnmarshalRead(ctx context.Context, src io.Reader, v any) error {
	message, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is no message", v)
	}
	buffer, ok := src.(*bytes.Buffer) // what Connect hands over
	if !ok {
		buffer = &bytes.Buffer{}
		if _, err := buffer.ReadFrom(src); err != nil {
			return err
		}
	}
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok && x.call != nil {
		if x.refused = x.call.Enter(ctx); x.refused != nil {
			return x.refused
		}
	}
	return c.decode(buffer.Bytes(), message)
}

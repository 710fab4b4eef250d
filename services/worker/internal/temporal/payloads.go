package temporal

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/pkg/secrets"
)

// sealedEncoding marks a payload that is sealed.
const sealedEncoding = "binary/encrypted"

// Payloads is how what Temporal keeps is written and read: inputs, results, memos, heartbeats and
// summaries. Without a box they are JSON in clear text, which holds ids, counts and codes; with one
// they are sealed by its key. What was written in clear text stays readable, so that sealing can be
// turned on while runs are under way. A sealed payload can be moved to no other namespace.
func Payloads(box *secrets.Box, namespace string) converter.DataConverter {
	if box == nil {
		return converter.GetDefaultDataConverter()
	}
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), newSealing(box, namespace))
}

func newSealing(box *secrets.Box, namespace string) sealing {
	return sealing{box: box, of: "temporal payload/" + namespace}
}

// sealing seals payloads whole, with what says how they are written. It implements
// converter.PayloadCodec.
type sealing struct {
	box *secrets.Box
	of  string // what ties a payload to its namespace
}

// Encode seals payloads.
func (s sealing) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	sealed := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		plain, err := proto.Marshal(payload)
		if err != nil {
			return nil, fmt.Errorf("encoding a payload: %w", err)
		}
		data, err := s.box.Seal(secrets.Text(plain), s.of)
		if err != nil {
			return nil, err
		}
		sealed[i] = &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(sealedEncoding)}, Data: data}
	}
	return sealed, nil
}

// Decode opens payloads; those in clear text stay as they are.
func (s sealing) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		if string(payload.GetMetadata()[converter.MetadataEncoding]) != sealedEncoding {
			opened[i] = payload
			continue
		}
		plain, err := s.box.Open(payload.GetData(), s.of)
		if err != nil {
			return nil, fmt.Errorf("opening a payload: %w", err)
		}
		opened[i] = &commonpb.Payload{}
		if err := proto.Unmarshal([]byte(plain.Reveal()), opened[i]); err != nil {
			return nil, fmt.Errorf("decoding a payload: %w", err)
		}
	}
	return opened, nil
}

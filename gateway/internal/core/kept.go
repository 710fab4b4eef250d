package core

import (
	"crypto/sha256"
	"encoding/hex"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// short encodes a packed answer for keeping. Of one that is too long its outcome
// and its digest are kept: a success is then answered as a conflict that says that
// the request was done, a refusal as itself without its violations.
func short(packed *spb.Status) ([]byte, error) {
	raw, err := proto.Marshal(packed)
	if err != nil || len(raw) <= maxAnswer {
		return raw, err
	}
	digest := sha256.Sum256(raw)
	opts := []errs.Option{errs.WithMetadata("answerSha256", hex.EncodeToString(digest[:]))}
	done := errs.Of(reason.AlreadyDone, opts...)
	if packed.GetCode() != 0 {
		refusal := rpc.Normalise(rpc.FromStatus(status.FromProto(packed).Err()))
		done = errs.New(refusal.Kind(), refusal.Reason(), refusal.Public(), opts...)
	}
	return proto.Marshal(rpc.ToStatus(done).Proto())
}

// dryRun reports whether an answer says that nothing was changed.
func dryRun(answer proto.Message) bool {
	message := answer.ProtoReflect()
	field := message.Descriptor().Fields().ByName("dry_run")
	return field != nil && field.Kind() == protoreflect.BoolKind && !field.IsList() && message.Get(field).Bool()
}

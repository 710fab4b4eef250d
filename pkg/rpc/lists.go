package rpc

import (
	"fmt"
	"iter"
	"strconv"
	"sync"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// limits caches MaxItems by field; reading an option is slow.
var limits sync.Map // protoreflect.FieldDescriptor → int, -1 for none

// MaxItems is how many elements the contract allows a list or a map at most;
// false where it sets no limit.
func MaxItems(field protoreflect.FieldDescriptor) (int, bool) {
	cached, ok := limits.Load(field)
	if !ok {
		cached, _ = limits.LoadOrStore(field, readLimit(field))
	}
	limit, _ := cached.(int)
	return limit, limit >= 0
}

func readLimit(field protoreflect.FieldDescriptor) int {
	rules, ok := proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules)
	switch {
	case !ok:
	case rules.GetRepeated().HasMaxItems():
		return int(min(rules.GetRepeated().GetMaxItems(), 1<<31-1))
	case rules.GetMap().HasMaxPairs():
		return int(min(rules.GetMap().GetMaxPairs(), 1<<31-1))
	}
	return -1
}

// TooMany is what a violation says of a list or a map with more than its limit.
func TooMany(field protoreflect.FieldDescriptor, limit int) string {
	if field.IsMap() {
		return fmt.Sprintf("map must be at most %d entries", limit)
	}
	return fmt.Sprintf("must contain no more than %d item(s)", limit)
}

// tooMany adds the lists and maps of a message that are longer than the contract
// allows, and looks into those that are not.
func tooMany(message protoreflect.Message, at string, found *Violations) {
	for field, value := range fieldsOf(message) {
		n := 0
		switch {
		case field.IsList():
			n = value.List().Len()
		case field.IsMap():
			n = value.Map().Len()
		}
		if limit, ok := MaxItems(field); ok && n > limit {
			found.Add(join(at, field.JSONName()), TooMany(field, limit))
			continue
		}
		_ = inField(field, value, at, func(inner protoreflect.Message, at string) error {
			tooMany(inner, at, found)
			return nil
		})
	}
}

// fieldsOf gives the fields of a message that are set, in the contract's order.
func fieldsOf(message protoreflect.Message) iter.Seq2[protoreflect.FieldDescriptor, protoreflect.Value] {
	return func(yield func(protoreflect.FieldDescriptor, protoreflect.Value) bool) {
		fields := message.Descriptor().Fields()
		for i := range fields.Len() {
			if field := fields.Get(i); message.Has(field) && !yield(field, message.Get(field)) {
				return
			}
		}
	}
}

// eachMessage visits the messages in the fields of one, with the path of each.
func eachMessage(message protoreflect.Message, at string, visit func(protoreflect.Message, string) error) error {
	for field, value := range fieldsOf(message) {
		if err := inField(field, value, at, visit); err != nil {
			return err
		}
	}
	return nil
}

// inField visits the messages in one field.
func inField(field protoreflect.FieldDescriptor, value protoreflect.Value, at string, visit func(protoreflect.Message, string) error) (err error) {
	switch {
	case field.IsMap():
		if field.MapValue().Message() == nil {
			return nil
		}
		value.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
			err = visit(value.Message(), join(at, field.JSONName())+"["+strconv.Quote(key.String())+"]")
			return err == nil
		})
		return err
	case field.Message() == nil:
		return nil
	case field.IsList():
		for i := range value.List().Len() {
			if err := visit(value.List().Get(i).Message(), join(at, field.JSONName())+"["+strconv.Itoa(i)+"]"); err != nil {
				return err
			}
		}
		return nil
	}
	return visit(value.Message(), join(at, field.JSONName()))
}

func join(at, field string) string {
	switch {
	case at == "":
		return field
	case field == "":
		return at
	}
	return at + "." + field
}

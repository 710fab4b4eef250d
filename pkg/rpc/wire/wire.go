// Package wire converts between what a domain has and what a message holds,
// where the absent value differs: a time that is not set is absent in a message,
// never the year 1.
package wire

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// Timestamp is a time in a message, absent for nil.
func Timestamp(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}

// Time is the time in a message, nil where it is absent.
func Time(t *timestamppb.Timestamp) *time.Time {
	if t == nil {
		return nil
	}
	at := t.AsTime()
	return &at
}

// Optional is a text in an optional field, absent for the empty one.
func Optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

package rpctest

import (
	"errors"
	"io"
)

// Received reads a stream to its end, or to the error that breaks it off.
func Received[M any](stream interface{ Recv() (*M, error) }) (messages []*M, err error) {
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return messages, nil
		}
		if err != nil {
			return messages, err
		}
		messages = append(messages, message)
	}
}

// Last is the last message of a stream; nil of one without a message, and where an error breaks
// it off.
func Last[M any](stream interface{ Recv() (*M, error) }) (*M, error) {
	messages, err := Received(stream)
	if err != nil || len(messages) == 0 {
		return nil, err
	}
	return messages[len(messages)-1], nil
}

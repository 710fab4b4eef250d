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

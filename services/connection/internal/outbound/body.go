package outbound

import (
	"errors"
	"fmt"
	"io"
)

// ErrCutOff says that an answer ended too early.
var ErrCutOff = errors.New("an answer was cut off")

// ReadBody reads a body of at most so many bytes whole, into buf. What was read
// comes also with an error.
func ReadBody(body io.Reader, buf []byte, most int) ([]byte, error) {
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) > most {
			return buf, fmt.Errorf("an answer of more than %d bytes", most)
		}
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, fmt.Errorf("%w: %w", ErrCutOff, err)
		}
	}
}

package assembly

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/services/worker/internal/searchattribute"
	"github.com/entrasync/entrasync/services/worker/internal/temporal"
)

const usage = `usage: worker                       run the service
       worker search-attributes     add the search attributes that runs are found by to Temporal's namespace
       worker payload-key create    make the key that seals what Temporal keeps, where there is none
       worker payload-key rotate    add a key that seals from now on; what older keys sealed stays readable`

// Operate runs a command of an operator and ends.
func Operate(ctx context.Context, arguments []string, out io.Writer) error {
	connection, err := env.ParseAs[temporal.Connection]()
	if err != nil {
		return err
	}
	switch strings.Join(arguments, " ") {
	case "search-attributes":
		return registerAttributes(ctx, connection, out)
	case "payload-key create":
		created, err := secrets.Create(ctx, secrets.Settings{File: connection.PayloadKeyFile}, nil)
		if err == nil && !created {
			return errors.New("there is a key set already: rotate it instead")
		}
		return err
	case "payload-key rotate":
		id, err := secrets.Rotate(ctx, secrets.Settings{File: connection.PayloadKeyFile}, nil)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "key %d seals from now on; keep the older ones while Temporal keeps what they sealed\n", id)
		return err
	}
	return errors.New(usage)
}

func registerAttributes(ctx context.Context, connection temporal.Connection, out io.Writer) error {
	client, err := temporal.Dial(connection, temporal.Payloads(nil, ""))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := temporal.NewAttributes(client, connection.Namespace).Register(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "namespace %s has the search attributes %s\n", connection.Namespace, strings.Join(searchattribute.All(), ", "))
	return err
}

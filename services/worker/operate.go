package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/entrasync/entrasync/proto/entrasync/searchattribute"
	"github.com/entrasync/entrasync/services/worker/internal/temporal"
)

const usage = `usage: worker                      run the service
       worker search-attributes    add the search attributes that runs are found by to Temporal's namespace`

// operate runs a command of an operator and ends.
func operate(ctx context.Context, arguments []string, out io.Writer) error {
	if len(arguments) != 1 || arguments[0] != "search-attributes" {
		return errors.New(usage)
	}
	connection, err := env.ParseAs[temporal.Connection]()
	if err != nil {
		return err
	}
	client, err := temporal.Dial(connection)
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

// Command local runs the whole system on one machine, and the servers that tests need. Without a
// verb it says which verbs there are.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// PostgreSQL's account must get through the folders that are made here, whatever the shell's mask
	// says. What is secret is written with a mode of its own.
	syscall.Umask(0o022)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends it at once
	code, err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, errUsage) {
		fmt.Fprintln(os.Stderr, "local:", err)
	}
	os.Exit(code)
}

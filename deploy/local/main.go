// Command local runs the whole system on one machine.
//
//	local up | down | reset | status | logs [process] | testenv [-detach | -stop] [-- command…]
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, errUsage) {
		fmt.Fprintln(os.Stderr, "local:", err)
	}
	os.Exit(code)
}

// Command migrate brings a database to entrasync's schema.
//
//	migrate -database URL [-context NAME] bootstrap|up|down|version|force [VERSION]
//
// bootstrap makes roles and schemas; its role needs CREATEROLE and ownership of
// the database, no more. up applies migrations, down undoes all of the context
// that -context names ("all" for every one), version prints how far each has
// come, force sets a context's version after a repair by hand. Without -context
// a command works on all contexts. The URL may also stand in
// ENTRASYNC_ADMIN_DATABASE_URL, which keeps its password out of process lists.
// With ENTRASYNC_ROLE_PASSWORDS_FILE, bootstrap gives the runtime roles the
// passwords in that JSON file (role → password) and adds those it lacks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/migrations"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		_, _ = fmt.Fprintln(os.Stderr, "migrate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("migrate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = fmt.Fprintln(stderr, "usage: migrate -database URL [-context NAME] bootstrap|up|down|version|force [VERSION]")
		flags.PrintDefaults()
	}
	url := flags.String("database", "", "URL of the database, with an administrator's role; ENTRASYNC_ADMIN_DATABASE_URL when empty")
	name := flags.String("context", "", "one context, instead of all")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *url == "" {
		*url = getenv("ENTRASYNC_ADMIN_DATABASE_URL")
	}
	if *url == "" {
		return errors.New("say which database: -database URL")
	}
	var contexts []string
	if *name != "" && *name != "all" {
		contexts = []string{*name}
	}
	switch command := flags.Arg(0); command {
	case "bootstrap":
		return bootstrap(ctx, *url, getenv("ENTRASYNC_ROLE_PASSWORDS_FILE"))
	case "up":
		return migrations.Up(ctx, *url, contexts...)
	case "down":
		if *name == "" {
			return errors.New("down deletes data: name a context, or -context all")
		}
		return migrations.Down(ctx, *url, contexts...)
	case "version":
		return version(ctx, *url, contexts, stdout)
	case "force":
		number, err := strconv.Atoi(flags.Arg(1))
		if err != nil || len(contexts) != 1 {
			return errors.New("force wants one -context and a version")
		}
		return migrations.Force(ctx, *url, contexts[0], number)
	default:
		flags.Usage()
		return fmt.Errorf("no command %q", command)
	}
}

func bootstrap(ctx context.Context, url, passwordsFile string) (err error) {
	var passwords map[string]string
	if passwordsFile != "" {
		if passwords, err = rolePasswords(passwordsFile); err != nil {
			return err
		}
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return migrations.Bootstrap(ctx, conn, passwords)
}

func version(ctx context.Context, url string, contexts []string, stdout io.Writer) error {
	states, err := migrations.Version(ctx, url, contexts...)
	if err != nil {
		return err
	}
	for _, s := range states {
		note := ""
		if s.Dirty {
			note = " dirty"
		}
		if _, err := fmt.Fprintf(stdout, "%-16s %d of %d%s\n", s.Context, s.Version, s.Latest, note); err != nil {
			return err
		}
	}
	return nil
}

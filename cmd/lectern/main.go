// Command lectern serves live lectures and the learning that follows them. Without a subcommand it serves.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// version is set by the linker.
var version = "development"

const usage = `Usage: lectern [command] [flags]

  serve       run the server (the default)
  demo        create a demo programme and print a sign-in link per role
  token       print a bearer token for WHIP, WHEP and HLS
  verify-hls  follow a live or recorded HLS stream and print what in it breaks players
  verify      check the PDF of a certificate with its issuer's public keys, without a database
  keys        "keys rotate" makes a new key for signing certificates
  doctor      examine the installation: "doctor audit" verifies that no row of the audit was changed or deleted
  migrate     bring the database's schema up to date and stop
  version     print the version

"lectern COMMAND -h" lists the flags of a command.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], terminal{env: os.Getenv, out: os.Stdout, err: os.Stderr})
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "lectern:", err)
		os.Exit(1)
	}
}

// terminal is what a command reads and writes besides its flags.
type terminal struct {
	env func(string) string
	out io.Writer // results
	err io.Writer // logs and complaints
}

// errUsage is returned after the flag package has explained what is wrong.
var errUsage = errors.New("usage")

// commands maps a subcommand to what it does and the flags of its own.
var commands = map[string]func(context.Context, []string, terminal) error{
	"serve":      serve,
	"demo":       demo,
	"token":      token,
	"verify-hls": verifyHLS,
	"verify":     verifyCertificate,
	"keys":       keys,
	"doctor":     doctor,
	"migrate":    migrate,
	"version": func(_ context.Context, _ []string, t terminal) error {
		_, err := fmt.Fprintln(t.out, "lectern", version)
		return err
	},
}

func run(ctx context.Context, args []string, t terminal) error {
	name := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	command, ok := commands[name]
	if !ok {
		fmt.Fprint(t.err, usage)
		if name == "help" {
			return nil
		}
		return fmt.Errorf("there is no command %q", name)
	}
	return command(ctx, args, t)
}

// configure reads flags and environment for a command, which may add flags of its own, and checks them.
func configure(name string, args []string, t terminal, own func(*flag.FlagSet, *config)) (config, error) {
	var c config
	fs := newFlags("lectern "+name, &c, t.env, t.err)
	if own != nil {
		own(fs, &c)
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return c, err
		}
		return c, errUsage
	}
	if fs.NArg() > 0 {
		return c, fmt.Errorf("%s takes no argument %q", name, fs.Arg(0))
	}
	return c, c.finish()
}

// logger writes text for a terminal or JSON for a machine.
func logger(c config, w io.Writer) *slog.Logger {
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

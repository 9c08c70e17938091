package private

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
)

// logWriter turns the server's lines into records of ours. Only one goroutine of os/exec writes to it.
type logWriter struct {
	log   *slog.Logger
	rest  []byte // an unfinished line, at most maxLine
	fatal string // the last line that said why the server ended; read after Wait has returned
}

const maxLine = 4 << 10

// everyday are the fatal errors of single connections that belong to each start and each stop: we ask until the
// server answers, and it cuts who is still connected when it is told to end.
var everyday = []string{
	"the database system is starting up",
	"the database system is not yet accepting connections",
	"the database system is shutting down",
	"terminating connection due to administrator command",
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found && len(w.rest) < maxLine {
			return len(p), nil
		}
		w.rest = rest
		w.record(string(line))
	}
}

// record keeps the server's chatter at debug level; what it calls an error of ours, such as a key that
// exists already, is a warning at most, because the statement's caller reports it.
func (w *logWriter) record(line string) {
	severity, message, found := strings.Cut(line, ":  ")
	level := slog.LevelDebug
	switch {
	case !found:
		message = line
	case severity == "WARNING" || severity == "ERROR":
		level = slog.LevelWarn
	case slices.Contains(everyday, message):
	case severity == "FATAL" || severity == "PANIC":
		level = slog.LevelError
		w.fatal = message
	}
	w.log.Log(context.Background(), level, "postgres: "+message)
}

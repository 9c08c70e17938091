package main

import (
	"context"
	"log"
	"log/slog"
	"regexp"
	"strings"
)

// address is what net/http puts into its complaints: where a client is.
var address = regexp.MustCompile(`\b\d{1,3}(\.\d{1,3}){3}(:\d+)?|\[[0-9A-Fa-f:.]+(%\w+)?\](:\d+)?`)

// complaints is the log of an http.Server. It takes the addresses of clients out, because they are personal data
// (trust S-32).
func complaints(to *slog.Logger) *log.Logger { return log.New(complaint{to}, "", 0) }

type complaint struct{ log *slog.Logger }

func (c complaint) Write(line []byte) (int, error) {
	text := strings.TrimSuffix(string(line), "\n")
	c.log.Log(context.Background(), slog.LevelWarn, address.ReplaceAllString(text, "[client]"))
	return len(line), nil
}

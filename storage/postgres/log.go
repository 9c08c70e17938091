package postgres

import (
	"context"
	"log/slog"
)

// warnings hands on what a library warns of or fails at. What it tells of its everyday work is no news to those
// who run Lectern.
type warnings struct{ slog.Handler }

// Enabled reports whether a record of the level is handed on.
func (h warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// WithAttrs keeps what it makes at warnings.
func (h warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps what it makes at warnings.
func (h warnings) WithGroup(name string) slog.Handler { return warnings{h.Handler.WithGroup(name)} }

// library is the log for a library.
func library(log *slog.Logger) *slog.Logger { return slog.New(warnings{log.Handler()}) }

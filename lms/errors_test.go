package lms

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// isProblem fails the test unless err is of the kind, about the field and tells the user something.
func isProblem(t *testing.T, err, kind error, field string) {
	t.Helper()
	var p *Problem
	if !errors.As(err, &p) || !errors.Is(err, kind) || p.Field != field || p.Message == "" && p.Code == "" {
		t.Errorf("got error %v, want kind %v about %q with a message", err, kind, field)
	}
}

func TestProblem(t *testing.T) {
	err := fmt.Errorf("create course: %w", invalid("title", "Enter a title."))
	isProblem(t, err, ErrInvalid, "title")
	if errors.Is(err, ErrConflict) {
		t.Error("an invalid field is no conflict")
	}
	if got, want := err.Error(), "create course: invalid title: Enter a title."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	whole := &Problem{Kind: ErrConflict, Message: "It is on air already."}
	if got, want := whole.Error(), "conflict: It is on air already."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLogsHideSecrets prints everything secret or personal through slog.
func TestLogsHideSecrets(t *testing.T) {
	var log bytes.Buffer
	pepper := testPepper(t)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "code", AccessCode("7H2K9QXDM4TV3B"),
		"email", Email("ada@example.org"), "otp", OTP("123456"), "pepper", pepper)
	for _, secret := range []string{"7H2K", "ada", "123456"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q stands in the log: %s", secret, log.String())
		}
	}
	if got := fmt.Sprintf("%v %+v %#v", pepper, pepper, pepper); got != "[pepper] [pepper] [pepper]" {
		t.Errorf("a printed pepper shows %q", got)
	}
}

func TestParseID(t *testing.T) {
	const id = "0198f0a2-7c3e-7b1d-9f00-1234567890ab"
	if got, err := ParseID[CourseID](id); got != id || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range []string{
		"", "1", strings.ToUpper(id), id + "0", strings.ReplaceAll(id, "-", "0"), "g" + id[1:], " " + id[1:],
		"' or 1=1 --                          ",
	} {
		if got, err := ParseID[CourseID](bad); got != "" || !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: got %q, %v, want not found", bad, got, err)
		}
	}
}

package main

import (
	"io"
	"os"
	"strings"
	"testing"
)

func parse(t *testing.T, env map[string]string, args ...string) (config, error) {
	t.Helper()
	var c config
	fs := newFlags("serve", &c, func(k string) string { return env[k] }, io.Discard)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c, c.finish()
}

func TestConfigDefaults(t *testing.T) {
	c, err := parse(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.URL != "http://127.0.0.1:8080" || c.MediaAddr != "127.0.0.1:8080" || c.Mailbox != "on" {
		t.Errorf("got URL %s, media %s, mailbox %s", c.URL, c.MediaAddr, c.Mailbox)
	}
}

func TestMailboxStandsOpenOnLoopbackOnly(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string
	}{
		{nil, "on"},
		{[]string{"-addr", ":8080"}, "off"},
		{[]string{"-smtp-url", "smtp://mail.example.org"}, "off"},
		{[]string{"-addr", ":8080", "-mailbox", "on"}, "on"},
		{[]string{"-mailbox", "off"}, "off"},
		{[]string{"-url", "http://localhost:8080"}, "on"},
		{[]string{"-url", "https://lectures.example.org"}, "off"}, // a proxy stands in front
	} {
		if c, err := parse(t, nil, tc.args...); err != nil || c.Mailbox != tc.want {
			t.Errorf("%v: mailbox %s, %v; want %s", tc.args, c.Mailbox, err, tc.want)
		}
	}
}

func TestConfigFlagWinsOverEnvironment(t *testing.T) {
	env := map[string]string{"LECTERN_ADDR": "127.0.0.1:9000", "LECTERN_LOG": "json"}
	c, err := parse(t, env, "-addr", "127.0.0.1:9100")
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != "127.0.0.1:9100" || c.LogFormat != "json" {
		t.Errorf("got addr %s, log %s", c.Addr, c.LogFormat)
	}
}

// TestUsageShowsNoSecret: a mistyped flag prints the usage, often into a log.
func TestUsageShowsNoSecret(t *testing.T) {
	var c config
	var printed strings.Builder
	fs := newFlags("serve", &c, func(string) string { return "postgres://lectern:hunter2@db/lectern" }, &printed)
	if err := fs.Parse([]string{"-adr", ":80"}); err == nil || !strings.Contains(printed.String(), "127.0.0.1:8080") {
		t.Errorf("got %v and no usage with its defaults:\n%s", err, printed.String())
	}
	if strings.Contains(printed.String(), "hunter2") || c.Database == "" {
		t.Errorf("the usage shows the environment, or it was not read:\n%s", printed.String())
	}
}

func TestConfigPublicURL(t *testing.T) {
	for _, tc := range []struct{ addr, tls, want string }{
		{":8080", "off", "http://localhost:8080"},
		{"[::1]:80", "off", "http://[::1]"},
		{"0.0.0.0:443", "self-signed", "https://localhost"},
		{"lectures.example.org:443", "self-signed", "https://lectures.example.org"},
	} {
		c, err := parse(t, nil, "-addr", tc.addr, "-tls", tc.tls)
		if err != nil || c.URL != tc.want {
			t.Errorf("%s with TLS %s: got %s, %v; want %s", tc.addr, tc.tls, c.URL, err, tc.want)
		}
	}
}

func TestConfigRefusesInWords(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"-addr", "8080"}, "LECTERN_ADDR"},
		{[]string{"-mailbox", "yes"}, "LECTERN_MAILBOX"},
		{[]string{"-url", "lectures.example.org"}, "LECTERN_URL"},
		{[]string{"-url", "http://a.example/path"}, "LECTERN_URL"},
		{[]string{"-tls", "yes"}, "LECTERN_TLS"},
		{[]string{"-tls", "files"}, "LECTERN_TLS_CERT"},
		{[]string{"-tls", "acme"}, "public host name"},
		{[]string{"-tls", "self-signed", "-url", "http://localhost:8080"}, "https"},
		{[]string{"-secret", "short"}, "LECTERN_SECRET"},
		{[]string{"-attendees", "fast"}, "LECTERN_ATTENDEES"},
		{[]string{"-log", "xml"}, "LECTERN_LOG"},
		{[]string{"-trusted-proxies", "10.0.0.0/33"}, "LECTERN_TRUSTED_PROXIES"},
	} {
		if _, err := parse(t, nil, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: got error %v, want one that names %s", tc.args, err, tc.want)
		}
	}
}

// TestReadmeListsEverySetting keeps the README's table and config.go together.
func TestReadmeListsEverySetting(t *testing.T) {
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(b), "## Configuration")
	if !ok {
		t.Fatal("README.md has no section Configuration")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	for _, s := range settings {
		row := "| `" + s.env + "` | `-" + s.flag + "` | "
		if s.value != "" {
			row += "`" + s.value + "` |"
		}
		if !strings.Contains(table, row) {
			t.Errorf("README.md lacks a row that starts with: %s", row)
		}
	}
	if rows := strings.Count(table, "\n| `"); rows != len(settings) {
		t.Errorf("README.md lists %d settings, config.go has %d", rows, len(settings))
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecretIsMadeOnceAndKept(t *testing.T) {
	c := config{Data: t.TempDir()}
	first, err := secret(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := secret(c)
	if err != nil || string(again) != string(first) || len(first) < 32 {
		t.Errorf("got %d characters, then %d, %v", len(first), len(again), err)
	}
	name := filepath.Join(c.Data, "secret.key")
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secret.key: %v, %v; want mode 0600", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(c.Data, ".new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secret(c); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("with an empty file: %v", err)
	}
}

func TestSecretOfACluster(t *testing.T) {
	c := config{Data: t.TempDir(), Database: "postgres://db.example/lectern"}
	if _, err := secret(c); err == nil || !strings.Contains(err.Error(), "LECTERN_SECRET") {
		t.Errorf("without LECTERN_SECRET: %v", err)
	}
	c.Secret = strings.Repeat("x", 32)
	if b, err := secret(c); err != nil || string(b) != c.Secret {
		t.Errorf("got %q, %v", b, err)
	}
}

package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// secret returns the key of the keyed hashes: what the operator set, or 32 random bytes that are made once
// and kept in the data folder. Who loses it loses every unused access code, so it belongs in the backup.
func secret(c config) ([]byte, error) {
	if c.Secret != "" {
		return []byte(c.Secret), nil
	}
	name := filepath.Join(c.Data, "secret.key")
	b, err := os.ReadFile(name)
	switch {
	case err == nil:
		if s := strings.TrimSpace(string(b)); len(s) >= 32 {
			return []byte(s), nil
		}
		return nil, fmt.Errorf("%s is damaged: restore it from a backup, or set LECTERN_SECRET", name)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case c.Database != "":
		// Another node may have made a key of its own for this database: two keys would void each other's codes.
		return nil, errors.New("LECTERN_SECRET is not set: with DATABASE_URL all nodes must share one; make it with: openssl rand -hex 32")
	}
	key := make([]byte, 32)
	rand.Read(key)
	text := hex.EncodeToString(key)
	if err := writeOnce(name, []byte(text+"\n")); err != nil {
		return nil, err
	}
	return []byte(text), nil
}

// writeOnce writes a file that is there whole or not at all, whenever the machine stops.
func writeOnce(name string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), name) // unlike a rename, it refuses to replace
}

package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// finishStore checks what can be checked of the store without asking it. It never repeats the URL, which holds a
// secret.
func (c *config) finishStore() error {
	if d, err := time.ParseDuration(c.StoreKeep); err != nil || d < 0 {
		return fmt.Errorf("LECTERN_STORE_KEEP %q: want a time such as 720h, or 0", c.StoreKeep)
	}
	if !strings.Contains(c.Store, "://") {
		return nil // a folder, or nothing
	}
	u, err := url.Parse(c.Store)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") == "" {
		return errors.New("LECTERN_STORE: want a folder, or a URL such as https://KEY:SECRET@s3.example.org/bucket?region=eu-central-1")
	}
	return nil
}

//go:build !linux

package main

import (
	"context"
	"errors"
)

func linkScenario(context.Context, []string) error {
	return errors.New("link needs Linux: it is made of network namespaces")
}

func linkInit([]string) error { return errors.New("link needs Linux") }

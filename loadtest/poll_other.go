//go:build !linux

package loadtest

import "errors"

// system is nothing: thousands of sockets are read by epoll and recvmmsg, which only Linux has.
type system struct{}

func newPoller() (*poller, error) { return nil, errors.New("the load test runs on Linux") }

func (p *poller) add(*receiver) error { return nil }
func (p *poller) stop()               {}

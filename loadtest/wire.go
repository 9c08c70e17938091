package loadtest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// wire is a viewer's connection to the server: HTTP/1.1, one request at a time, and no goroutine but its user's. Hundreds
// of viewers share the machine with the server that they measure, so each of them has to cost little.
type wire struct {
	host   string
	secure bool
	head   string // what stands in every request
	conn   net.Conn
	in     *bufio.Reader
	leave  func() bool
}

// wireTimeout is how long an answer may take: a server lets a request wait for three target durations.
const wireTimeout = 15 * time.Second

// newWire prepares a connection to the host of a URL.
func newWire(at *url.URL, token, cookie string) *wire {
	w := &wire{host: at.Host, secure: at.Scheme == "https", head: "Host: " + at.Host + "\r\nUser-Agent: lectern-loadtest\r\n"}
	if token != "" {
		w.head += "Authorization: Bearer " + token + "\r\n"
	}
	if cookie != "" {
		w.head += "Cookie: " + cookie + "\r\n"
	}
	return w
}

// get asks for a path. The body of the answer is read to its end, into to, before the next request; nil throws it away.
func (w *wire) get(ctx context.Context, path string, zipped bool, to io.Writer) (*http.Response, int64, error) {
	if w.conn == nil {
		if err := w.dial(ctx); err != nil {
			return nil, 0, err
		}
	}
	res, n, err := w.ask(path, zipped, to)
	if err != nil {
		w.close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, n, fmt.Errorf("%s: %w", path, err)
	}
	if res.Close {
		w.close()
	}
	return res, n, nil
}

func (w *wire) ask(path string, zipped bool, to io.Writer) (*http.Response, int64, error) {
	request := "GET " + path + " HTTP/1.1\r\n" + w.head
	if zipped {
		request += "Accept-Encoding: gzip\r\n"
	}
	if err := w.conn.SetDeadline(time.Now().Add(wireTimeout)); err != nil {
		return nil, 0, err
	}
	if _, err := io.WriteString(w.conn, request+"\r\n"); err != nil {
		return nil, 0, err
	}
	res, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return nil, 0, err
	}
	if to == nil {
		to = io.Discard
	}
	n, err := io.Copy(to, res.Body)
	return res, n, errors.Join(err, res.Body.Close())
}

func (w *wire) dial(ctx context.Context) error {
	host := w.host
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(host, map[bool]string{false: "80", true: "443"}[w.secure])
	}
	var d interface {
		DialContext(context.Context, string, string) (net.Conn, error)
	} = &net.Dialer{}
	if w.secure {
		d = &tls.Dialer{Config: &tls.Config{NextProtos: []string{"http/1.1"}}}
	}
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	w.conn, w.in = conn, bufio.NewReaderSize(conn, 16<<10)
	w.leave = context.AfterFunc(ctx, func() { _ = conn.Close() })
	return nil
}

// close ends the connection; the next request opens another.
func (w *wire) close() {
	if w.conn != nil {
		w.leave()
		_ = w.conn.Close()
		w.conn = nil
	}
}

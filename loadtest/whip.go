package loadtest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// exchange posts an offer and returns the answer and the session's address (RFC 9725). It tries again while the
// server says that there is nothing yet, or too much.
func exchange(ctx context.Context, to, token, offer string) (answer, session string, err error) {
	for try := 0; ; try++ {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(offer))
		if err != nil {
			return "", "", err
		}
		request.Header.Set("Content-Type", "application/sdp")
		authorise(request, token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return "", "", err
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		_ = response.Body.Close()
		if err != nil {
			return "", "", err
		}
		retry := response.StatusCode == http.StatusConflict || response.StatusCode == http.StatusServiceUnavailable ||
			response.StatusCode == http.StatusTooManyRequests
		switch {
		case response.StatusCode == http.StatusCreated:
			at, err := url.Parse(response.Header.Get("Location"))
			if err != nil {
				return "", "", err
			}
			return string(body), request.URL.ResolveReference(at).String(), nil
		case retry && try < 10 && ctx.Err() == nil:
			wait(ctx, time.Second)
		default:
			return "", "", fmt.Errorf("%s: %s: %s", to, response.Status, strings.TrimSpace(string(body[:min(len(body), 300)])))
		}
	}
}

// leave deletes a session.
func leave(session, token string) {
	if session == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, session, nil)
	if err != nil {
		return
	}
	authorise(request, token)
	if response, err := http.DefaultClient.Do(request); err == nil {
		_ = response.Body.Close()
	}
}

func authorise(r *http.Request, token string) {
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
}

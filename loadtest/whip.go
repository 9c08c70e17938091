package loadtest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// patience is how long a server may put off one that asks.
const patience = 2 * time.Minute

// exchange posts an offer and returns the answer and the session's address (RFC 9725). It tries again, at the pace
// that the server wishes, while that says that there is nothing yet, or too much.
func exchange(ctx context.Context, to, token, offer string) (answer, session string, err error) {
	for give := time.Now().Add(patience); ; {
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
		case retry && time.Now().Before(give) && ctx.Err() == nil:
			wait(ctx, retryAfter(response.Header))
		default:
			return "", "", fmt.Errorf("%s: %s: %s", to, response.Status, strings.TrimSpace(string(body[:min(len(body), 300)])))
		}
	}
}

// retryAfter is the pause a server asks for (RFC 9110 section 10.2.3), from a second to ten.
func retryAfter(h http.Header) time.Duration {
	seconds, _ := strconv.Atoi(h.Get("Retry-After"))
	return time.Duration(min(max(1, seconds), 10)) * time.Second
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

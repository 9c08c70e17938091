package hls

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
)

// TestGate: what is there needs no leave to wait; what is not asks for it once, and gives the place back.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := growingCatalog(3)
		openSegment(k)
		o := newOrigin(nil, k)
		asked, inside, open := 0, 0, false
		ask := func(query string) *httptest.ResponseRecorder {
			ctx := WithGate(t.Context(), func() (func(), bool) {
				asked++
				if open {
					inside++
				}
				return func() { inside-- }, open
			})
			w := httptest.NewRecorder()
			o.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/"+liveName(0)+query, nil).WithContext(ctx))
			return w
		}
		if w := ask("?_HLS_msn=1"); w.Code != http.StatusOK || asked != 0 {
			t.Errorf("what is there: %d, asked %d times", w.Code, asked)
		}
		w := ask("?_HLS_msn=3&_HLS_part=0")
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Retry-After") == "" {
			t.Errorf("a closed gate: %d %v", w.Code, w.Header())
		}
		open = true
		done := make(chan int)
		go func() { done <- ask("?_HLS_msn=3&_HLS_part=1").Code }()
		synctest.Wait()
		if inside != 1 {
			t.Errorf("%d wait inside", inside)
		}
		addPart(k)
		addPart(k)
		if code := <-done; code != http.StatusOK || inside != 0 || asked != 2 {
			t.Errorf("after the wait: %d, %d inside, asked %d times", code, inside, asked)
		}
	})
}

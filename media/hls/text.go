package hls

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Text is a playlist, or another text beside it, ready to be served, zipped too. It never changes.
type Text struct {
	kind, etag    string
	plain, zipped []byte
}

// NewText prepares a text of a media type.
func NewText(kind string, plain []byte) *Text {
	var zipped bytes.Buffer
	z, _ := gzip.NewWriterLevel(&zipped, gzip.BestSpeed) // the level is valid
	z.Write(plain)                                       // into memory
	z.Close()
	sum := sha256.Sum256(plain)
	return &Text{kind: kind, etag: hex.EncodeToString(sum[:8]), plain: plain, zipped: zipped.Bytes()}
}

// Serve answers with it. Cache is the Cache-Control header.
func (t *Text) Serve(w http.ResponseWriter, r *http.Request, cache string) {
	h := w.Header()
	h.Set("Content-Type", t.kind)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", cache)
	body, etag := t.plain, t.etag
	if acceptsGzip(r) {
		body, etag = t.zipped, etag+"-gzip"
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", `"`+etag+`"`)
	serveBytes(w, r, body)
}

// serveBytes answers with what is in memory. The usual question, for the whole of it, takes one write: half of what
// http.ServeContent costs, which copies by way of a reader.
func serveBytes(w http.ResponseWriter, r *http.Request, b []byte) {
	for _, special := range []string{"Range", "If-None-Match", "If-Match", "If-Range", "If-Modified-Since", "If-Unmodified-Since"} {
		if r.Header[special] != nil {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
			return
		}
	}
	h := w.Header()
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // a viewer who has left is not told
	}
}

// acceptsGzip says whether gzip is named and not refused (RFC 9110 section 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(coding, "gzip") {
			return strings.Trim(strings.TrimPrefix(strings.TrimSpace(weight), "q="), "0.") != "" || weight == ""
		}
	}
	return false
}

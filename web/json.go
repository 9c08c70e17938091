package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"lectern/lms"
)

// readJSON decodes the one JSON value of the body. Unknown fields are refused, because a misspelt field that
// is silently dropped is a change that silently does not happen. The size was limited by the route.
func readJSON(r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &lms.Problem{Kind: errMediaType, Message: "Send this as application/json."}
	}
	return decodeJSON(r.Body, into)
}

func decodeJSON(body io.Reader, into any) error {
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return bodyError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &lms.Problem{Kind: errMalformed, Message: "Send exactly one JSON value."}
	}
	return nil
}

// bodyError says in words why a body could not be read.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &lms.Problem{Kind: errTooLarge, Message: fmt.Sprintf("Send at most %d bytes.", tooLarge.Limit)}
	}
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: wrongType.Field, Message: "This has the wrong type. It should be " + jsonType(wrongType.Type.Kind().String()) + "."}
	}
	return &lms.Problem{Kind: errMalformed, Message: "The body is not the JSON that is expected here."}
}

func jsonType(kind string) string {
	switch kind {
	case "string":
		return "text"
	case "bool":
		return "true or false"
	case "slice", "array":
		return "a list"
	case "struct", "map", "ptr":
		return "an object"
	}
	return "a number"
}

// writeJSON sends a value. An error of encoding is a mistake of ours and comes before the first byte.
func writeJSON(w http.ResponseWriter, status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(append(body, '\n'))
	return ignoreGone(err)
}

// readForm parses the form of a page.
func readForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return errTooLarge
		}
		return errMalformed
	}
	return nil
}

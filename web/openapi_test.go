package web

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestOpenAPIListsTheSameRoutes keeps openapi.yaml and the table of routes together.
func TestOpenAPIListsTheSameRoutes(t *testing.T) {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	path := ""
	for _, line := range strings.Split(string(text), "\n") {
		if m := regexp.MustCompile(`^  (/\S+):$`).FindStringSubmatch(line); m != nil {
			path = m[1]
		} else if m := regexp.MustCompile(`^    (get|post|patch|put|delete):$`).FindStringSubmatch(line); m != nil {
			described[strings.ToUpper(m[1])+" "+path] = true
		}
	}
	for _, rt := range (&Server{}).routes() {
		key := rt.method + " " + rt.path
		if strings.HasPrefix(rt.path, "/api/") && !described[key] {
			t.Errorf("openapi.yaml lacks %s", key)
		}
		delete(described, key)
	}
	for key := range described {
		t.Errorf("openapi.yaml has %s, which is no route", key)
	}
}

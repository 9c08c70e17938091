package postgres_test

import (
	"errors"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// TestMaterialIsBegunThreeTimes: a node that dies loses its claim, and what has stopped three is given up, in words.
func TestMaterialIsBegunThreeTimes(t *testing.T) {
	w := newWorld(t)
	admin, course := w.ours.admin, w.ours.course
	id, err := w.db.AddMaterial(t.Context(), admin, course, postgres.NewMaterial{Name: "a.pdf", Kind: "pdf", Bytes: 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, found, err := w.db.ClaimMaterial(t.Context(), "early"); found || err != nil {
		t.Fatalf("claimed a file that is not stored: %v", err)
	}
	if all, err := w.db.Materials(t.Context(), admin, course); len(all) != 0 || err != nil {
		t.Errorf("a file that is being stored is listed: %v, %v", all, err)
	}
	if err := w.db.MaterialStored(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{"one", "two", "three"} {
		task, found, err := w.db.ClaimMaterial(t.Context(), node)
		if !found || err != nil || task.ID != id {
			t.Fatalf("%s: %v, %v, %v", node, task, found, err)
		}
		if _, found, _ := w.db.ClaimMaterial(t.Context(), "other"); found {
			t.Fatalf("two nodes at one file")
		}
		w.pass(2 * time.Minute)
	}
	if mine, err := w.db.FinishMaterial(t.Context(), "one", id, nil); mine || err != nil {
		t.Errorf("a node that lost its claim finishes: %v, %v", mine, err)
	}
	if _, found, err := w.db.ClaimMaterial(t.Context(), "four"); found || err != nil {
		t.Errorf("begun a fourth time: %v", err)
	}
	m, err := w.db.Material(t.Context(), admin, course, id)
	if err != nil || m.State != postgres.MaterialFailed || m.Error == "" {
		t.Errorf("after three tries: %+v, %v", m, err)
	}
	if err := w.db.RetryMaterial(t.Context(), admin, course, id); err != nil {
		t.Fatal(err)
	}
	if _, found, err := w.db.ClaimMaterial(t.Context(), "five"); !found || err != nil {
		t.Errorf("not begun again when asked: %v", err)
	}
	if mine, err := w.db.FinishMaterial(t.Context(), "five", id, []postgres.MaterialPage{{Number: 1, Width: 16, Height: 9, Text: "गर्भाशय की परत"}}); !mine || err != nil {
		t.Fatalf("%v, %v", mine, err)
	}
	for query, want := range map[string]int{"गर्भाशय": 1, "गर्भ परत": 1, "': & | !": 0, "परत नहीं": 0} {
		if hits, err := w.db.Search(t.Context(), admin, lms.ParseSearch(query)); len(hits) != want || err != nil {
			t.Errorf("%q: %d hits, %v", query, len(hits), err)
		}
	}
	if hits, err := w.db.Search(t.Context(), w.theirs.admin, lms.ParseSearch("गर्भाशय")); len(hits) != 0 || err != nil {
		t.Errorf("found in another programme: %v, %v", hits, err)
	}
}

// TestMaterialKeepsItsPlace, and is deleted a day after it was removed and not before.
func TestMaterialKeepsItsPlace(t *testing.T) {
	w := newWorld(t)
	admin, course := w.ours.admin, w.ours.course
	ids := map[string]lms.MaterialID{}
	for _, name := range []string{"a", "b", "c"} {
		id, err := w.db.AddMaterial(t.Context(), admin, course, postgres.NewMaterial{Name: name, Kind: "pdf", Bytes: 1})
		if err == nil {
			err = w.db.MaterialStored(t.Context(), id)
		}
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = id
	}
	order := func() (names string) {
		all, err := w.db.Materials(t.Context(), admin, course)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			names += m.Name
		}
		return names
	}
	for _, move := range []struct {
		name string
		to   int
		want string
	}{{"c", 0, "cab"}, {"c", 1, "acb"}, {"c", 2, "abc"}, {"a", 9, "bca"}} {
		if err := w.db.ChangeMaterial(t.Context(), admin, course, ids[move.name], postgres.MaterialChange{Position: &move.to}); err != nil {
			t.Fatal(err)
		}
		if got := order(); got != move.want {
			t.Errorf("%s to %d: %s, want %s", move.name, move.to, got, move.want)
		}
	}
	if err := w.db.RemoveMaterial(t.Context(), w.theirs.admin, course, ids["a"]); !errors.Is(err, lms.ErrNotFound) {
		t.Errorf("another programme's admin removes it: %v", err)
	}
	if err := w.db.RemoveMaterial(t.Context(), admin, course, ids["a"]); err != nil {
		t.Fatal(err)
	}
	left := func() int {
		all, err := w.db.Leftovers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if n := left(); n != 0 {
		t.Errorf("%d to delete at once", n)
	}
	w.pass(25 * time.Hour)
	if n := left(); n != 1 {
		t.Errorf("%d to delete after a day", n)
	}
	if err := w.db.ForgetMaterial(t.Context(), ids["b"]); err != nil || order() != "bc" {
		t.Errorf("forgot one that is there: %v, %s", err, order())
	}
	if err := w.db.ForgetMaterial(t.Context(), ids["a"]); err != nil || left() != 0 {
		t.Errorf("not forgotten: %v", err)
	}
}

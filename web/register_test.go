package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lectern/lms"
)

// TestSpotRegistrationFromThePageToTheDecision goes the way of a doctor without a code, and of the admin.
func TestSpotRegistrationFromThePageToTheDecision(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	admin, b := s.joined(d.Admin), s.browser()
	page, api := "/register/"+string(d.Programme), "/api/programmes/"+string(d.Programme)+"/registrations"
	b.get(page).want(t, http.StatusNotFound) // not open
	rules := map[string]any{"open": true, "watch": true, "seats": 0, "viewers": 1, "domains": []string{"aiims.edu"}, "licence": "("}
	admin.call("PUT", api, rules).want(t, http.StatusUnprocessableEntity)
	rules["licence"] = ""
	admin.call("PUT", api, rules).want(t, http.StatusNoContent)

	if r := b.get(page).want(t, http.StatusOK); !strings.Contains(r.text, "Reproductive Medicine") || !strings.Contains(r.text, `name="licence"`) {
		t.Error("the page lacks its programme or its form")
	}
	form := url.Values{
		"email": {"Spot@Clinic.example"}, "name": {"डॉ. आशा राव"}, "country": {"IN"}, "profession": {"Embryologist"}, "phone": {"98765"},
		"zone": {"Asia/Kolkata"}, "consent": {"yes"},
	}
	r := b.post(page, form).want(t, http.StatusUnprocessableEntity)
	for _, want := range []string{"Check the phone number", `value="98765"`, `value="डॉ. आशा राव"`, `value="IN" selected`, "checked"} {
		if !strings.Contains(r.text, want) {
			t.Errorf("the form lacks %s", want)
		}
	}
	form.Set("phone", "098765 43210")
	form.Del("consent")
	b.post(page, form).want(t, http.StatusUnprocessableEntity)
	form.Set("consent", "yes")
	b.post(page, form).want(t, http.StatusSeeOther)
	r = b.post("/sign-in/code", url.Values{"otp": {s.otp("spot@clinic.example")}, "next": {"/registrations"}}).want(t, http.StatusSeeOther)
	if got := r.Header.Get("Location"); got != "/registrations" {
		t.Errorf("leads to %s", got) // nothing more is asked: the form had it all
	}
	if r = b.get("/registrations").want(t, http.StatusOK); !strings.Contains(r.text, "The organisers look at your registration") || !strings.Contains(r.text, "To the lectures") {
		t.Error("the page does not say how one stands")
	}
	b.get(coursePath(d, "/api/courses/%s")).want(t, http.StatusOK)

	var queue queueView
	admin.call("GET", api, nil).want(t, http.StatusOK).json(t, &queue)
	if len(queue.Items) != 1 || queue.Items[0].Email != "spot@clinic.example" || queue.Counts[lms.RegistrationPending] != 1 || queue.Page != s.url+page {
		t.Fatalf("the queue is %+v", queue)
	}
	decide := func(action, reason string) reply {
		return admin.call("POST", api+"/"+string(queue.Items[0].Person)+"/"+action, map[string]string{"reason": reason})
	}
	decide("reject", "").want(t, http.StatusUnprocessableEntity)
	decide("befriend", "").want(t, http.StatusUnprocessableEntity)
	decide("approve", "").want(t, http.StatusOK)
	for got := range s.sent {
		if got == "spot@clinic.example" {
			break // the notice of the decision
		}
	}
	if mail := must(s.db.Mailbox(t.Context(), 1))(t)[0]; mail.Subject != "Your registration" || !strings.Contains(mail.Text, "is approved") || !strings.Contains(mail.Text, "/registrations") {
		t.Errorf("the notice is %+v", mail)
	}
	b.post("/registrations", url.Values{"programme": {string(d.Programme)}, "do": {"cancel"}}).want(t, http.StatusSeeOther)
	b.get(coursePath(d, "/api/courses/%s")).want(t, http.StatusNotFound)
}

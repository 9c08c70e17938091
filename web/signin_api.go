package web

import (
	"errors"
	"net/http"

	"lectern/lms"
)

// postAPISignIn is postSignIn for programs. Who has to wait is told their place.
func postAPISignIn(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	var body struct {
		Email string `json:"email"`
		Code  string `json:"code"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	challenge, err := s.startSignIn(w, r, body.Email, body.Code)
	if err != nil {
		return err
	}
	s.setCookie(w, s.challengeName(), challengeValue(challenge.Cookie, body.Email), lms.OTPLife)
	return writeJSON(w, http.StatusAccepted, map[string]string{"next": "/api/sign-in/code"})
}

// postAPICode is postCode for programs.
func postAPICode(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	var body struct {
		OTP string `json:"otp"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	cookie, _ := s.challenge(r)
	if cookie == "" {
		return &lms.Problem{Kind: lms.ErrExpired, Field: "otp", Message: s.words(r).t("code.none")}
	}
	session, err := s.verify(r, cookie, body.OTP)
	if err != nil {
		return err
	}
	s.setCookie(w, s.challengeName(), "", 0)
	s.setCookie(w, s.cookieName(), session.Token, sessionLife)
	s.setCookie(w, s.deviceName(), session.Device, deviceLife)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// waitingDetail is what a program is told besides the error.
type waitingDetail struct {
	Ahead int    `json:"ahead"`
	WaitS int    `json:"wait_s"`
	Retry int    `json:"retry_s"`
	Place string `json:"place"` // to be sent as Lectern-Place; "" when the queue is full
}

// waitingOf is the detail of an error that makes somebody wait, or nil.
func waitingOf(err error) *waitingDetail {
	var waiting waitingError
	if !errors.As(err, &waiting) {
		return nil
	}
	return &waitingDetail{Ahead: waiting.Ahead, WaitS: seconds(waiting.Wait), Retry: seconds(waiting.Again), Place: waiting.Ticket}
}

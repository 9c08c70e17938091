package sfu

import (
	"fmt"
	"strings"

	"github.com/pion/sdp/v3"
)

// fragment is what a trickle-ice-sdpfrag body (RFC 8840 section 9) tells us.
type fragment struct {
	ufrag, password string
}

// parseFragment reads a fragment. Candidates are not kept: an ICE-lite server answers checks and sends
// none, so it has no use for them. Its errors wrap ErrOffer.
func parseFragment(text string) (fragment, error) {
	var f fragment
	if len(text) > maxSDP {
		return f, fmt.Errorf("%w: the fragment is larger than %d bytes", ErrOffer, maxSDP)
	}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "a=ice-ufrag":
			f.ufrag = value
		case "a=ice-pwd":
			f.password = value
		}
	}
	// RFC 8839 section 5.4: 4 to 256 and 22 to 256 characters.
	if len(f.ufrag) < 4 || len(f.ufrag) > 256 || len(f.password) < 22 || len(f.password) > 256 {
		return f, fmt.Errorf("%w: the fragment has no ICE credentials (a=ice-ufrag, a=ice-pwd)", ErrOffer)
	}
	return f, nil
}

// answerFragment writes our side of an ICE restart from the answer: the credentials and candidates of the
// section that carries all others (RFC 9725 section 4.3.3).
func answerFragment(answer string) (string, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(answer); err != nil {
		return "", fmt.Errorf("read own answer: %w", err)
	}
	var b strings.Builder
	line := func(key, value string) {
		b.WriteString("a=" + key)
		if value != "" {
			b.WriteString(":" + value)
		}
		b.WriteString("\r\n")
	}
	line("ice-lite", "")
	if group, ok := d.Attribute("group"); ok {
		line("group", group)
	}
	m := d.MediaDescriptions[0]
	fmt.Fprintf(&b, "m=%s 9 %s %s\r\n", m.MediaName.Media, strings.Join(m.MediaName.Protos, "/"), strings.Join(m.MediaName.Formats, " "))
	for _, a := range m.Attributes {
		switch a.Key {
		case "mid", "ice-ufrag", "ice-pwd", "candidate", "end-of-candidates":
			line(a.Key, a.Value)
		}
	}
	return b.String(), nil
}

package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"lectern/lms"
	"lectern/signaling/protocol"
	"lectern/storage/postgres"
)

// Reporter enters what players report into the ledger, whether it came over the socket or by a page's last
// beacon. It is what signaling.Config.Reports asks for.
type Reporter struct{ DB *postgres.DB }

// SubmitReport commits one report and says what the person has watched so far.
func (to Reporter) SubmitReport(ctx context.Context, person lms.PersonID, r *protocol.Report) (*protocol.Ack, error) {
	report := lms.Report{
		Player: r.Player, Seq: r.Seq, Broadcast: lms.BroadcastID(r.Broadcast),
		PositionMS: r.PositionMS, Rate: r.Rate, Muted: r.Muted, Visible: r.Visible,
	}
	for _, span := range r.Spans {
		report.Spans = append(report.Spans, lms.Played{FromMS: span.FromMS, ToMS: span.ToMS, As: lms.Provenance(span.As)})
	}
	ack, err := to.DB.SubmitReport(ctx, person, report)
	if err != nil {
		return nil, fmt.Errorf("submit watch report: %w", err)
	}
	return &protocol.Ack{
		Player: r.Player, Seq: r.Seq, WatchedS: int(ack.WatchedS), Share: ack.Share,
		PositionMS: or(ack.PositionMS), RefusedS: int(ack.RefusedS),
	}, nil
}

// reportsPerBeacon is how many reports one request may carry. A page that was offline for an hour has about
// 360; it sends them in several.
const reportsPerBeacon = 64

// postReports takes what a page sends when it is hidden. navigator.sendBeacon sends text as text/plain, so the
// content type is not asked; that the page is one of ours has been checked by its origin. Reports that the
// rules refuse get no acknowledgement and do not keep the others from being entered.
func postReports(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Reports []protocol.Report `json:"reports"`
	}
	if err := decodeJSON(r.Body, &body); err != nil {
		return err
	}
	if len(body.Reports) > reportsPerBeacon {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "reports", Message: fmt.Sprintf("Send at most %d reports at once.", reportsPerBeacon)}
	}
	acks := make([]*protocol.Ack, 0, len(body.Reports))
	for i := range body.Reports {
		report := &body.Reports[i]
		if err := report.Check(); err != nil {
			return &lms.Problem{Kind: lms.ErrInvalid, Field: "reports", Message: err.Error()}
		}
		if c.course.Broadcast == nil || report.Broadcast != string(c.course.Broadcast.ID) {
			continue
		}
		ack, err := Reporter{s.db}.SubmitReport(r.Context(), c.actor.Person, report)
		switch {
		case err == nil:
			acks = append(acks, ack)
		case !refused(err):
			return err
		}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"acks": acks})
}

// refused reports whether sending the same again could never succeed.
func refused(err error) bool {
	for _, kind := range []error{lms.ErrInvalid, lms.ErrNotFound, lms.ErrForbidden, lms.ErrConflict, lms.ErrExpired} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

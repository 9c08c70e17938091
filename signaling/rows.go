package signaling

import (
	"lectern/lms"
	"lectern/signaling/protocol"
)

// messageRow is one row of the table of what a client may say: as web's table of routes, but for the socket.
type messageRow struct {
	kind       string
	permission lms.Permission // in the course of the room; "" for whoever holds a ticket
	handle     func(*client, protocol.Message)
}

// messageRows is every message of a client. One that is not here is not handled.
var messageRows = []messageRow{
	{"hello", "", func(c *client, _ protocol.Message) {
		c.tell(&protocol.Error{Code: protocol.CodeUnexpected, Message: "This socket has been welcomed already."})
	}},
	{"report", lms.Watch, func(c *client, m protocol.Message) { c.takeReport(m.(*protocol.Report)) }},
}

// Permissions returns what a client must be allowed for each message of the protocol, so that the test of the role matrix can
// walk them.
func Permissions() map[string]lms.Permission {
	all := make(map[string]lms.Permission, len(messageRows))
	for _, row := range messageRows {
		all[row.kind] = row.permission
	}
	return all
}

// handle is where the messages of a welcomed client go.
func (c *client) handle(m protocol.Message) {
	kind := protocol.Type(m)
	for _, row := range messageRows {
		if row.kind != kind {
			continue
		}
		if row.permission != "" && !c.id.may(row.permission) {
			e := &protocol.Error{Code: protocol.CodeRefused, Message: "Your role does not allow this."}
			if r, ok := m.(*protocol.Report); ok {
				e.Player, e.Seq = r.Player, r.Seq
			}
			c.tell(e)
			return
		}
		row.handle(c, m)
		return
	}
}

// may reports whether one of the roles in the course carries the permission.
func (id Identity) may(p lms.Permission) bool {
	for _, role := range id.Roles {
		if role.Allows(p) {
			return true
		}
	}
	return false
}

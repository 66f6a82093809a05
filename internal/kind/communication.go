package kind

import (
	"fmt"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Questions of a communication. Its heading and text may hold Placeholders.
const (
	MessageType    = "type"
	AlertRole      = "role" // whom an internal alert is for
	MessageHeading = "heading"
	MessageText    = "text"
)

// Answers to MessageType.
const (
	ToFacilities = "facility-notification"
	ToProviders  = "provider-notification"
	ToStaff      = "internal-alert"
)

// EveryRole is the answer to AlertRole that means everybody who acts.
const EveryRole = "everybody"

// MessageTypes are the titles of the answers to MessageType, as the guide calls them.
var MessageTypes = []struct{ Answer, Title string }{
	{ToFacilities, "Facility Notification"}, {ToProviders, "Provider Notification"}, {ToStaff, "Internal Alert"},
}

// AlertRoles are whom an internal alert can be for, besides EveryRole.
var AlertRoles = []staff.Role{staff.Staff, staff.TeamLead, staff.Manager, staff.Admin}

// Communication tells those who have to do with the patients: each facility,
// provider or member of staff concerned gets one mail, with the number of the
// patients and a link to a page that lists them.
var Communication = Kind{
	Name:     "communication",
	Title:    "Communication",
	Approver: staff.Manager,
	ReadOnly: true,
	Sentences: map[bulk.State]string{
		bulk.Ready:               "Read every message, give the reason and send it for approval. Nothing has been sent.",
		bulk.AwaitingApproval:    "An approver has to read the messages and decide. Nothing has been sent.",
		bulk.Running:             "The messages are being sent, one by one.",
		bulk.Stopping:            "The messages under way are being finished; no further ones begin.",
		bulk.Completed:           "Every message was sent.",
		bulk.CompletedWithErrors: "Every message was attempted; some could not be sent. Their reasons are listed below.",
		bulk.Stopped:             "The operation ended before every message was attempted. What was sent and what was not is listed below.",
		bulk.FailedState:         "The operation ended before any message was sent.",
		bulk.Rejected:            "The approver decided against it. Nothing was sent.",
		bulk.Expired:             "Its time ran out. Nothing was sent. You can ask again with the same selection.",
		bulk.Cancelled:           "The request was taken back before it ran. Nothing was sent.",
	},
	Summary: sumUpMessage,
	Check:   checkMessage,
	Tells: func(p bulk.Params) []staff.Role {
		switch {
		case p[MessageType] != ToStaff:
			return nil
		case p[AlertRole] == EveryRole:
			return AlertRoles
		}
		return []staff.Role{staff.Role(p[AlertRole])}
	},
	New: func(p bulk.Params, w World) Planner { return newMessenger(p, w) },
}

func sumUpMessage(p bulk.Params, _ registry.Directory) string {
	title := p[MessageType]
	for _, t := range MessageTypes {
		if t.Answer == title {
			title = t.Title
		}
	}
	if p[MessageType] == ToStaff {
		title += " to " + alertedWords(p)
	}
	return fmt.Sprintf("%s: %s", title, english.Brief(p[MessageHeading]))
}

// alertedWords says whom an internal alert is for.
func alertedWords(p bulk.Params) string {
	switch role := staff.Role(p[AlertRole]); role {
	case EveryRole:
		return "everybody on the staff"
	case staff.Staff:
		return "Staff"
	default:
		return role.Title() + "s"
	}
}

const (
	maxHeading = 120
	maxMessage = 3000
)

func checkMessage(p bulk.Params, _ registry.Directory) []Problem {
	c := &checker{params: p, kind: "A communication"}
	var types []string
	for _, t := range MessageTypes {
		types = append(types, t.Answer)
	}
	c.oneOf(MessageType, "Choose whom the message is for: facilities, providers or staff.", types...)
	if c.goesWith(AlertRole, p[MessageType] == ToStaff, "Only an Internal Alert asks for a role. Leave it empty.") {
		roles := []string{EveryRole}
		for _, r := range AlertRoles {
			roles = append(roles, string(r))
		}
		c.oneOf(AlertRole, "Choose whom on the staff the alert is for.", roles...)
	}
	for _, part := range []struct {
		field, name string
		most        int
		odd         func(rune) bool
	}{
		{MessageHeading, "subject", maxHeading, func(r rune) bool { return unreadable(r) }},
		{MessageText, "text", maxMessage, func(r rune) bool { return unreadable(r) && r != '\n' && r != '\r' && r != '\t' }},
	} {
		typed := strings.TrimSpace(p[part.field])
		switch length := len([]rune(typed)); {
		case typed == "":
			c.add(part.field, fmt.Sprintf("Write the %s of the message.", part.name))
		case length > part.most:
			c.add(part.field, fmt.Sprintf("Shorten the %s to %d characters; it has %d.", part.name, part.most, length))
		case strings.ContainsFunc(typed, part.odd):
			c.add(part.field, fmt.Sprintf("The %s has characters that cannot be read, or line ends where none can be. Type it again.", part.name))
		default:
			for _, problem := range checkPlaceholders(typed, p[MessageType]) {
				c.add(part.field, problem)
			}
		}
	}
	return c.done(MessageType, AlertRole, MessageHeading, MessageText)
}

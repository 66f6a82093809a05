package ses

import (
	"encoding/json"

	"bulkops/internal/fault"
)

// report is what SES tells about a mail that it had taken: the part of an event
// of a configuration set that is read here.
type report struct {
	EventType string `json:"eventType"`
	Mail      struct {
		Tags map[string][]string `json:"tags"`
	} `json:"mail"`
	Bounce struct {
		BounceType    string `json:"bounceType"`
		BounceSubType string `json:"bounceSubType"`
	} `json:"bounce"`
}

// CameBack says which notice of which operation did not arrive: SES reports what
// may pass, such as a full mailbox, only once it has given up. ok is false for any
// other mail, and for a transient bounce of no sort of its own: automatic replies
// of somebody who is away are reported so.
func CameBack(event []byte) (operation, notice string, ok bool, err error) {
	var r report
	if err := json.Unmarshal(event, &r); err != nil {
		return "", "", false, fault.Wrap(err, fault.Invalid, "The report of the mail service cannot be read.")
	}
	reply := r.Bounce.BounceType == "Transient" && r.Bounce.BounceSubType == "General"
	if r.EventType != "Reject" && (r.EventType != "Bounce" || reply) {
		return "", "", false, nil
	}
	operation, notice = only(r.Mail.Tags["operation"]), only(r.Mail.Tags["notice"])
	return operation, notice, operation != "" && notice != "", nil
}

func only(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

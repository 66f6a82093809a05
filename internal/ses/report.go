package ses

import (
	"encoding/json"

	"bulkops/internal/fault"
)

// Report is what SES tells about a mail that it had taken: the part of an event
// of a configuration set that is read here.
type Report struct {
	EventType string `json:"eventType"`
	Mail      struct {
		Tags map[string][]string `json:"tags"`
	} `json:"mail"`
	Bounce struct {
		BounceType string `json:"bounceType"`
	} `json:"bounce"`
}

// CameBack says which notice of which operation did not arrive and never will;
// ok is false for any other mail, and for what may pass, such as a full mailbox.
func CameBack(event []byte) (operation, notice string, ok bool, err error) {
	var r Report
	if err := json.Unmarshal(event, &r); err != nil {
		return "", "", false, fault.Wrap(err, fault.Invalid, "The report of the mail service cannot be read.")
	}
	if r.EventType != "Reject" && (r.EventType != "Bounce" || r.Bounce.BounceType != "Permanent") {
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

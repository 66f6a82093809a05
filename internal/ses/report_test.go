package ses_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/ses"
)

func TestWhichMailCameBack(t *testing.T) {
	text, err := os.ReadFile("../../events/bounce.json")
	if err != nil {
		t.Fatal(err)
	}
	var e events.SNSEvent
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	report := e.Records[0].SNS.Message
	bounced := func(kind, sub string) string {
		return strings.NewReplacer(`"Permanent"`, `"`+kind+`"`, `"General"`, `"`+sub+`"`).Replace(report)
	}
	for _, test := range []struct {
		name, report string
		ok           bool
	}{
		{"an address that does not exist", report, true},
		{"a mail that SES threw away", strings.Replace(report, `"Bounce"`, `"Reject"`, 1), true},
		{"a full mailbox", bounced("Transient", "MailboxFull"), true},
		{"nobody knows why", bounced("Undetermined", "Undetermined"), true},
		{"an automatic reply", bounced("Transient", "General"), false},
		{"a complaint", strings.Replace(report, `"Bounce"`, `"Complaint"`, 1), false},
		{"a mail to an approver", strings.Replace(report, `"notice"`, `"other"`, 1), false},
		{"an alarm", `{"AlarmName":"x"}`, false},
	} {
		operation, notice, ok, err := ses.CameBack([]byte(test.report))
		if err != nil || ok != test.ok || ok && (operation != "OP-SAMPLE-0001" || notice != "1-2") {
			t.Errorf("%s: %q %q %v %v", test.name, operation, notice, ok, err)
		}
	}
	if _, _, _, err := ses.CameBack([]byte("x")); err == nil {
		t.Error("what is no report was read")
	}
}

package audit_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"bulkops/internal/audit"
	"bulkops/internal/registry"
)

// delivery reads a delivery of stream records as a function gets it.
func delivery(t *testing.T, text string) []events.DynamoDBEventRecord {
	t.Helper()
	var e events.DynamoDBEvent
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	return e.Records
}

// The file was read from a stream of the local AWS: a patient imported, changed
// by an operation, changed by hand and removed; a facility and a provider; an
// event, then a result and the event changed by hand.
func TestRecordsFromAStream(t *testing.T) {
	text, err := os.ReadFile("testdata/ministack.json")
	if err != nil {
		t.Fatal(err)
	}
	streamed := delivery(t, string(text))
	at := time.Date(2026, 11, 23, 21, 31, 14, 0, time.UTC)
	unknown := audit.Person{Name: audit.Unknown}
	const name = "=SUM(A1:A9) \"Zoë\" \u202e"
	want := []audit.Record{
		{Type: audit.Change, At: at, ByHand: true, Operator: audit.Person{Name: "import of 2026-11-23"}, Patient: "000123", Part: "profile", Facility: "riverside",
			New: registry.Fields{"name": name, "status": "Active", "facility": "riverside", "tags": "diabetes high-risk"}},
		{Type: audit.Change, At: time.Date(2026, 11, 23, 21, 5, 0, 123456789, time.UTC), Operation: "OP-0SX4K2-7QFM", Batch: 3,
			Operator: audit.Person{Name: "Sam Okafor"}, Approver: audit.Person{Name: "Maria Duarte"}, Patient: "000123", Part: "profile", Facility: "riverside",
			Old: registry.Fields{"status": "Active"}, New: registry.Fields{"status": "On Hold", "hold_reason": "Family request"}},
		{Type: audit.Change, At: at, ByHand: true, Operator: unknown, Patient: "000123", Part: "profile", Facility: "riverside",
			Old: registry.Fields{"status": "On Hold", "hold_reason": "Family request"}, New: registry.Fields{"status": "Deceased"}},
		{Type: audit.Change, At: at, ByHand: true, Operator: audit.Person{Name: "sample"}, Part: "FACILITY#riverside", Facility: "riverside",
			New: registry.Fields{"name": "Riverside Clinic", "time_zone": "America/New_York"}},
		{Type: audit.Change, At: at, ByHand: true, Operator: audit.Person{Name: "sample"}, Part: "PROVIDER#P001",
			New: registry.Fields{"name": "Dr. A", "facilities": "a b", "active": "true", "n": "12", "l": "x"}},
		{Type: audit.Change, At: at, ByHand: true, Operator: unknown, Patient: "000123", Part: "profile", Facility: "riverside",
			Old: registry.Fields{"name": name, "status": "Deceased", "facility": "riverside", "tags": "diabetes high-risk"}},
		{Type: audit.Event, At: time.Date(2026, 11, 23, 21, 4, 0, 0, time.UTC), Operation: "OP-0SX4K2-7QFM", Part: "EVENT#000002",
			Operator: audit.Person{Sub: "s-1", Name: "Sam Okafor"}, What: "submitted", Detail: "120 changes; asked: Maria Duarte; 2 more may decide"},
		{Type: audit.Outcome, At: at, Operation: "OP-0SX4K2-7QFM", Part: "RESULT#00001#00"},
		{Type: audit.Event, At: at, Operation: "OP-0SX4K2-7QFM", Part: "RESULT#00001#00", ByHand: true, Operator: unknown,
			What: audit.Tampered, Detail: "RESULT#00001#00 was changed after it had been stored. Changed: body."},
		{Type: audit.Event, At: at, Operation: "OP-0SX4K2-7QFM", Part: "EVENT#000002", ByHand: true, Operator: unknown,
			What: audit.Tampered, Detail: "EVENT#000002 was removed after it had been stored."},
	}
	if len(streamed) != len(want) {
		t.Fatalf("%d stream records, want %d", len(streamed), len(want))
	}
	for i, from := range streamed {
		got, ok, err := audit.FromStream(from)
		if err != nil || ok != (want[i].Type != "") {
			t.Errorf("record %d: ok %v, error %v", i, ok, err)
			continue
		}
		if ok {
			want[i].Unique = from.EventID
		}
		if diff := cmp.Diff(want[i], got, equalFields); diff != "" {
			t.Errorf("record %d (-want +got):\n%s", i, diff)
		}
	}
}

// No fields and an empty set of fields are the same.
var equalFields = cmp.Comparer(func(a, b registry.Fields) bool {
	if len(a) != len(b) {
		return false
	}
	for name, value := range a {
		if v, ok := b[name]; !ok || v != value {
			return false
		}
	}
	return true
})

// streamRecord is one that API documents of DynamoDB Streams show, with
// replaced keys and images.
func streamRecord(name, pk, sk, old, new string) string {
	image := func(key, text string) string {
		if text == "" {
			return ""
		}
		return `,"` + key + `":` + text
	}
	return `{"eventID":"c4ca4238a0b923820dcc509a6f75849b","eventName":"` + name + `","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"us-east-1",
	"dynamodb":{"ApproximateCreationDateTime":1.795467874E9,"Keys":{"pk":{"S":"` + pk + `"},"sk":{"S":"` + sk + `"}}` +
		image("OldImage", old) + image("NewImage", new) + `,"SequenceNumber":"4421584500000000017450439091","SizeBytes":26,"StreamViewType":"NEW_AND_OLD_IMAGES"},
	"eventSourceARN":"arn:aws:dynamodb:us-east-1:123456789012:table/bulkops-Registry/stream/2026-11-23T20:00:00.000"}`
}

func one(t *testing.T, text string) events.DynamoDBEventRecord {
	t.Helper()
	return delivery(t, `{"Records":[`+text+`]}`)[0]
}

func TestWhoMadeAChange(t *testing.T) {
	const op = `"stamp_op":{"S":"OP-1"},"stamp_batch":{"N":"2"},"stamp_by":{"S":"Sam"},"stamp_approver":{"S":"Maria"},"stamp_at":{"S":"2026-11-23T21:00:00Z"}`
	const later = `"stamp_op":{"S":"OP-1"},"stamp_batch":{"N":"2"},"stamp_by":{"S":"Sam"},"stamp_approver":{"S":"Maria"},"stamp_at":{"S":"2026-11-23T21:00:01Z"}`
	const hand = `"stamp_by":{"S":"Rita"},"stamp_at":{"S":"2026-11-23T20:00:00Z"}`
	for name, c := range map[string]struct {
		event, old, new     string
		operation, operator string
	}{
		"an operation, on a record without a stamp":     {"MODIFY", `"a":{"S":"1"}`, `"a":{"S":"2"},` + op, "OP-1", "Sam"},
		"an operation, on a record changed by hand":     {"MODIFY", `"a":{"S":"1"},` + hand, `"a":{"S":"2"},` + op, "OP-1", "Sam"},
		"an operation, on a record it changed before":   {"MODIFY", `"a":{"S":"1"},` + op, `"a":{"S":"2"},` + later, "OP-1", "Sam"},
		"an operation that makes a record":              {"INSERT", "", `"a":{"S":"2"},` + op, "OP-1", "Sam"},
		"somebody, after an operation":                  {"MODIFY", `"a":{"S":"1"},` + op, `"a":{"S":"2"},` + hand, "", "Rita"},
		"somebody who left the operation's stamp alone": {"MODIFY", `"a":{"S":"1"},` + op, `"a":{"S":"2"},` + op, "", audit.Unknown},
		"somebody who left a stamp made by hand alone":  {"MODIFY", `"a":{"S":"1"},` + hand, `"a":{"S":"2"},` + hand, "", audit.Unknown},
		"somebody who removed the stamp":                {"MODIFY", `"a":{"S":"1"},` + op, `"a":{"S":"2"}`, "", audit.Unknown},
		"somebody who made a record without a stamp":    {"INSERT", "", `"a":{"S":"2"}`, "", audit.Unknown},
		"somebody who removed a record of an operation": {"REMOVE", `"a":{"S":"2"},` + op, "", "", audit.Unknown},
		"the import": {"INSERT", "", `"a":{"S":"2"},"stamp_by":{"S":"import 10-patients"},"stamp_at":{"S":"2026-11-23T20:00:00Z"}`, "", "import 10-patients"},
		"somebody with a stamp that has a name, no time":  {"MODIFY", `"a":{"S":"1"}`, `"a":{"S":"2"},"stamp_by":{"S":"Rita"}`, "", "Rita"},
		"somebody who changed nothing but a stamp's name": {"MODIFY", `"a":{"S":"1"},` + hand, `"a":{"S":"1"},"stamp_by":{"S":"Eve"},"stamp_at":{"S":"2026-11-23T20:00:00Z"}`, "", "Eve"},
	} {
		t.Run(name, func(t *testing.T) {
			braces := func(s string) string {
				if s == "" {
					return ""
				}
				return "{" + s + "}"
			}
			got, ok, err := audit.FromStream(one(t, streamRecord(c.event, "PATIENT#1", "profile", braces(c.old), braces(c.new))))
			if err != nil || !ok {
				t.Fatalf("ok %v, error %v", ok, err)
			}
			if got.Operation != c.operation || got.ByHand != (c.operation == "") || got.Operator.Name != c.operator {
				t.Errorf("operation %q, by hand %v, operator %q", got.Operation, got.ByHand, got.Operator.Name)
			}
			if got.ByHand && !got.At.Equal(time.Unix(1795467874, 0)) {
				t.Errorf("a change by hand is dated %v, not as the stream dates it", got.At)
			}
		})
	}
}

func TestWhatIsNoMatterForTheAudit(t *testing.T) {
	for _, c := range [][3]string{
		{"INSERT", "OP#OP-1", "PLAN#run#BATCH#00001"},
		{"INSERT", "OP#OP-1", "TALLY#00001#00"}, {"INSERT", "OP#OP-1", "TOKEN#review"},
		{"MODIFY", "OP#OP-1", "TOKEN#review"}, {"REMOVE", "OP#OP-1", "TOKEN#review"}, {"INSERT", "OP#OP-1", "MAIL#ask"},
		{"INSERT", "OP#OP-1", "SELECTION#0001"}, {"REMOVE", "OP#OP-1", "SELECTION#0001"}, {"INSERT", "KEY#s-1", "abc"},
		{"INSERT", "SESSION#" + strings.Repeat("0a", 32), "SESSION"}, {"REMOVE", "LIST#" + strings.Repeat("f9", 32), "LIST"},
	} {
		if _, ok, err := audit.FromStream(one(t, streamRecord(c[0], c[1], c[2], `{"a":{"S":"1"}}`, `{"a":{"S":"2"}}`))); ok || err != nil {
			t.Errorf("%v: ok %v, error %v", c, ok, err)
		}
	}
}

// A message is audited when a call sets out to send it, and with its outcome.
func TestMessagesAreAudited(t *testing.T) {
	claim, sent := `{"recipient":{"S":"fac-1"}}`, `{"recipient":{"S":"fac-1"},"outcome":{"S":"done"}}`
	for _, c := range []struct{ event, old, new, what string }{
		{"INSERT", "", claim, "message begun"},
		{"MODIFY", claim, sent, "message done"},
		{"MODIFY", claim, strings.Replace(sent, "done", "failed", 1), "message failed"},
		{"INSERT", "", strings.Replace(sent, "done", "not attempted", 1), ""},
		{"MODIFY", sent, claim, audit.Tampered},
		{"REMOVE", sent, "", audit.Tampered},
		{"REMOVE", claim, "", audit.Tampered},
	} {
		got, ok, err := audit.FromStream(one(t, streamRecord(c.event, "OP#OP-1", "NOTICE#00002#016", c.old, c.new)))
		if err != nil || ok != (c.what != "") || got.What != c.what {
			t.Errorf("%s of %s: %+v %v %v", c.event, c.new, got, ok, err)
		}
		if strings.HasPrefix(c.what, "message") && (got.Detail != "Message 2-17 to fac-1" || got.Operation != "OP-1" || got.Type != audit.Event || got.ByHand) {
			t.Errorf("%+v", got)
		}
	}
}

func TestAStoredPartThatSomebodyChangesIsAnEvent(t *testing.T) {
	for _, part := range []string{"EVENT#000001", "PLAN#run#BATCH#00001", "PLAN#run#EXCLUDED#00001", "RESULT#00001#00", "TALLY#00001#00"} {
		for _, did := range []string{"MODIFY", "REMOVE"} {
			got, ok, err := audit.FromStream(one(t, streamRecord(did, "OP#OP-1", part, `{"body":{"B":"AQID"}}`, `{"body":{"B":"AQIE"}}`)))
			if err != nil || !ok || got.What != audit.Tampered || !got.ByHand || got.Operation != "OP-1" || got.Part != part {
				t.Errorf("%s %s: %+v %v %v", did, part, got, ok, err)
			}
		}
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"no id":                  strings.Replace(streamRecord("INSERT", "PATIENT#1", "profile", "", `{"a":{"S":"1"}}`), `"eventID":"c4ca4238a0b923820dcc509a6f75849b",`, "", 1),
		"no time":                strings.Replace(streamRecord("INSERT", "PATIENT#1", "profile", "", `{"a":{"S":"1"}}`), `"ApproximateCreationDateTime":1.795467874E9,`, "", 1),
		"no key":                 strings.Replace(streamRecord("INSERT", "PATIENT#1", "profile", "", `{"a":{"S":"1"}}`), `"sk":{"S":"profile"}`, `"other":{"S":"profile"}`, 1),
		"a key that is no text":  strings.Replace(streamRecord("INSERT", "PATIENT#1", "profile", "", `{"a":{"S":"1"}}`), `"sk":{"S":"profile"}`, `"sk":{"N":"1"}`, 1),
		"an event without text":  streamRecord("INSERT", "OP#OP-1", "EVENT#000001", "", `{"body":{"B":"AQID"}}`),
		"an event of nothing":    streamRecord("INSERT", "OP#OP-1", "EVENT#000001", "", `{"body":{"S":"{}"}}`),
		"an event, no JSON":      streamRecord("INSERT", "OP#OP-1", "EVENT#000001", "", `{"body":{"S":"x"}}`),
		"a stamp without a time": streamRecord("INSERT", "PATIENT#1", "profile", "", `{"a":{"S":"1"},"stamp_op":{"S":"OP-1"},"stamp_at":{"S":"yesterday"}}`),
	} {
		if got, ok, err := audit.FromStream(one(t, text)); err == nil || ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestKeysSortByTimeAndTellRecordsApart(t *testing.T) {
	at := time.Date(2026, 11, 23, 23, 59, 59, 7_000_000, time.FixedZone("", -3600))
	byHand := audit.Record{At: at, Type: audit.Change, Unique: "u-1"}
	if got := byHand.Partition() + " " + byHand.SortKey(); got != "HAND#2026-11-24 2026-11-24T00:59:59.007Z#CHANGE#u-1" {
		t.Error(got)
	}
	event := audit.Record{At: at, Type: audit.Event, Unique: "u-2", Operation: "OP-1"}
	if got := event.Partition() + " " + event.SortKey(); got != "OP#OP-1 2026-11-24T00:59:59.007Z#EVENT#u-2" {
		t.Error(got)
	}
}

// What is stored and compared is this text: a change of it is a change of the audit's form.
func TestCanonicalForm(t *testing.T) {
	text, err := json.Marshal(audit.Record{
		At: time.Date(2026, 11, 23, 21, 5, 0, 0, time.UTC), Type: audit.Change, Unique: "u", Operation: "OP-1", Kind: "status-change", Batch: 3,
		Operator: audit.Person{Sub: "s", Name: "Sam"}, Approver: audit.Person{Sub: "m", Name: "Maria"}, Reason: "Insurance lapse",
		Patient: "1", Part: "profile", Old: registry.Fields{"status": "Active"}, New: registry.Fields{"status": "On Hold", "hold_reason": "Insurance lapse"},
	})
	const want = `{"at":"2026-11-23T21:05:00Z","type":"change","unique":"u","operation":"OP-1","kind":"status-change","batch":3,` +
		`"operator":{"sub":"s","name":"Sam"},"approver":{"sub":"m","name":"Maria"},"reason":"Insurance lapse",` +
		`"patient":"1","part":"profile","old":{"status":"Active"},"new":{"hold_reason":"Insurance lapse","status":"On Hold"}}`
	if err != nil || string(text) != want {
		t.Errorf("%v\n got %s\nwant %s", err, text, want)
	}
}

// A change of the staff directory says who made it, whoever that was.
func TestAChangeOfRights(t *testing.T) {
	const was = `"role":{"S":"staff"},"facilities":{"L":[{"S":"riverside"}]},"disabled":{"BOOL":false},"stamp_by":{"S":"Ida"},"stamp_sub":{"S":"sub-ida"},"stamp_version":{"N":"1"}`
	for name, c := range map[string]struct {
		is       string
		operator audit.Person
		changed  registry.Fields
	}{
		"by an administrator": {`"role":{"S":"manager"},"facilities":{"L":[{"S":"riverside"},{"S":"lakeside"}]},"disabled":{"BOOL":false},"stamp_by":{"S":"Ida"},"stamp_sub":{"S":"sub-ida"},"stamp_version":{"N":"2"}`,
			audit.Person{Sub: "sub-ida", Name: "Ida"}, registry.Fields{"role": "manager", "facilities": "riverside lakeside"}},
		"in the console": {`"role":{"S":"staff"},"facilities":{"L":[{"S":"riverside"}]},"disabled":{"BOOL":true},"stamp_by":{"S":"Ida"},"stamp_sub":{"S":"sub-ida"},"stamp_version":{"N":"1"}`,
			audit.Person{Name: audit.Unknown}, registry.Fields{"disabled": "true"}},
	} {
		got, ok, err := audit.FromStream(one(t, streamRecord("MODIFY", "STAFF#sub-sam", "STAFF", "{"+was+"}", "{"+c.is+"}")))
		if err != nil || !ok || got.Part != "STAFF#sub-sam#STAFF" || got.Operator != c.operator || !equal(got.New, c.changed) || got.Patient != "" || !got.ByHand {
			t.Errorf("%s: %+v %v %v", name, got, ok, err)
		}
	}
}

func equal(a, b registry.Fields) bool { return cmp.Equal(a, b, equalFields) }

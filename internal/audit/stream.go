package audit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// The keys by which the items of the tables are told apart. (internal/dynamo/keys.go)
const (
	patientPrefix   = "PATIENT#"
	operationPrefix = "OP#"
	submitPrefix    = "KEY#"
	headerPart      = "HEADER"
	eventPrefix     = "EVENT#"
	noticePrefix    = "NOTICE#"
	resultPrefix    = "RESULT#"
	facilities      = "FACILITY"
)

// shortLived are the partitions of sessions, forms and links in the Access
// table: a kind and a hash.
var shortLived = regexp.MustCompile(`^[A-Z]+#[0-9a-f]{64}$`)

// addedOnly begin the sort keys of what is stored once for an operation and
// then neither changed nor removed by anything in bulkops; a message only until
// it has its outcome.
var addedOnly = []string{eventPrefix, noticePrefix, resultPrefix, "PLAN#", "TALLY#"}

// FromStream returns the audit record for one stream record of the Registry, the
// Operations or the Access table; ok is false where there is nothing to audit. It looks
// at the stream record alone: what the operation's header adds is added by
// Recorder, which also makes, of the one record for the result of a group, those
// of its patients, and drops the one for a header whose event is stored. An error
// means that no repeat can help.
func FromStream(r events.DynamoDBEventRecord) (record Record, ok bool, err error) {
	if r.EventID == "" || r.Change.ApproximateCreationDateTime.IsZero() {
		return Record{}, false, fmt.Errorf("a stream record without an id or a time")
	}
	partition, err := keyText(r, "pk")
	if err != nil {
		return Record{}, false, err
	}
	part, err := keyText(r, "sk")
	if err != nil {
		return Record{}, false, err
	}
	record = Record{Unique: r.EventID, At: r.Change.ApproximateCreationDateTime.UTC()}
	switch {
	case strings.HasPrefix(partition, operationPrefix):
		record.Type, record.Operation, record.Part = Event, strings.TrimPrefix(partition, operationPrefix), part
		return fromOperations(r, part, record)
	case strings.HasPrefix(partition, submitPrefix):
		return Record{}, false, nil
	case strings.HasPrefix(partition, patientPrefix):
		record.Patient, record.Part = strings.TrimPrefix(partition, patientPrefix), part
	case shortLived.MatchString(partition):
		return Record{}, false, nil
	case partition == facilities:
		record.Facility, record.Part = part, partition+"#"+part
	default:
		record.Part = partition + "#" + part
	}
	return fromRegistry(r, record)
}

func keyText(r events.DynamoDBEventRecord, name string) (string, error) {
	if v, ok := r.Change.Keys[name]; ok && v.DataType() == events.DataTypeString {
		return v.String(), nil
	}
	return "", fmt.Errorf("a stream record without the key %s", name)
}

// fromRegistry makes the record of a changed registry item. The change is the
// operation's whose stamp it set; without a new stamp of an operation it was
// made by hand. The time of a change by hand is the stream's, which nobody who
// writes items can choose.
func fromRegistry(r events.DynamoDBEventRecord, record Record) (Record, bool, error) {
	before, after := texts(r.Change.OldImage), texts(r.Change.NewImage)
	record.Type = Change
	record.Old, record.New = difference(before, after)
	if record.Patient != "" {
		record.Facility = cmp.Or(after[registry.FacilityField], before[registry.FacilityField])
	}
	stamped := len(after) > 0 && !sameStamp(before, after)
	if stamped && after[registry.StampOperation] != "" {
		at, err := time.Parse(time.RFC3339Nano, after[registry.StampAt])
		if err != nil {
			return Record{}, false, fmt.Errorf("the stamp of a record has no time")
		}
		record.At, record.Operation = at.UTC(), after[registry.StampOperation]
		record.Batch, _ = strconv.Atoi(after[registry.StampBatch])
		record.Operator, record.Approver = Person{Name: after[registry.StampBy]}, Person{Name: after[registry.StampApprover]}
		return record, true, nil
	}
	record.ByHand, record.Operator = true, Person{Name: Unknown}
	if stamped && after[registry.StampBy] != "" {
		record.Operator = Person{Sub: after[registry.StampSub], Name: after[registry.StampBy]}
	}
	return record, true, nil
}

func sameStamp(a, b map[string]string) bool {
	for _, name := range []string{registry.StampOperation, registry.StampBatch, registry.StampBy, registry.StampApprover, registry.StampAt, registry.StampVersion} {
		if a[name] != b[name] {
			return false
		}
	}
	return true
}

// difference returns the fields whose values differ, with both values. A field
// that is absent has none.
func difference(before, after map[string]string) (was, is registry.Fields) {
	was, is = registry.Fields{}, registry.Fields{}
	for name, value := range before {
		if isField(name) && after[name] != value {
			was[name] = value
		}
	}
	for name, value := range after {
		if isField(name) && before[name] != value {
			is[name] = value
		}
	}
	return was, is
}

func isField(name string) bool {
	return name != "pk" && name != "sk" && !strings.HasPrefix(name, registry.StampPrefix)
}

// fromOperations makes the record of an event, or of a stored part of an
// operation that somebody changed.
func fromOperations(r events.DynamoDBEventRecord, part string, record Record) (Record, bool, error) {
	inserted := r.EventName == string(events.DynamoDBOperationTypeInsert)
	switch {
	case inserted && strings.HasPrefix(part, eventPrefix):
		body := r.Change.NewImage["body"]
		if body.DataType() != events.DataTypeString {
			return Record{}, false, fmt.Errorf("an event without a readable body")
		}
		var e bulk.Event
		if json.Unmarshal([]byte(body.String()), &e) != nil || e.What == "" || e.At.IsZero() {
			return Record{}, false, fmt.Errorf("an event that cannot be read")
		}
		record.At, record.Operator = e.At.UTC(), personOf(e.Actor)
		record.What, record.Detail = e.What, e.Detail
		return record, true, nil
	case inserted && strings.HasPrefix(part, resultPrefix):
		record.Type = Outcome
		return record, true, nil
	case strings.HasPrefix(part, noticePrefix) && r.EventName != string(events.DynamoDBOperationTypeRemove) && textAt(r.Change.OldImage, "outcome") == "":
		return fromNotice(r, part, record)
	case !inserted && slices.ContainsFunc(addedOnly, func(prefix string) bool { return strings.HasPrefix(part, prefix) }):
		did := "changed"
		if r.EventName == string(events.DynamoDBOperationTypeRemove) {
			did = "removed"
		}
		record = tampered(record, fmt.Sprintf("%s was %s after it had been stored.", part, did))
		was, is := difference(texts(r.Change.OldImage), texts(r.Change.NewImage))
		if fields := slices.Sorted(maps.Keys(union(was, is))); did == "changed" && len(fields) > 0 {
			record.Detail += " Changed: " + strings.Join(fields, ", ") + "."
		}
		return record, true, nil
	case part == headerPart:
		return fromHeader(r, record), true, nil
	}
	return Record{}, false, nil
}

// fromNotice makes the record of a message that a call sets out to send, and of
// what became of it. One that was kept from being sent is no event.
func fromNotice(r events.DynamoDBEventRecord, part string, record Record) (Record, bool, error) {
	var batch, change int
	if _, err := fmt.Sscanf(part, noticePrefix+"%d#%d", &batch, &change); err != nil {
		return Record{}, false, fmt.Errorf("a message without a number")
	}
	outcome := textAt(r.Change.NewImage, "outcome")
	if outcome == string(bulk.NotAttempted) {
		return Record{}, false, nil
	}
	record.What, record.Operator = MessageBegun, personOf(bulk.Person{})
	if outcome != "" {
		record.What = MessagePrefix + outcome
	}
	record.Detail = fmt.Sprintf("Message %d-%d to %s", batch, change+1, textAt(r.Change.NewImage, "recipient"))
	return record, true, nil
}

func tampered(record Record, detail string) Record {
	record.ByHand, record.Operator = true, Person{Name: Unknown}
	record.What, record.Detail = Tampered, detail
	return record
}

func textAt(image map[string]events.DynamoDBAttributeValue, name string) string {
	if v, ok := image[name]; ok {
		return textOf(v)
	}
	return ""
}

func union(a, b registry.Fields) registry.Fields {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

// texts returns an image's attributes as texts; what is no text is given as
// JSON, so that nothing of a change made by hand is lost.
func texts(image map[string]events.DynamoDBAttributeValue) map[string]string {
	values := make(map[string]string, len(image))
	for name, v := range image {
		values[name] = textOf(v)
	}
	return values
}

// textsOf returns the entries of a list; ok is false where one is no text.
func textsOf(list []events.DynamoDBAttributeValue) (entries []string, ok bool) {
	for _, entry := range list {
		if entry.DataType() != events.DataTypeString {
			return nil, false
		}
		entries = append(entries, entry.String())
	}
	return entries, true
}

func textOf(v events.DynamoDBAttributeValue) string {
	switch v.DataType() {
	case events.DataTypeString:
		return v.String()
	case events.DataTypeNumber:
		return v.Number()
	case events.DataTypeBoolean:
		return strconv.FormatBool(v.Boolean())
	case events.DataTypeStringSet:
		return strings.Join(slices.Sorted(slices.Values(v.StringSet())), " ")
	case events.DataTypeList:
		if entries, ok := textsOf(v.List()); ok {
			return strings.Join(entries, " ")
		}
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(encoded)
}

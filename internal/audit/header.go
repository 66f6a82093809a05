package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/fault"
)

// An operation's header is written together with the event of the same number,
// one after the other, and never removed. Whoever writes it otherwise could say
// that something was decided which nobody has decided.

// settles is how long after one item of a transaction each other of it can be
// read, with much to spare.
const settles = time.Second

// fromHeader makes the record of a header that nothing in bulkops can have
// written. One that follows the version before waits for the look at its event.
func fromHeader(r events.DynamoDBEventRecord, record Record) Record {
	if r.EventName == string(events.DynamoDBOperationTypeRemove) {
		return tampered(record, "HEADER was removed.")
	}
	was, is := versionOf(r.Change.OldImage), versionOf(r.Change.NewImage)
	if is != was+1 {
		return tampered(record, fmt.Sprintf("HEADER was written as version %d where version %d was stored.%s", is, was, changedIn(r)))
	}
	return record
}

// withoutEvent makes the record of a header for whose version there is no event.
func (r *Recorder) withoutEvent(ctx context.Context, from events.DynamoDBEventRecord, header Record) ([]Record, error) {
	version := versionOf(from.Change.NewImage)
	_, err := r.Event(ctx, header.Operation, version)
	if fault.Is(err, fault.NotFound) {
		time.Sleep(settles) // a single read may come between the writes of a transaction
		_, err = r.Event(ctx, header.Operation, version)
	}
	switch {
	case err == nil:
		return nil, nil
	case fault.Is(err, fault.NotFound):
		return []Record{tampered(header, fmt.Sprintf("HEADER was written as version %d without an event.%s", version, changedIn(from)))}, nil
	}
	return nil, fmt.Errorf("%w: read an event: %w", errStore, err)
}

// versionOf is the version of a header; 0 where there is none.
func versionOf(image map[string]events.DynamoDBAttributeValue) int {
	version, _ := strconv.Atoi(textAt(image, "version"))
	return version
}

// changedIn says which parts of a header differ.
func changedIn(r events.DynamoDBEventRecord) string {
	was, is := partsOf(r.Change.OldImage), partsOf(r.Change.NewImage)
	maps.DeleteFunc(is, func(name string, value json.RawMessage) bool {
		old, both := was[name]
		same := both && string(old) == string(value)
		if same {
			delete(was, name)
		}
		return same
	})
	maps.Copy(is, was)
	if len(is) == 0 {
		return ""
	}
	return " Changed: " + strings.Join(slices.Sorted(maps.Keys(is)), ", ") + "."
}

// partsOf are the parts of a header by their names; none of one that cannot be read.
func partsOf(image map[string]events.DynamoDBAttributeValue) map[string]json.RawMessage {
	parts := map[string]json.RawMessage{}
	if json.Unmarshal([]byte(textAt(image, "body")), &parts) != nil || parts == nil {
		return map[string]json.RawMessage{}
	}
	return parts
}

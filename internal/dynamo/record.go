package dynamo

import (
	"strings"
	"time"

	"bulkops/internal/registry"
)

// Attributes of a record's stamp. What else an item of the Registry table
// holds besides its key are the record's fields.
const (
	stampPrefix    = "stamp_"
	stampOperation = stampPrefix + "op"
	stampBatch     = stampPrefix + "batch"
	stampBy        = stampPrefix + "by"
	stampApprover  = stampPrefix + "approver"
	stampAt        = stampPrefix + "at"
)

func recordItem(r registry.Record) item {
	i := recordKey(r.Ref).item()
	for field, value := range r.Fields {
		if value != "" {
			i[field] = text(value)
		}
	}
	return stamped(i, r.Stamp)
}

// stamped adds a stamp to an item.
func stamped(i item, s registry.Stamp) item {
	for name, value := range stampAttributes(s) {
		if value != nil {
			i[name] = value
		}
	}
	return i
}

// stampAttributes returns every attribute of a stamp, nil where it is absent.
func stampAttributes(s registry.Stamp) item {
	attributes := item{stampOperation: nil, stampBatch: nil, stampBy: text(s.By), stampApprover: nil,
		stampAt: text(s.At.UTC().Format(time.RFC3339Nano))}
	if s.Operation != "" {
		attributes[stampOperation] = text(s.Operation)
	}
	if s.Batch != 0 {
		attributes[stampBatch] = number(int64(s.Batch))
	}
	if s.Approver != "" {
		attributes[stampApprover] = text(s.Approver)
	}
	return attributes
}

func recordOf(i item) registry.Record {
	r := registry.Record{Ref: refOf(i), Fields: make(registry.Fields, len(i))}
	for name, value := range i {
		if name != "pk" && name != "sk" && !strings.HasPrefix(name, stampPrefix) {
			r.Fields[name] = textOf(value)
		}
	}
	r.Stamp = registry.Stamp{
		Operation: textOf(i[stampOperation]),
		Batch:     int(numberOf(i[stampBatch])),
		By:        textOf(i[stampBy]),
		Approver:  textOf(i[stampApprover]),
	}
	r.Stamp.At, _ = time.Parse(time.RFC3339Nano, textOf(i[stampAt])) // zero for a record that somebody put into the table unstamped
	return r
}

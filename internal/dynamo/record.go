package dynamo

import (
	"strings"
	"time"

	"bulkops/internal/registry"
)

// recordItem is the item of a record: its key, its fields and its stamp.
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
	attributes := item{registry.StampOperation: nil, registry.StampBatch: nil, registry.StampBy: text(s.By), registry.StampApprover: nil,
		registry.StampAt: text(s.At.UTC().Format(time.RFC3339Nano))}
	if s.Operation != "" {
		attributes[registry.StampOperation] = text(s.Operation)
	}
	if s.Batch != 0 {
		attributes[registry.StampBatch] = number(int64(s.Batch))
	}
	if s.Approver != "" {
		attributes[registry.StampApprover] = text(s.Approver)
	}
	return attributes
}

func recordOf(i item) registry.Record {
	r := registry.Record{Ref: refOf(i), Fields: make(registry.Fields, len(i))}
	for name, value := range i {
		if name != "pk" && name != "sk" && !strings.HasPrefix(name, registry.StampPrefix) {
			r.Fields[name] = textOf(value)
		}
	}
	r.Stamp = registry.Stamp{
		Operation: textOf(i[registry.StampOperation]),
		Batch:     int(numberOf(i[registry.StampBatch])),
		By:        textOf(i[registry.StampBy]),
		Approver:  textOf(i[registry.StampApprover]),
	}
	r.Stamp.At, _ = time.Parse(time.RFC3339Nano, textOf(i[registry.StampAt])) // zero for a record that somebody put into the table unstamped
	return r
}

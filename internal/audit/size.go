package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"bulkops/internal/registry"
)

const (
	// maxItem is the most bytes of an item, with names (AWS, DynamoDB quotas).
	maxItem = 400 << 10
	// maxEncoded is the most bytes of a record's JSON, which is what an item holds
	// of it; its keys take some thousands more. A byte of a text takes up to six.
	maxEncoded = 380_000
	// allFields stands for fields that are too many to be named.
	allFields = "(all fields)"
)

// fitting returns the record as it fits into an item: as many of its longest
// texts as must be are replaced by their sizes and digests, and the fields of
// before and after as a whole where they are too many. The same record always
// becomes the same.
func (r Record) fitting() Record {
	excess := encodedSize(r) - maxEncoded
	if excess <= 0 {
		return r
	}
	type part struct {
		text string
		size int
		put  func(string)
	}
	var parts []part
	for _, text := range []*string{&r.Detail, &r.What, &r.Reason, &r.Kind, &r.Facility, &r.Operator.Sub, &r.Operator.Name, &r.Approver.Sub, &r.Approver.Name} {
		parts = append(parts, part{*text, encodedSize(*text), func(short string) { *text = short }})
	}
	r.Old, r.New = maps.Clone(r.Old), maps.Clone(r.New)
	for _, fields := range []registry.Fields{r.Old, r.New} {
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			parts = append(parts, part{fields[name], encodedSize(fields[name]), func(short string) { fields[name] = short }})
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.size, a.size) })
	for _, p := range parts {
		short := digestOf(p.text)
		saved := p.size - encodedSize(short)
		if excess <= 0 || saved <= 0 {
			break
		}
		p.put(short)
		excess -= saved
	}
	if excess > 0 {
		r.Old, r.New = together(r.Old), together(r.New)
	}
	return r
}

// together stands for all fields of a record.
func together(fields registry.Fields) registry.Fields {
	if len(fields) == 0 {
		return fields
	}
	encoded, _ := json.Marshal(fields) // texts can always be encoded
	return registry.Fields{allFields: digestOf(string(encoded))}
}

// digestOf stands for a text that is too long.
func digestOf(text string) string {
	return fmt.Sprintf("(%d bytes, SHA-256 %x)", len(text), sha256.Sum256([]byte(text)))
}

// encodedSize is how many bytes the JSON of a text or a record has.
func encodedSize(v any) int {
	encoded, _ := json.Marshal(v) // a time that has none is stored by nobody (Record.Item)
	return len(encoded)
}

// size is how many bytes DynamoDB counts.
func (i Item) size() (bytes int) {
	for name, value := range i {
		bytes += len(name) + len(value)
	}
	return bytes
}

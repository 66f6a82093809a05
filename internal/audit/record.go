// Package audit turns what the tables' streams report into audit records: one
// for every change of a record in the registry, whoever made it, and one for
// every event of an operation. Records are only ever added.
package audit

import (
	"context"
	"iter"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// Type says what an audit record is about. Stored: a contract.
type Type string

const (
	Change Type = "change" // of one record: fields before and after
	Event  Type = "event"  // something happened to an operation
)

// Record is one audit record. Its JSON, as encoding/json writes it, is its
// canonical form: fields in this order, the keys of Old and New sorted, times
// in UTC.
type Record struct {
	At     time.Time `json:"at"`     // UTC
	Type   Type      `json:"type"`   //
	Unique string    `json:"unique"` // of the stream record: the same in a repeated delivery

	Operation string `json:"operation,omitempty"` // empty for what was done outside any
	Kind      string `json:"kind,omitempty"`      // of the operation
	Batch     int    `json:"batch,omitempty"`     // of the operation's plan
	ByHand    bool   `json:"by_hand,omitempty"`   // made outside every operation

	Operator Person `json:"operator"`          // who asked for it or did it
	Approver Person `json:"approver,omitzero"` // who approved the operation
	Reason   string `json:"reason,omitempty"`  // of the operation

	// The record that was changed: the patient and the part of what is kept about
	// that patient; of a record that is no patient's, only the part, e.g.
	// FACILITY#riverside; of an operation's record its part, e.g. EVENT#000003.
	// Old and New hold only the fields that differ; New is empty where the record
	// was removed, Old where it was new.
	Patient string          `json:"patient,omitempty"`
	Part    string          `json:"part,omitempty"`
	Old     registry.Fields `json:"old,omitempty"`
	New     registry.Fields `json:"new,omitempty"`

	// An event: what happened, as bulk.Event has it, or Tampered.
	What   string `json:"what,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Person is who did something. Without a Sub it is only a name: of the system,
// of a program, or Unknown.
type Person struct {
	Sub  string `json:"sub,omitempty"`
	Name string `json:"name"`
}

// Names of operators who are no members of staff.
const (
	System  = "bulkops"                  // the system itself, e.g. when it plans
	Unknown = "unknown, outside bulkops" // a record was written without saying by whom
)

// Tampered is what happened when a stored part of an operation that is only
// ever added was changed or removed.
const Tampered = "changed-by-hand"

func personOf(p bulk.Person) Person {
	if p == (bulk.Person{}) {
		return Person{Name: System}
	}
	return Person{Sub: p.Sub, Name: p.Name}
}

// TimeLayout is how the key and the indexes hold the time: it sorts as text.
const TimeLayout = "2006-01-02T15:04:05.000Z"

// Day is the UTC day of the record.
func (r Record) Day() string { return r.At.UTC().Format(time.DateOnly) }

// Partition is the first part of the record's key: its operation, or the day
// for what was done by hand.
func (r Record) Partition() string {
	if r.Operation == "" {
		return "HAND#" + r.Day()
	}
	return "OP#" + r.Operation
}

// SortKey is the second part of the record's key. Within a partition it sorts
// by time.
func (r Record) SortKey() string {
	mark := "#CHANGE#"
	if r.Type == Event {
		mark = "#EVENT#"
	}
	return r.At.UTC().Format(TimeLayout) + mark + r.Unique
}

// Log keeps audit records. It never changes or removes one.
type Log interface {
	// Append stores the records, in any number and order. One whose key is
	// stored already is left as it is, so a repeat does nothing. On an error any
	// part of them may have been stored.
	Append(ctx context.Context, records []Record) error
}

// Reader reads the audit log.
type Reader interface {
	// ForOperation yields what is recorded of an operation, oldest first.
	ForOperation(ctx context.Context, operation string) iter.Seq2[Record, error]
	// ForOperationAfter yields of it what comes after the record with the sort key.
	ForOperationAfter(ctx context.Context, operation, sortKey string) iter.Seq2[Record, error]
	// ForPatient yields the changes of a patient's records, newest first.
	ForPatient(ctx context.Context, patient string) iter.Seq2[Record, error]
	// ForDay yields what was recorded on the UTC day (2006-01-02), oldest first.
	ForDay(ctx context.Context, day string) iter.Seq2[Record, error]
}

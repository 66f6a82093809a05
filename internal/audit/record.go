// Package audit holds the audit records: one for every change of a record in
// the registry, whoever made it, one for every patient of a plan whose outcome no
// such change shows, and one for every event of an operation, all made from what
// the tables' streams report; and one for everything that somebody looked at, did
// or tried at the portal and the API. Records are only ever added.
package audit

import (
	"context"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// Type says what an audit record is about. Stored: a contract.
type Type string

const (
	Change  Type = "change"  // of one record: fields before and after
	Outcome Type = "outcome" // of a patient in a plan, where no change shows it
	Event   Type = "event"   // something happened to an operation
	Access  Type = "access"  // somebody looked, did or tried at the portal or the API
)

// Record is one audit record. Its JSON, as encoding/json writes it, is its
// canonical form: fields in this order, the keys of Old and New sorted, times
// in UTC.
type Record struct {
	At     time.Time `json:"at"`     // UTC
	Type   Type      `json:"type"`   //
	Unique string    `json:"unique"` // of the stream record, and of the patient in it: the same in a repeated delivery; of an access: random

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

	// An event: what happened, as bulk.Event has it, or Tampered. An outcome: which
	// one, and why. An access: what was asked for, and by which address of the
	// portal or the API.
	What   string `json:"what,omitempty"`
	Detail string `json:"detail,omitempty"`

	// An access. Target says in ids and numbers what was shown or sent, never with
	// a name.
	Result   Result `json:"result,omitempty"`
	Target   string `json:"target,omitempty"`
	Facility string `json:"facility,omitempty"` // of the patient, or whose own entry was changed; of an outcome, the one in the plan
	Source   string `json:"source,omitempty"`   // network address
	Request  string `json:"request,omitempty"`  // id that the gateway gave it, as in its log
}

// Result is what became of an access. Stored: a contract.
type Result string

const (
	Done     Result = "done"
	NotTaken Result = "not-taken" // what was sent could not be used, or came too late
	Refused  Result = "refused"   // the right is missing, or what was asked for is not there for this person
	Failed   Result = "failed"    // a mistake on our side
)

// Outcomes of patients. Stored: a contract.
const (
	PatientExported = "exported" // the patient's data was put into the file of an export
	PatientSkipped  = "skipped"  // the operation left the patient as they were
	PatientFailed   = "failed"   // the operation could not do it
)

// What happens to a message of a communication: that a call sets out to send
// it, and, behind the prefix, its outcome. Stored: a contract.
const (
	MessageBegun  = "message begun"
	MessagePrefix = "message "
)

// What was asked for in an access. Stored: a contract.
const (
	SignIn           = "sign-in"
	SignOut          = "sign-out"
	PatientsListed   = "patients-listed"
	PatientsSearched = "patients-searched"
	PatientViewed    = "patient-viewed"
	OperationViewed  = "operation-viewed"
	FileUploaded     = "file-uploaded"
	FileDownloaded   = "file-downloaded"
	PassphraseShown  = "passphrase-shown"
	AuditViewed      = "audit-viewed"
	AuditExported    = "audit-exported"
	Viewed           = "viewed" // any other page
	Sent             = "sent"   // any other form
)

// Person is who did something. Without a Sub it is only a name: of the system,
// of a program, or Unknown.
type Person struct {
	Sub  string `json:"sub,omitempty"`
	Name string `json:"name"`
}

// Names of operators who are no members of staff.
const (
	System   = "bulkops"                    // the system itself, e.g. when it plans
	Unknown  = "unknown, outside bulkops"   // a record was written without saying by whom
	Nobody   = "nobody signed in"           // a sign-in that was refused
	Stranger = "not in the staff directory" // signed in, without an entry
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

// timeLayout is how the key holds the time: it sorts as text.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Day is the UTC day of the record.
func (r Record) Day() string { return r.At.UTC().Format(time.DateOnly) }

// Facilities are those whose managers the record concerns by itself: of the
// patient before and after a change, or whose own entry was changed.
func (r Record) Facilities() (ids []string) {
	for _, id := range []string{r.Facility, r.Old[registry.FacilityField], r.New[registry.FacilityField]} {
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// Partition is the first part of the record's key: its operation, or the day
// for what belongs to none. Accesses have partitions of their own: who writes
// them may write no others.
func (r Record) Partition() string {
	switch {
	case r.Type == Access && r.Operation != "":
		return AccessPrefix + r.Operation
	case r.Type == Access:
		return AccessPrefix + r.Day()
	case r.Operation != "":
		return "OP#" + r.Operation
	}
	return "HAND#" + r.Day()
}

// AccessPrefix begins the partitions of accesses. The roles of the portal and
// the API name it.
const AccessPrefix = "ACCESS#"

// SortKey is the second part of the record's key. Within a partition it sorts
// by time.
func (r Record) SortKey() string {
	return r.At.UTC().Format(timeLayout) + "#" + strings.ToUpper(string(r.Type)) + "#" + r.Unique
}

// longestSortKey is what the store takes as a key, in bytes.
const longestSortKey = 1024

// IsSortKey reports whether a text has the form of SortKey: whoever asks for the
// records after it brings it back from outside.
func IsSortKey(text string) bool {
	at, rest, _ := strings.Cut(text, "#")
	what, _, _ := strings.Cut(rest, "#")
	_, err := time.Parse(timeLayout, at)
	return err == nil && what != "" && len(text) <= longestSortKey && utf8.ValidString(text)
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
	// ForOperation yields the changes, outcomes and events of an operation, oldest first.
	ForOperation(ctx context.Context, operation string) iter.Seq2[Record, error]
	// ForOperationAfter yields of it what comes after the record with the sort key.
	ForOperationAfter(ctx context.Context, operation, sortKey string) iter.Seq2[Record, error]
	// ForPatient yields the changes of a patient's records, the patient's outcomes,
	// and who looked at the patient's page, newest first.
	ForPatient(ctx context.Context, patient string) iter.Seq2[Record, error]
	// Backwards yields a trail, newest first: what comes before the record with the
	// sort key, everything for "".
	Backwards(ctx context.Context, t Trail, sortKey string) iter.Seq2[Record, error]
}

// Trail is a part of the log that can be read without reading the rest.
type Trail struct {
	By  TrailKey
	Key string
}

// TrailKey is what the records of a trail have in common.
type TrailKey int

const (
	ByDay       TrailKey = iota // the UTC day (2006-01-02)
	ByPatient                   // the patient
	ByOperation                 // the operation whose changes, outcomes and events they are
	ByAccess                    // the operation that people looked at, did and tried something with
)

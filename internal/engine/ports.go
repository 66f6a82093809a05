package engine

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Registry reads the system of record. Writing it goes through
// Operations.CommitGroup alone.
type Registry interface {
	// Patients returns the profiles of the ids that exist, in any number. It may
	// lag behind the latest write by about a second: it serves previews.
	Patients(ctx context.Context, ids []string) (map[string]registry.Patient, error)
	// PatientIDs yields the ids of a facility's patients, ordered by name.
	PatientIDs(ctx context.Context, facility string) iter.Seq2[string, error]
	// CountPatients counts a facility's patients, and stops at most.
	CountPatients(ctx context.Context, facility string, most int) (int, error)
	// PatientIDsOf yields the ids of a provider's patients, ordered by name.
	PatientIDsOf(ctx context.Context, provider string) iter.Seq2[string, error]
	// Records returns the latest version of the records that exist.
	Records(ctx context.Context, refs []registry.Ref) (map[registry.Ref]registry.Record, error)
	// Parts returns everything kept about one patient: profile, visits, clinical
	// notes. Records returns a record that was taken away as an empty one; Parts
	// leaves it out.
	Parts(ctx context.Context, patient string) ([]registry.Record, error)
	// Calendar returns the visits that a provider has, scheduled and starting in
	// [from, to), ordered by start, and the slots of that time that are or were held.
	// A visit that holds no slot may be missing for about a second after it was
	// booked; for the rest it returns what is so now.
	Calendar(ctx context.Context, provider string, from, to time.Time) (visits, slots []registry.Record, err error)
	// Directory returns every facility and provider.
	Directory(ctx context.Context) (registry.Directory, error)
}

// Places keeps facilities and providers, for administrators who change them.
type Places interface {
	// WriteFacility and WriteProvider replace what is stored with the same id and
	// version, and count the version on. fault.Conflict where the stored version is
	// another, or nothing is stored.
	WriteFacility(ctx context.Context, f registry.Facility, s registry.Stamp) error
	WriteProvider(ctx context.Context, p registry.Provider, s registry.Stamp) error
}

// Operations keeps operations with their plans, results and events.
type Operations interface {
	// Create stores a new operation (version 1) with its selection and first
	// event. key is the requester's key for this request: when it has been used,
	// nothing is stored and the id of the operation made with it is returned in
	// existing. An id that exists is fault.Conflict.
	Create(ctx context.Context, op bulk.Operation, s bulk.Selection, key string, e bulk.Event) (existing string, err error)
	// MadeWith returns the id of the operation that was made with a requester's
	// key, "" for none.
	MadeWith(ctx context.Context, requester, key string) (string, error)
	// Operation returns the latest header; fault.NotFound for an unknown id.
	Operation(ctx context.Context, id string) (bulk.Operation, error)
	// OperationsByID returns the headers that exist; it may lag by about a second.
	OperationsByID(ctx context.Context, ids []string) (map[string]bulk.Operation, error)
	// Update replaces the header whose version is op.Version by op with the next
	// version, appends the event under that number, and makes the mails due, all
	// or nothing. fault.Conflict when the stored version is another.
	Update(ctx context.Context, op bulk.Operation, e bulk.Event, mails ...string) error
	// Events returns what happened to an operation, oldest first.
	Events(ctx context.Context, id string) ([]bulk.Event, error)
	// Selection returns what was selected for an operation.
	Selection(ctx context.Context, id string) (bulk.Selection, error)

	// PutBatch, PutExclusions and PutListed write a part of a plan once: the same
	// part of the same run a second time is fault.Conflict. Lists and pages count
	// from 1.
	PutBatch(ctx context.Context, id, run string, b bulk.Batch) error
	PutExclusions(ctx context.Context, id, run string, page int, x []bulk.Exclusion) error
	PutListed(ctx context.Context, id, run string, list, page int, patients []string) error
	// PutSubjects keeps the subjects of a plan in short, and Subjects returns
	// them; nothing where none are kept.
	PutSubjects(ctx context.Context, id, run string, s bulk.Subjects) error
	Subjects(ctx context.Context, id, run string) (bulk.Subjects, error)
	// Batch, Exclusions and Listed read them; fault.NotFound where there is none.
	Batch(ctx context.Context, id, run string, number int) (bulk.Batch, error)
	Exclusions(ctx context.Context, id, run string, page int) ([]bulk.Exclusion, error)
	Listed(ctx context.Context, id, run string, list, page int) (patients []string, err error)

	// CommitGroup makes the edits of a group, its result and its tally, in one
	// transaction. nil means committed. ErrRecorded: the group's result is
	// already stored, nothing was written. A *Refusal: nothing was written, the
	// named subjects' records are not as planned. fault.Busy: nothing was
	// written, try again. Any other error: unknown whether it was written.
	CommitGroup(ctx context.Context, g Group) error
	// Result returns the latest result of a group, ok false where there is none.
	Result(ctx context.Context, id string, batch, group int) (r bulk.Result, ok bool, err error)
	// Results yields all results of an operation, in order of batch and group.
	Results(ctx context.Context, id string) iter.Seq2[bulk.Result, error]
	// Progress sums the tallies of an operation.
	Progress(ctx context.Context, id string) (bulk.Tally, error)

	// Claim stores c for the notice of a change, counted from 0 in its batch,
	// where nothing is stored, and returns what is stored then. The same claim may
	// be made again after a lost answer.
	Claim(ctx context.Context, id string, batch, change int, c bulk.Claim) (bulk.Claim, error)
	// PutOutcome stores a claim of the caller's own with its outcome.
	PutOutcome(ctx context.Context, id string, batch, change int, c bulk.Claim) error

	// PutToken stores a token of the state machine for a wait, beside those that
	// are stored: which of them the machine waits with, it alone knows. While one
	// is stored, Open(WaitsForAnswer) yields the operation.
	PutToken(ctx context.Context, id, wait, token string) error
	// Token returns one of those stored; ok is false where there is none.
	Token(ctx context.Context, id, wait string) (token string, ok bool, err error)
	// DeleteToken forgets a used token.
	DeleteToken(ctx context.Context, id, wait, token string) error

	// PutWritten stores what an attempt to write an export's file came to, and
	// the sealed passphrase of that file, once.
	PutWritten(ctx context.Context, id, attempt string, w Written, sealed []byte) error
	// Written returns it; fault.NotFound where there is none.
	Written(ctx context.Context, id, attempt string) (Written, error)
	// Sealed returns the sealed passphrase; ok is false once it was deleted.
	Sealed(ctx context.Context, id, attempt string) (sealed []byte, ok bool, err error)
	DeleteSealed(ctx context.Context, id, attempt string) error
	// DeleteAttempts removes everything that PutWritten has stored for the
	// operation, of whichever attempt.
	DeleteAttempts(ctx context.Context, id string) error

	// MailsDue returns the names of the mails that Update has made due and that
	// are not settled. While there is one, Open(WaitsForMail) yields the operation.
	MailsDue(ctx context.Context, id string) ([]string, error)
	// SettleMail says that a mail was sent, or has nothing to say any more.
	SettleMail(ctx context.Context, id, mail string) error

	// Open yields the ids of operations that wait for what (bulk.WaitsFor…),
	// longest wait first. An id may come several times for WaitsForAnswer and
	// WaitsForMail.
	Open(ctx context.Context, what string) iter.Seq2[string, error]
	// ByRequester yields the ids of somebody's operations, newest first.
	ByRequester(ctx context.Context, sub string) iter.Seq2[string, error]
	// ByDay yields the ids of the operations created on the UTC day
	// (2006-01-02), newest first.
	ByDay(ctx context.Context, day string) iter.Seq2[string, error]
}

// Staff keeps the staff directory and the references that approval mails carry.
type Staff interface {
	// Person returns an entry; fault.NotFound for somebody who has none.
	Person(ctx context.Context, sub string) (staff.Person, error)
	// People returns everybody with the role, ordered by name.
	People(ctx context.Context, role staff.Role) ([]staff.Person, error)
	// WritePerson replaces the entry of the version p.Version by p with the next
	// one, in the name of by; version 0 makes an entry. fault.Conflict when the
	// stored version is another, or when by is somebody else of the directory
	// whose own entry is no longer of the version by.Version.
	WritePerson(ctx context.Context, p, by staff.Person) error
	// PutApprovalRef stores an opaque reference, by hash, until expires.
	PutApprovalRef(ctx context.Context, ref string, a ApprovalRef, expires time.Time) error
	// ApprovalRef returns what the reference stands for; fault.NotFound for an
	// unknown or expired one.
	ApprovalRef(ctx context.Context, ref string, now time.Time) (ApprovalRef, error)
}

// ApprovalRef is what the link in an approval mail stands for.
type ApprovalRef struct {
	Operation string `json:"operation"`
	Approver  string `json:"approver"` // sub
}

// Written is what an attempt to write an export's file came to. It is stored
// before the file is complete, so that no file is ever without it.
type Written struct {
	File    bulk.File      `json:"file"`
	Skipped []bulk.Outcome `json:"skipped,omitempty"` // who is not in it, in the plan's order
}

// Files keeps the files of exports, at most one for an operation.
type Files interface {
	// Create begins an operation's file, and gives up what earlier attempts have
	// left unfinished. The file is there only once Complete has returned.
	Create(ctx context.Context, operation, attempt string) (FileWriter, error)
	// Stat returns which attempt wrote the operation's file and its size; ok is
	// false where there is none.
	Stat(ctx context.Context, operation string) (attempt string, size int64, ok bool, err error)
	// Link returns an address from which anybody can download the file under the
	// name, for a short time.
	Link(ctx context.Context, operation string, d Download) (string, error)
	// Delete removes the file, and what attempts at it have left.
	Delete(ctx context.Context, operation string) error
}

// FileWriter writes a file in order.
type FileWriter interface {
	io.Writer
	// Complete makes the file there, whole. ErrFileExists: another attempt has.
	Complete() error
	// Abort gives it up; nothing of it stays. After Complete it does nothing.
	Abort() error
}

// Download is how a file is handed out.
type Download struct {
	Name, MediaType string
	For             time.Duration
}

// ErrFileExists says that an operation's file is complete already.
var ErrFileExists = errors.New("the file is complete already")

// Sealer encrypts the passphrase of an export's file until it is shown.
// What is sealed for one operation does not open for another.
type Sealer interface {
	Seal(ctx context.Context, operation, passphrase string) ([]byte, error)
	Open(ctx context.Context, operation string, sealed []byte) (passphrase string, err error)
}

// Machine is the state machine that runs operations.
type Machine interface {
	// Start starts the execution named after the operation. runs is false where
	// there is one that was started before and is not known to be running.
	Start(ctx context.Context, operation string) (runs bool, err error)
	// Succeed answers a wait. ErrNoWait when the token no longer counts.
	Succeed(ctx context.Context, token string, output any) error
	// Alive reports whether the operation's execution is running. It may be wrong
	// about one that was started just now.
	Alive(ctx context.Context, operation string) (bool, error)
}

// Mailer sends a mail. Subject and text hold no patient data.
type Mailer interface {
	// Send sends a mail once and never tries again by itself. nil means that it
	// was taken. fault.Busy: not taken, try again. fault.Invalid: not taken, and
	// the sentence says why. Any other error: unknown whether it was taken.
	Send(ctx context.Context, m Mail) error
}

// Mail is one mail to one address. Operation and Notice, which may be empty, say
// for what it was sent, should it come back.
type Mail struct{ To, Subject, Text, HTML, Operation, Notice string }

// Group is what CommitGroup writes.
type Group struct {
	Operation string
	Changes   []bulk.Change // those to make; the skipped and failed ones are not among them
	Stamp     registry.Stamp
	Result    bulk.Result // batch, group, and the outcomes that are not done
	Tally     bulk.Tally
}

// ErrRecorded says that a group's result is already stored.
var ErrRecorded = errors.New("the group's result is already stored")

// ErrNoWait says that the state machine no longer waits with a token.
var ErrNoWait = errors.New("the state machine no longer waits with this token")

// Refusal says which subjects' records a transaction found not to be as
// planned (Changed), or which the store can never write (Unwritable).
type Refusal struct {
	Changed    []string
	Unwritable []string
}

func (r *Refusal) Error() string { return "records are not as planned" }

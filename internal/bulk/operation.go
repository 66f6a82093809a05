// Package bulk holds the words of the product: operation, plan, change,
// exclusion, batch, outcome, decision. It does no I/O.
package bulk

import (
	"crypto/rand"
	"slices"
	"time"

	"bulkops/internal/registry"
)

// Params are the answers to a kind's own questions, by question.
type Params map[string]string

// Person names somebody in a record of what happened.
type Person struct {
	Sub   string `json:"sub"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Operation is one request to change many records: its header. Its plan,
// results and events are stored beside it.
type Operation struct {
	ID        string           `json:"id"`
	Version   int              `json:"version"` // counts the writes of this header
	State     State            `json:"state"`
	Kind      string           `json:"kind"`
	Params    Params           `json:"params"`
	Summary   string           `json:"summary"` // what it asks for, in the names of when it was asked
	Requester Person           `json:"requester"`
	Selected  SelectionSummary `json:"selected"`

	Since     time.Time `json:"since"` // when it entered its state
	Created   time.Time `json:"created"`
	Planned   time.Time `json:"planned,omitzero"`
	Submitted time.Time `json:"submitted,omitzero"`
	Started   time.Time `json:"started,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`

	Plan      PlanSummary `json:"plan"`
	Reason    string      `json:"reason,omitempty"`
	Checklist []string    `json:"checklist,omitempty"` // the ticked items, in their own words
	Approval  Approval    `json:"approval"`
	Decision  *Decision   `json:"decision,omitempty"`
	Final     Tally       `json:"final"`           // when ended
	Left      []Left      `json:"left,omitempty"`  // why Final has others than done, the most first
	Cause     string      `json:"cause,omitempty"` // a sentence: why it failed, stopped, was cancelled
	StopAt    StopRule    `json:"stop_at"`
	Start     Start       `json:"start,omitzero"`

	Full []Full `json:"full,omitempty"` // what had no room left when it started

	File    *File `json:"file,omitempty"`    // of an export that has made one
	Remains bool  `json:"remains,omitempty"` // it ended without its file, of which something may be left

	Tasks   []Task   `json:"tasks,omitempty"`   // that people have begun to see to once it had run
	Origin  *Link    `json:"origin,omitempty"`  // the operation that this one was made from
	Bounced []string `json:"bounced,omitempty"` // the numbers of notices that were sent and came back
	Follow  []Link   `json:"follow,omitempty"`  // the operations that were made from this one, oldest first
}

// Full is a provider or a facility that has no room left, as was counted right
// before the run: of the subjects of the plan whom it was to get, it gets none
// from the place on.
type Full struct {
	Field    string `json:"field"` // registry.ProviderField or registry.FacilityField
	ID       string `json:"id"`
	Batch    int    `json:"batch"`
	Change   int    `json:"change"` // in the batch, from 0
	Refused  int    `json:"refused"`
	Sentence string `json:"sentence"`
}

// Refuses reports whether the change, at its place in the plan, finds no room.
func (f Full) Refuses(batch, change int, c Change) bool {
	if batch < f.Batch || batch == f.Batch && change < f.Change {
		return false
	}
	return slices.ContainsFunc(c.Edits, func(e Edit) bool { return e.Ref.Part == registry.ProfilePart && e.After[f.Field] == f.ID })
}

// Link leads from an operation to one made from it, or back.
type Link struct {
	As        LinkKind `json:"as"`
	Operation string   `json:"operation"`
}

// Task is how far people are with something that has to be done once an
// operation has run. What it is, its kind says.
type Task struct {
	Name  string    `json:"name"`
	Given Person    `json:"given,omitzero"` // whose it is; the zero person: nobody's yet
	Giver Person    `json:"giver,omitzero"` // who gave it
	By    Person    `json:"by,omitzero"`    // who ticked it
	At    time.Time `json:"at,omitzero"`    // when; zero while it is open
}

// Done reports whether the task has been ticked.
func (t Task) Done() bool { return !t.At.IsZero() }

// Task returns how far people are with the task; an untouched one is open and
// nobody's.
func (o Operation) Task(name string) Task {
	for _, t := range o.Tasks {
		if t.Name == name {
			return t
		}
	}
	return Task{Name: name}
}

// Set replaces the task of the same name.
func (o *Operation) Set(t Task) {
	tasks := slices.DeleteFunc(slices.Clone(o.Tasks), func(old Task) bool { return old.Name == t.Name })
	o.Tasks = append(tasks, t)
}

// LinkKind is why an operation was made from another. Stored: a contract.
type LinkKind string

const (
	Rerun    LinkKind = "rerun"    // the same again, for those for whom it can help
	Rollback LinkKind = "rollback" // undoes what was done
	Edited   LinkKind = "edit"     // asks anew, in its place
)

// StopRule ends a run by itself when too many subjects are skipped or fail: what
// was approved then no longer fits what is there.
type StopRule struct {
	Percent int `json:"percent"` // of the subjects attempted
	After   int `json:"after"`   // not before so many were attempted
}

// DefaultStopRule stops a run in which half of at least 200 subjects were
// skipped or failed.
var DefaultStopRule = StopRule{Percent: 50, After: 200}

// Passed reports whether the tally asks for a stop.
func (r StopRule) Passed(t Tally) bool {
	return t.Attempted() >= r.After && (t.Skipped+t.Failed)*100 >= r.Percent*t.Attempted()
}

// Start is when an approved operation is to begin; the zero Start is at once.
type Start struct {
	At   time.Time `json:"at"`   // with the offset of the zone, so that it reads as it was chosen
	Zone string    `json:"zone"` // IANA name of the time zone in which it was chosen
}

// IsZero reports whether none was chosen.
func (s Start) IsZero() bool { return s.At.IsZero() }

// String is the start as people chose it, e.g.
// 3 Dec 2026, 22:30 (America/Chicago, UTC-06:00).
func (s Start) String() string {
	return s.At.Format("2 Jan 2006, 15:04") + " (" + s.Zone + ", UTC" + s.At.Format("-07:00") + ")"
}

// StartsLater reports whether an approved operation still waits for its start.
func (o Operation) StartsLater(now time.Time) bool {
	return o.State == Scheduled && now.Before(o.Start.At)
}

// StartPassed reports whether the start had passed when the operation was
// approved, so that it began at once.
func (o Operation) StartPassed() bool {
	return !o.Start.IsZero() && o.Decision != nil && o.Decision.Verdict == Approve && !o.Decision.At.Before(o.Start.At)
}

// Whom or what an operation waits for: the keys of the index of open
// operations. One that has ended waits only for the deletion of its file.
// Two are not the header's: WaitsForAnswer is the state machine's own, a stored
// token that has not been used yet, and WaitsForMail is a mail that is due.
const (
	WaitsForPlan      = "plan"
	WaitsForRequester = "requester"
	WaitsForApproval  = "approval"
	WaitsForMachine   = "machine"
	WaitsForAnswer    = "answer"
	WaitsForMail      = "mail"
	WaitsForDeletion  = "deletion" // of its file
	WaitsForTasks     = "tasks"
)

// WaitsFor says whom or what the operation waits for; "" when it has ended, its
// file is deleted and nobody has been given a task that is open.
func (o Operation) WaitsFor() string {
	switch o.State {
	case Planning:
		return WaitsForPlan
	case Ready:
		return WaitsForRequester
	case AwaitingApproval:
		return WaitsForApproval
	case Scheduled, Running, Stopping:
		return WaitsForMachine
	}
	if o.Remains || o.File != nil && o.File.Deleted.IsZero() {
		return WaitsForDeletion
	}
	if slices.ContainsFunc(o.Tasks, func(t Task) bool { return t.Given.Sub != "" && !t.Done() }) {
		return WaitsForTasks
	}
	return ""
}

// NotAttempted is how many subjects of the plan have no outcome, given a tally.
func (o Operation) NotAttempted(t Tally) int { return o.Plan.Changes - t.Attempted() }

// AllLeft is Left with those whose notices came back and those who were not
// attempted, in an operation that has run and ended.
func (o Operation) AllLeft() []Left {
	all := slices.Clone(o.Left)
	if n := len(o.Bounced); n > 0 {
		all = append(all, Left{MailBounced, n, true})
	}
	if n := o.NotAttempted(o.Final); n > 0 {
		all = append(all, Left{Unattempted, n, true})
	}
	return all
}

// SelectionSummary says how the subjects were chosen, in words that hold no
// patient data.
type SelectionSummary struct {
	Source     Source `json:"source"`
	Words      string `json:"words"` // e.g. status On Hold; facility Riverside
	Count      int    `json:"count"` // ids given; 0 for a filter until planned
	Duplicates int    `json:"duplicates,omitempty"`
	File       string `json:"file,omitempty"` // SHA-256 of an uploaded file
}

// PlanSummary is what is known of a plan without reading it.
type PlanSummary struct {
	Run        string                `json:"run,omitempty"` // which attempt at planning the stored items belong to
	Digest     string                `json:"digest,omitempty"`
	Changes    int                   `json:"changes"`
	Excluded   int                   `json:"excluded"`
	ByReason   map[ExclusionCode]int `json:"by_reason,omitempty"`
	Batches    int                   `json:"batches"`
	Pages      int                   `json:"pages"`                // stored pages of exclusions
	Facilities []string              `json:"facilities,omitempty"` // touched, sorted
	LeftOut    []string              `json:"left_out,omitempty"`   // facilities of patients who are named among the exclusions, sorted
	ByFacility map[string]int        `json:"by_facility,omitempty"`
	ByProvider map[string]int        `json:"by_provider,omitempty"`
	Residents  map[string]int        `json:"residents,omitempty"` // all patients of each facility where the plan changes some and no more than CountUpTo were counted
	Before     Counts                `json:"before_by,omitempty"`
	After      Counts                `json:"after_by,omitempty"`
	Visits     int                   `json:"visits"`              // touched
	Cancelled  int                   `json:"cancelled,omitempty"` // visits, of those touched
	Rows       map[string]int        `json:"rows,omitempty"`      // of an export, by sheet
	Bytes      int                   `json:"bytes,omitempty"`     // the length of the text in these rows
	Notices    int                   `json:"notices,omitempty"`   // to send
	Listed     int                   `json:"listed,omitempty"`    // patients whom the notices are about
	Booked     int                   `json:"booked,omitempty"`    // visits, of those touched
	Moved      int                   `json:"moved,omitempty"`     // visits, of those touched
}

// Counted are the fields of which a plan's summary counts the patients.
var Counted = []string{registry.StatusField, registry.ProviderField, registry.FacilityField}

// Counts says, for each of the counted fields that a plan changes, how many
// patients have which value.
type Counts map[string]map[string]int

// Add counts a patient with the value in the field.
func (c Counts) Add(field, value string) {
	if c[field] == nil {
		c[field] = map[string]int{}
	}
	c[field][value]++
}

// Verdict is what an approver decided.
type Verdict string

const (
	Approve Verdict = "approved"
	Reject  Verdict = "rejected"
)

// Decision is an approver's decision on the plan with the digest.
type Decision struct {
	Verdict Verdict   `json:"verdict"`
	By      Person    `json:"by"`
	At      time.Time `json:"at"`
	Comment string    `json:"comment,omitempty"`
	Digest  string    `json:"digest"`
	Stale   int       `json:"stale,omitempty"` // patients the approver was told had changed since the preview
}

// Event is one thing that happened to an operation, for its history and the
// audit. It holds no patient data.
type Event struct {
	Operation string    `json:"operation"`
	Number    int       `json:"number"` // the header's version that it made
	At        time.Time `json:"at"`
	Actor     Person    `json:"actor"` // the zero person is the system
	What      string    `json:"what"`  // planned, submitted, approved …: a contract
	Detail    string    `json:"detail,omitempty"`
}

// Source is how the subjects of an operation were chosen.
type Source string

const (
	ByFilter Source = "filter"
	Pasted   Source = "pasted"
	Uploaded Source = "upload"
	Picked   Source = "picked"
	FromDone Source = "done" // the subjects that an earlier operation changed
	FromLeft Source = "left" // those that it did not, for the reasons that are named
)

// Selection is how the subjects were chosen: a filter, or ids in order.
type Selection struct {
	Source Source            `json:"source"`
	Filter *registry.Filter  `json:"filter,omitempty"`
	Except []string          `json:"except,omitempty"` // left out of what the filter finds
	IDs    []string          `json:"ids,omitempty"`    // as given, duplicates included
	Rows   []int             `json:"rows,omitempty"`   // for each id the spreadsheet row it stood in
	File   string            `json:"file,omitempty"`   // SHA-256 of the uploaded file
	Given  []registry.Fields `json:"given,omitempty"`  // for each id the values that its row has, as the kind's columns read them
	Sheet  *Sheet            `json:"sheet,omitempty"`  // the file's rows, where they are kept
	Of     string            `json:"of,omitempty"`     // the earlier operation, for FromDone and FromLeft
	Codes  []string          `json:"codes,omitempty"`  // for FromLeft: the reasons, sorted, as Outcome.Reason names them
}

// Sheet is an uploaded file as its sender wrote it, so that they can be given
// the rows back that they have to look at.
type Sheet struct {
	Header []string   `json:"header"`
	Rows   [][]string `json:"rows"` // for each id of the selection
}

// idEpoch is second 0 of operation ids.
var idEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// crockford has no I, L, O, U, so an id can be read out on the telephone. (Crockford's Base32)
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewID makes an operation id such as OP-0SX4K2-7QFM: six digits of time, so
// that ids sort by it (until 2060), and four random ones. The caller stores it
// under the condition that it is new.
func NewID(now time.Time) string {
	seconds := uint64(now.Sub(idEpoch) / time.Second)
	random := make([]byte, 4)
	rand.Read(random)
	id := []byte("OP-000000-0000")
	for i := range 6 {
		id[8-i] = crockford[seconds>>(5*i)&31]
	}
	for i, r := range random {
		id[10+i] = crockford[r&31]
	}
	return string(id)
}

// Package kind holds what operations can do, one file per kind. A kind is a
// planner without I/O, clock or globals: everything it needs is handed to it,
// so the preview, the run, the audit and the rollback all follow from one plan.
package kind

import (
	"maps"
	"slices"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Kind is one kind of operation.
type Kind struct {
	Name     string     // stored: a contract
	Title    string     // as the guide calls it
	Approver staff.Role // who decides; see Decider
	Undoable bool       // whether what it did can be rolled back
	Follows  bool       // it is made from an operation that has ended; nobody begins with it
	Columns  []Column   // what it takes for each patient from an uploaded file or the API
	ByFile   bool       // it is asked only with values from Columns
	ReadOnly bool       // it changes no record, so a lock does not stand in its way
	Confirm  []string   // what its requester confirms besides what all do
	// Sentences are what is said of a state where the words about changes do not fit.
	Sentences map[bulk.State]string
	Tasks     []Task // what people have to do once it has run; see After
	// Summary says in a few words what the parameters ask for, e.g.
	// "Change status to On Hold (family request)".
	Summary func(bulk.Params, registry.Directory) string
	// Check names what is wrong with the parameters; it also refuses
	// parameters that the kind does not know.
	Check func(bulk.Params, registry.Directory) []Problem
	// Complete fills in what checked parameters leave to the directory, so that a
	// plan stands by what was asked when the directory has changed. nil: nothing.
	Complete func(bulk.Params, registry.Directory) bulk.Params
	// Destinations names the providers and facilities that checked parameters
	// may lead patients to. Who asks has to hold these facilities, and the
	// patients that each of them has are counted for the planner. nil: none.
	Destinations func(bulk.Params, registry.Directory) (providers, facilities []string)
	// ReadsVisits reports whether the planner needs the records of the visits
	// that a profile lists. nil: it does not.
	ReadsVisits func(bulk.Params) bool
	// Sheets are the tables of the file that the kind makes instead of changing
	// records. Its changes have no edits, and its planner is told all of a
	// patient's records. nil: it makes no file.
	Sheets func(bulk.Params) []Sheet
	// Tells names the roles whose people the planner needs to know. nil: none.
	Tells func(bulk.Params) []staff.Role
	// Books names the providers with whom visits may be booked, and the time in
	// which these may start; their calendars of that time are read for the
	// planner. at is the moment of planning. nil: the kind books nothing.
	Books func(p bulk.Params, d registry.Directory, at time.Time) (providers []string, from, to time.Time)
	// MostADay is how many visits a day the parameters allow the provider, 0 for as
	// many as their own maximum says. nil: 0.
	MostADay func(p bulk.Params, d registry.Directory, provider string) int
	// New makes a planner for checked parameters.
	New func(bulk.Params, World) Planner
}

// World is what a planner knows besides the patients.
type World struct {
	Directory registry.Directory
	At        time.Time      // of planning: visits that start after it are in the future
	Patients  map[string]int // how many patients a provider has, by id; of the kind's destinations only
	Residents map[string]int // the same of a facility
	Requester string         // a name
	Staff     []staff.Person // with the roles that the kind tells, by name

	// Of the calendars that the kind's Books names: the visits that are booked, and
	// the slots that are or were held for one.
	Visits []registry.Record
	Slots  []registry.Record
}

// Planner works out the change to one patient after the other.
type Planner interface {
	// Plan returns the subject's change, or the reason why there is none. The
	// engine has already left out unknown, repeated, foreign and locked ones.
	Plan(Subject) (bulk.Change, *bulk.Exclusion)
}

// Counting is a planner whose plans depend on those before. It is told of each
// change that came into the plan; it does not count in Plan, because the engine
// may still leave the subject out.
type Counting interface{ Planned(bulk.Change) }

// Gathering is a planner whose subjects are not the patients but whom they lead
// to: recipients. Its Plan counts a patient, and returns a change without a
// subject; the changes come when every patient was counted.
type Gathering interface {
	// Gathered returns the changes, and the patients of the lists that their
	// notices name, in the order of the lists' numbers. A sentence refuses the
	// whole plan.
	Gathered() (changes []bulk.Change, lists [][]string, refusal string)
}

// Subject is what a planner is told about one patient, or about one recipient
// whom an earlier operation did not reach.
type Subject struct {
	Patient registry.Patient
	Given   registry.Fields // what was given for this patient, as Kind.Columns reads it
	// Only for what is made from an earlier operation: what that did to the
	// subject. With a notice in it, the subject is a recipient: there is no patient.
	Done *bulk.Change
	// The latest version of the records that Done changed; or, where the kind
	// reads visits, of the first bulk.MaxEdits that the profile lists.
	Records map[registry.Ref]registry.Record
	// Only where the kind makes a file that holds more than the profile: everything
	// kept about the patient.
	Parts []registry.Record
}

// Text is what pages and mails say of an operation of the kind in its state.
func (k Kind) Text(op bulk.Operation) bulk.StateText {
	text := bulk.Texts[op.State]
	if own, ok := k.Sentences[op.State]; ok {
		text.Sentence = own
	}
	return text
}

// MakesFile reports whether the kind makes a file instead of changing records.
func (k Kind) MakesFile() bool { return k.Sheets != nil }

// ReadsParts reports whether the file that the parameters ask for holds more of
// a patient than the profile.
func (k Kind) ReadsParts(p bulk.Params) bool {
	return k.MakesFile() && slices.ContainsFunc(k.Sheets(p), func(s Sheet) bool { return s.parts })
}

// Decider is the role that decides on an operation with the parameters: the
// kind's own, and for a rollback that of what it undoes.
func (k Kind) Decider(p bulk.Params) staff.Role {
	if undone, ok := Find(p[UndoesKind]); ok && k.Name == Rollback.Name {
		return undone.Approver
	}
	return k.Approver
}

// Problem is what is wrong with one answer of a form.
type Problem struct {
	Field    string `json:"field"`
	Sentence string `json:"sentence"`
}

// All lists every kind in the order in which pages offer them.
var All = []Kind{StatusChange, ProviderReassignment, FacilityTransfer, Tags, InsuranceChange, DataCorrection, VisitScheduling, Export, Communication, Rollback}

// Find returns the kind with the stored name.
func Find(name string) (Kind, bool) {
	for _, k := range All {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}

// changeOf is the change that makes the edits to the patient.
func changeOf(p registry.Patient, edits ...bulk.Edit) bulk.Change {
	return bulk.Change{Subject: p.ID(), Name: p.Name(), Facility: p.Facility(), Edits: edits}
}

// profileEdit is the edit after which the patient's profile has the wanted
// values; After is empty where it has them. The edit relies on those that are
// as wanted already, and on the facility, as readsFacility says.
func profileEdit(p registry.Patient, wanted registry.Fields) bulk.Edit {
	e := bulk.Edit{Ref: p.Ref, Reads: registry.Fields{}, Before: registry.Fields{}, After: registry.Fields{}}
	for field, value := range wanted {
		if had := p.Get(field); had != value {
			e.Before[field], e.After[field] = had, value
		} else {
			e.Reads[field] = value
		}
	}
	maps.Copy(e.Reads, readsFacility(e, p.Record))
	return e
}

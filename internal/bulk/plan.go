package bulk

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"maps"
	"slices"
	"sort"
	"strings"

	"bulkops/internal/english"
	"bulkops/internal/registry"
)

const (
	// BatchSize is the most subjects one batch holds: the unit of one function call.
	BatchSize = 100
	// MaxEdits is the most edits one group may hold: a transaction takes 100
	// actions (AWS, TransactWriteItems), and the group's result and tally are two.
	MaxEdits = 98
	// MaxNotices is the most notices one group may hold: mails go out one by one,
	// and a stop ends the run after the group under way.
	MaxNotices = 10
)

// Edit changes some fields of one record. Before and After have the same
// keys; an empty value means that the field is absent. Reads are further
// fields that the planner relied on and leaves as they are. The edit is made
// only where Before and Reads still hold and the record is not locked.
//
// A record without any field and one that does not exist are the same thing.
// So an edit that expects nothing makes a new record, and its inverse, which
// empties it, takes it away again. No edit makes a patient.
type Edit struct {
	Ref    registry.Ref    `json:"ref"`
	Reads  registry.Fields `json:"reads,omitempty"`
	Before registry.Fields `json:"before"`
	After  registry.Fields `json:"after"`
}

// Holds reports whether a record is still as the edit was planned for.
func (e Edit) Holds(r registry.Record) bool {
	for _, expected := range []registry.Fields{e.Before, e.Reads} {
		for field, value := range expected {
			if r.Get(field) != value {
				return false
			}
		}
	}
	return r.Get(registry.LockedBy) == ""
}

// Books reports whether a visit takes place because of the edit, which did not
// before: it is a new one, or a cancelled one that comes back.
func (e Edit) Books() bool {
	return e.Ref.IsVisit() && e.After[registry.VisitState] == registry.VisitScheduled && e.Before[registry.VisitState] != registry.VisitScheduled
}

// Occupies reports whether the edit puts a visit into the time of a provider who
// did not have it: one that it books, or that it gives to somebody else.
func (e Edit) Occupies() bool {
	to := e.After[registry.ProviderField]
	return e.Books() || e.Ref.IsVisit() && to != "" && to != e.Before[registry.ProviderField] && e.After[registry.VisitState] == ""
}

// Frees reports whether a visit no longer takes place because of the edit.
func (e Edit) Frees() bool { return e.Inverse().Books() }

// Vacates reports whether a provider no longer has a visit because of the edit:
// it does not take place, or went to somebody else.
func (e Edit) Vacates() bool { return e.Inverse().Occupies() }

// Creates reports whether the edit makes a new record.
func (e Edit) Creates() bool {
	if e.Ref.Part == registry.ProfilePart || e.Ref.IsVisit() && e.After[registry.VisitState] == "" { // every visit has a state
		return false
	}
	for _, expected := range []registry.Fields{e.Before, e.Reads} {
		for _, value := range expected {
			if value != "" {
				return false
			}
		}
	}
	return true
}

// Difference says how a record differs from what the edit was planned for, and
// who wrote it last and when, to stand behind "Changed since …": by Sam Okafor,
// 1 Dec 2026, 12:00 UTC: Status was "Active" and is now "Discharged". It is "" where nothing but a lock
// stands in the way.
func (e Edit) Difference(r registry.Record) string {
	by := WrittenBy(r)
	for _, expected := range []registry.Fields{e.Before, e.Reads} {
		for _, field := range slices.Sorted(maps.Keys(expected)) {
			if was, is := expected[field], r.Get(field); is != was {
				if e.Ref.IsSlot() { // it names another patient
					return fmt.Sprintf("by %s: the time of a visit is held for somebody else.", by)
				}
				if field == registry.Upcoming {
					return fmt.Sprintf("by %s: %s.", by, visitsDiffer(was, is))
				}
				return fmt.Sprintf("by %s: %s was %q and is now %q.", by, registry.Label(field), brief(was), brief(is))
			}
		}
	}
	return ""
}

// visitsDiffer says which visits were added to a list of upcoming ones, and which
// are gone: a list may be long, and what differs is all that anybody looks for.
func visitsDiffer(was, is string) string {
	before, after := registry.ParseVisitRefs(was), registry.ParseVisitRefs(is)
	var parts []string
	for _, side := range []struct {
		word         string
		these, those []registry.VisitRef
	}{{"added", after, before}, {"gone", before, after}} {
		var only []string
		for _, v := range side.these {
			if !slices.Contains(side.those, v) {
				only = append(only, english.Minute(v.Start))
			}
		}
		if more := len(only) - mostNamed; more > 0 {
			only = append(only[:mostNamed], fmt.Sprintf("and %d more", more))
		}
		if len(only) > 0 {
			parts = append(parts, side.word+" "+strings.Join(only, ", "))
		}
	}
	if len(parts) == 0 { // an order, or an entry that names no visit
		return registry.Label(registry.Upcoming) + " are listed in another way"
	}
	return registry.Label(registry.Upcoming) + ": " + strings.Join(parts, "; ")
}

const (
	mostNamed = 3   // visits that a sentence names
	maxValue  = 200 // characters of a value in a sentence
)

// brief shortens a value for a sentence.
func brief(value string) string {
	if runes := []rune(value); len(runes) > maxValue {
		return string(runes[:maxValue]) + "…"
	}
	return value
}

// WrittenBy says who wrote a record last, with which operation, and when.
func WrittenBy(r registry.Record) string {
	by := cmp.Or(r.Stamp.By, "somebody")
	if r.Stamp.Operation != "" {
		by += " with " + r.Stamp.Operation
	}
	if !r.Stamp.At.IsZero() {
		by += ", " + english.Minute(r.Stamp.At)
	}
	return by
}

// Inverse is the edit that undoes this one.
func (e Edit) Inverse() Edit { return Edit{Ref: e.Ref, Before: e.After, After: e.Before} }

// Change is what an operation does to one subject: all of its edits or none, or
// a notice to send. It never holds both: a mail that went out cannot be taken
// back where an edit turns out to be refused. Name and Facility are the
// subject's when the plan was made, for reading only.
type Change struct {
	Subject  string  `json:"subject"`
	Name     string  `json:"name"`
	Facility string  `json:"facility"`
	Row      int     `json:"row,omitempty"` // in the uploaded file, as a spreadsheet shows it
	Edits    []Edit  `json:"edits"`
	Notice   *Notice `json:"notice,omitempty"`
	// Only of an export, whose changes have no edits.
	Extract *Extract `json:"extract,omitempty"`
}

// Inverse is the change that undoes this one.
func (c Change) Inverse() Change {
	inverse := c
	inverse.Edits = make([]Edit, len(c.Edits))
	for i, e := range c.Edits {
		inverse.Edits[len(c.Edits)-1-i] = e.Inverse()
	}
	return inverse
}

// Visits counts the visits that the change touches, its side effect, and how
// many of these it cancels.
func (c Change) Visits() (touched, cancelled int) {
	for _, e := range c.Edits {
		if e.Ref.IsVisit() {
			touched++
			if e.After[registry.VisitState] == registry.VisitCancelled {
				cancelled++
			}
		}
	}
	return touched, cancelled
}

// Facilities are all that the change touches, sorted: where the subject is,
// where its edits take a record from, bring it to, or rely on its being, and
// whose patients its notice is about.
func (c Change) Facilities() []string {
	var touched []string
	if c.Facility != "" { // a recipient may be in none, or in several
		touched = append(touched, c.Facility)
	}
	if c.Notice != nil {
		for _, l := range c.Notice.Lists {
			touched = append(touched, l.Facility)
		}
	}
	for _, e := range c.Edits {
		for _, fields := range []registry.Fields{e.Reads, e.Before, e.After} {
			if f := fields[registry.FacilityField]; f != "" {
				touched = append(touched, f)
			}
		}
	}
	slices.Sort(touched)
	return slices.Compact(touched)
}

// Exclusion is a subject that cannot be changed, and why.
type Exclusion struct {
	Subject  string        `json:"subject"`
	Name     string        `json:"name,omitempty"` // empty where the requester may not know it
	Row      int           `json:"row,omitempty"`  // in the uploaded file, as a spreadsheet shows it
	Code     ExclusionCode `json:"code"`
	Sentence string        `json:"sentence"`
}

// TooMany is why a change of so many records cannot be made; nil when it can.
func TooMany(records int) *Exclusion {
	if records <= MaxEdits {
		return nil
	}
	return &Exclusion{Code: TooManyEdits, Sentence: fmt.Sprintf(
		"This change would touch %d records of one patient; at most %d can be changed together. Cancel some visits by hand first.", records, MaxEdits)}
}

// ExclusionCode groups exclusions by their reason. Stored: a contract.
type ExclusionCode string

const (
	AlreadySo      ExclusionCode = "already-so"
	NotAllowed     ExclusionCode = "not-allowed"
	Locked         ExclusionCode = "locked"
	OtherFacility  ExclusionCode = "other-facility"
	UnknownSubject ExclusionCode = "unknown"
	Duplicate      ExclusionCode = "duplicate"
	TooManyEdits   ExclusionCode = "too-many-records"
	TooManyTags    ExclusionCode = "too-many-tags"
	NotGiven       ExclusionCode = "not-given"
	NoSlot         ExclusionCode = "no-slot"
	ChangedAfter   ExclusionCode = "changed-since" // what a rollback leaves alone
	CannotUndo     ExclusionCode = "cannot-undo"
	NoProvider     ExclusionCode = "no-provider"
	NotLicensed    ExclusionCode = "not-licensed"
	OtherSpecialty ExclusionCode = "other-specialty"
	NoRoom         ExclusionCode = "no-room"
	VisitInTheWay  ExclusionCode = "visit-in-the-way"
	NoRecipient    ExclusionCode = "no-recipient"
	NoAddress      ExclusionCode = "no-address"
)

// ExclusionTitles are the headings under which exclusions are listed.
var ExclusionTitles = map[ExclusionCode]string{
	AlreadySo:      "Already as asked",
	NotAllowed:     "Change not allowed",
	Locked:         "Record locked",
	OtherFacility:  "Not in your facilities",
	UnknownSubject: "No patient with this id",
	Duplicate:      "Listed more than once",
	TooManyEdits:   "Too many records for one change",
	TooManyTags:    "Too many tags",
	NotGiven:       "No value given",
	NoSlot:         "No free slot",
	ChangedAfter:   "Changed since, left alone",
	CannotUndo:     "Cannot be undone",
	NoProvider:     "No provider to go to",
	NotLicensed:    "Provider does not work there",
	OtherSpecialty: "Another specialty is needed",
	NoRoom:         "No room left",
	VisitInTheWay:  "A visit cannot be moved",
	NoRecipient:    "Nobody to tell",
	NoAddress:      "No e-mail address",
}

// Batch is up to BatchSize changes of a plan. Groups holds, for each group of
// changes that is written in one transaction, the index after its last change;
// the boundaries are part of the plan, so a repeat meets the same groups.
type Batch struct {
	Number  int      `json:"number"` // from 1
	Changes []Change `json:"changes"`
	Groups  []int    `json:"groups"`
}

// NewBatch cuts changes into groups: as few as hold all edits and notices, the
// most edits of one as few as that allows. No change may hold more than MaxEdits
// edits.
func NewBatch(number int, changes []Change) Batch {
	fewest := len(cut(changes, MaxEdits))
	limit := sort.Search(MaxEdits, func(limit int) bool { return len(cut(changes, limit)) <= fewest })
	return Batch{Number: number, Changes: changes, Groups: cut(changes, limit)}
}

// cut fills one group after the other with what fits into limit edits and
// MaxNotices notices. No other way of cutting a list in order needs fewer
// groups. A change above the limit becomes a group of its own.
func cut(changes []Change, limit int) []int {
	var groups []int
	edits, notices := 0, 0
	for i, c := range changes {
		if edits > 0 && edits+len(c.Edits) > limit || c.Notice != nil && notices == MaxNotices {
			groups = append(groups, i)
			edits, notices = 0, 0
		}
		edits += len(c.Edits)
		if c.Notice != nil {
			notices++
		}
	}
	if len(changes) > 0 {
		groups = append(groups, len(changes))
	}
	return groups
}

// Group returns the changes of group n, counted from 0.
func (b Batch) Group(n int) []Change { return b.Changes[b.Begin(n):b.Groups[n]] }

// Begin is the index of the first change of group n.
func (b Batch) Begin(n int) int {
	if n == 0 {
		return 0
	}
	return b.Groups[n-1]
}

// Digester computes a plan's digest: the SHA-256 over three SHA-256s, of one
// JSON line for the kind and its parameters, of one line for each batch in
// order, and of one line for each exclusion in order. JSON with sorted keys, as
// encoding/json writes it, is the canonical encoding.
type Digester struct{ head, batches, exclusions hash.Hash }

// NewDigester starts the digest of a plan of the kind with the parameters.
func NewDigester(kind string, params Params) *Digester {
	d := &Digester{sha256.New(), sha256.New(), sha256.New()}
	addLine(d.head, struct {
		Kind   string `json:"kind"`
		Params Params `json:"params"`
	}{kind, params})
	return d
}

// Batch adds the next batch.
func (d *Digester) Batch(b Batch) { addLine(d.batches, b) }

// Exclusion adds the next exclusion.
func (d *Digester) Exclusion(e Exclusion) { addLine(d.exclusions, e) }

// Sum returns the digest in hexadecimal.
func (d *Digester) Sum() string {
	whole := d.head.Sum(nil)
	whole = d.batches.Sum(whole)
	whole = d.exclusions.Sum(whole)
	sum := sha256.Sum256(whole)
	return hex.EncodeToString(sum[:])
}

func addLine(h hash.Hash, v any) {
	line, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("bulk: a plan is always encodable: %v", err)) // only texts and numbers go in
	}
	h.Write(line)
	h.Write([]byte{'\n'})
}

// Speak returns a digest as people compare it: its first 16 digits in groups
// of four.
func Speak(digest string) string {
	if len(digest) < 16 {
		return digest
	}
	return strings.Join([]string{digest[0:4], digest[4:8], digest[8:12], digest[12:16]}, " ")
}

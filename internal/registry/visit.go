package registry

import (
	"slices"
	"strings"
	"time"
)

const visitPrefix = "VISIT#"

// VisitTime is how a visit's start is stored: UTC, minutes, and sorting as
// text sorts in time.
const VisitTime = "2006-01-02T15:04Z"

// States of a visit.
const (
	VisitScheduled = "scheduled"
	VisitCompleted = "completed"
	VisitCancelled = "cancelled"
	VisitMissed    = "missed"
)

// VisitTypes lists the types of visit a patient can have.
var VisitTypes = []string{"Routine", "Follow-up", "Medication Review", "Assessment", "Wellness", "Urgent", "Other"}

// VisitFields are all that a visit's record can hold.
var VisitFields = []string{VisitState, VisitType, VisitStart, VisitMinutes, VisitNote, CancelledWhy, ProviderField, FacilityField}

// VisitRef names one visit of a patient: when it starts and its id.
type VisitRef struct {
	Start time.Time
	ID    string
}

// String is the form kept in a profile's Upcoming field, e.g.
// 2026-12-01T09:00Z/V000042. It holds no space.
func (v VisitRef) String() string { return v.Start.UTC().Format(VisitTime) + "/" + v.ID }

// Ref names the visit's record.
func (v VisitRef) Ref(patient string) Ref {
	return Ref{patient, visitPrefix + v.Start.UTC().Format(VisitTime) + "#" + v.ID}
}

// VisitStart is when the visit starts that the reference names; ok is false for
// another record.
func (r Ref) VisitStart() (start time.Time, ok bool) {
	rest, isVisit := strings.CutPrefix(r.Part, visitPrefix)
	text, _, _ := strings.Cut(rest, "#")
	start, err := time.Parse(VisitTime, text)
	return start, isVisit && err == nil
}

// ParseVisitRefs reads an Upcoming field. Entries that are no references are
// dropped: they cannot name a record. So are repeated ones: one transaction
// cannot edit a record twice.
func ParseVisitRefs(text string) []VisitRef {
	var refs []VisitRef
	for _, entry := range strings.Fields(text) {
		start, id, _ := strings.Cut(entry, "/")
		at, err := time.Parse(VisitTime, start)
		if ref := (VisitRef{at, id}); err == nil && id != "" && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// FormatVisitRefs is the inverse of ParseVisitRefs.
func FormatVisitRefs(refs []VisitRef) string {
	texts := make([]string, len(refs))
	for i, r := range refs {
		texts[i] = r.String()
	}
	return strings.Join(texts, " ")
}

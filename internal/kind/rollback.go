package kind

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/slots"
	"bulkops/internal/staff"
)

// What a rollback is asked with. The engine fills it in from the operation
// that is to be undone.
const (
	Undoes     = "undoes"      // the operation's id
	UndoesKind = "undoes_kind" // what kind of change it made at first, through rollbacks of rollbacks
	UndoesWhat = "undoes_what" // its summary
)

// Rollback undoes what an earlier operation did, patient by patient, where
// the records still are as that operation left them.
var Rollback = Kind{
	Name:     "rollback",
	Title:    "Rollback",
	Approver: staff.Manager,
	Undoable: true,
	Follows:  true,
	Summary: func(p bulk.Params, _ registry.Directory) string {
		return fmt.Sprintf("Undo %s (%s)", p[Undoes], p[UndoesWhat])
	},
	Check: func(bulk.Params, registry.Directory) []Problem { return nil }, // the engine wrote them
	New:   func(p bulk.Params, w World) Planner { return rollbackPlanner{p[Undoes], w.At} },
}

type rollbackPlanner struct {
	undoes string
	at     time.Time
}

func (r rollbackPlanner) Plan(s Subject) (bulk.Change, *bulk.Exclusion) {
	done := *s.Done
	done.Edits = slices.DeleteFunc(slices.Clone(done.Edits), func(e bulk.Edit) bool { return len(e.After) == 0 }) // what it only relied on
	inverse := done.Inverse()
	inverse.Name, inverse.Facility = s.Patient.Name(), s.Patient.Facility()
	for i, edit := range inverse.Edits {
		if x := r.tooLate(edit); x != nil {
			return bulk.Change{}, x
		}
		record, found := s.Records[edit.Ref]
		if !found && !edit.Creates() {
			return bulk.Change{}, &bulk.Exclusion{Code: bulk.CannotUndo, Sentence: "A record that was changed is no longer there."}
		}
		if difference := edit.Difference(record); difference != "" {
			return bulk.Change{}, &bulk.Exclusion{Code: bulk.ChangedAfter, Sentence: "Changed since " + r.undoes + " " + difference}
		}
		if edit.Inverse().Creates() {
			if x := r.addedTo(edit, record); x != nil {
				return bulk.Change{}, x
			}
			inverse.Edits[i].Reads = nothingElse(edit)
			continue
		}
		_, read := done.Edits[len(done.Edits)-1-i].Reads[registry.FacilityField]
		if edit.Ref.Part == registry.ProfilePart || read {
			inverse.Edits[i].Reads = readsFacility(edit, record)
		}
	}
	for _, edit := range done.Edits {
		if edit.Vacates() {
			inverse.Edits = append(inverse.Edits, stillHeld(s.Records, edit)...)
		}
	}
	return inverse, nil
}

// tooLate refuses to take away a visit that has begun, and to make one in the past.
// One that was cancelled or moved is what it was, whenever that was.
func (r rollbackPlanner) tooLate(edit bulk.Edit) *bulk.Exclusion {
	start, visit := edit.Ref.VisitStart()
	switch {
	case !visit || start.After(r.at):
	case edit.Creates():
		return &bulk.Exclusion{Code: bulk.CannotUndo, Sentence: "The time of a visit that was taken away has passed, so it is not booked again."}
	case edit.Inverse().Creates():
		return &bulk.Exclusion{Code: bulk.CannotUndo, Sentence: "A visit that was booked has begun, so it is not taken away."}
	}
	return nil
}

// addedTo refuses to take away a record, which the operation made, with what
// somebody has added to it.
func (r rollbackPlanner) addedTo(edit bulk.Edit, record registry.Record) *bulk.Exclusion {
	for _, field := range slices.Sorted(maps.Keys(record.Fields)) {
		if _, made := edit.Before[field]; !made && record.Get(field) != "" {
			return &bulk.Exclusion{Code: bulk.ChangedAfter, Sentence: fmt.Sprintf("Changed since %s by %s: %s was added to a visit that was booked, so it is not taken away.",
				r.undoes, bulk.WrittenBy(record), registry.Label(field))}
		}
	}
	return nil
}

// nothingElse makes an edit take a visit away only while it has no field beyond
// those that it was made with.
func nothingElse(edit bulk.Edit) registry.Fields {
	if !edit.Ref.IsVisit() {
		return nil
	}
	reads := registry.Fields{}
	for _, field := range registry.VisitFields {
		if _, made := edit.Before[field]; !made {
			reads[field] = ""
		}
	}
	return reads
}

// stillHeld makes a visit come back only where the slots that are held for it
// are so still: nobody who books its time meanwhile gets it too. done is what
// took it away.
func stillHeld(records map[registry.Ref]registry.Record, done bulk.Edit) []bulk.Edit {
	var edits []bulk.Edit
	r := records[done.Ref]
	provider := cmp.Or(done.Before[registry.ProviderField], r.Get(registry.ProviderField))
	for _, at := range slots.Cells(r.Start(), r.Minutes()) {
		if slot := records[registry.SlotRef(provider, at)]; slot.Holder() == done.Ref {
			edits = append(edits, bulk.Edit{Ref: slot.Ref, Reads: registry.Held(done.Ref), Before: registry.Fields{}, After: registry.Fields{}})
		}
	}
	return edits
}

// readsFacility makes an edit hold only while the record stays in its facility,
// so that nobody changes what is in a facility they do not hold. An edit that
// moves the record says so itself.
func readsFacility(edit bulk.Edit, r registry.Record) registry.Fields {
	if _, moves := edit.Before[registry.FacilityField]; moves {
		return nil
	}
	return registry.Fields{registry.FacilityField: r.Get(registry.FacilityField)}
}

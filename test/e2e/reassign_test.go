package e2e_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// employProvider gives the ward a provider.
func (w ward) employProvider(t *testing.T, name string, limit int, facilities ...string) string {
	t.Helper()
	p := registry.Provider{ID: w.facility + "-" + name, Name: "Dr. " + name, Specialty: "Geriatrics", Facilities: facilities, Active: true, Limit: limit}
	if err := live.registry.PutProvider(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// assign gives all patients of the ward a provider and, where it is not empty,
// their visits to come a facility.
func (w ward) assign(t *testing.T, provider, visitsAt string) {
	t.Helper()
	var records []registry.Record
	for _, id := range w.patients {
		parts, err := live.registry.Parts(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range parts {
			r.Fields[registry.ProviderField] = provider
			if r.Ref.IsVisit() && visitsAt != "" {
				r.Fields[registry.FacilityField] = visitsAt
			}
			records = append(records, r)
		}
	}
	if err := live.registry.PutRecords(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// doAndUndo lets an operation run, compares all records with what its plan said
// and the audit recorded, rolls it back, and compares them with what was before.
// It returns the records as the operation left them.
func (w ward) doAndUndo(t *testing.T, op bulk.Operation) map[registry.Ref]registry.Fields {
	t.Helper()
	before := everything(t, w)
	want := map[registry.Ref]registry.Fields{}
	for ref, fields := range before {
		want[ref] = maps.Clone(fields)
	}
	edits := 0
	for line, err := range live.engine(t).Lines(t.Context(), op) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range line.Change.Edits {
			edits++
			if e.Ref.IsSlot() {
				continue // no patient's
			}
			if want[e.Ref] == nil {
				want[e.Ref] = registry.Fields{}
			}
			maps.Copy(want[e.Ref], e.After)
			maps.DeleteFunc(want[e.Ref], func(_, value string) bool { return value == "" })
		}
	}
	op = w.send(t, op)
	op = await(t, decide(t, live.engine(t), w.managers[0], op, bulk.Approve).ID, bulk.Completed)
	done := everything(t, w)
	sameRecords(t, "after the run", done, want)
	for _, r := range awaitAudit(t, op.ID, edits) {
		if r.Kind != op.Kind || r.Operator.Sub != w.requester.Sub || r.Approver.Sub != w.managers[0].Sub || maps.Equal(r.Old, r.New) {
			t.Errorf("audited as %s by %s, approved by %s", r.Kind, r.Operator.Name, r.Approver.Name)
		}
	}
	back := w.rolledBack(t, op, w.managers[0])
	if back.Plan.Changes != op.Plan.Changes || back.Plan.Excluded != 0 {
		t.Errorf("the rollback restores %d of %d and leaves out %v", back.Plan.Changes, op.Plan.Changes, back.Plan.ByReason)
	}
	sameRecords(t, "after the rollback", everything(t, w), before)
	awaitAudit(t, back.ID, edits)
	return done
}

func sameRecords(t *testing.T, when string, got, want map[registry.Ref]registry.Fields) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d records, want %d", when, len(got), len(want))
	}
	for ref, fields := range want {
		if !maps.Equal(got[ref], fields) {
			t.Errorf("%s: %s of a patient is not as it should be", when, ref.Part)
		}
	}
}

// A provider leaves: two others share the patients, one of whom has little room
// left. Visits go along, but for those with somebody else.
func TestPatientsOfALeavingProviderAreSharedOut(t *testing.T) {
	t.Parallel()
	w := newWard(t, "reassign", 120, 2)
	leaving := w.employProvider(t, "leaving", 0, w.facility)
	many, few := w.employProvider(t, "many", 0, w.facility), w.employProvider(t, "few", 25, w.facility)
	elsewhere := w.employProvider(t, "elsewhere", 0, "lakeside")
	w.assign(t, leaving, w.facility)
	specialist := live.patients(t, w.patients[5])[0].Visits()[0].Ref(w.patients[5])
	if err := live.registry.WriteByHand(t.Context(), specialist, registry.Fields{registry.ProviderField: elsewhere}, "Nora", time.Now()); err != nil {
		t.Fatal(err)
	}

	op := w.plannedAs(t, "provider-reassignment", bulk.Params{"to": "several", "providers": strings.Join([]string{many, few, elsewhere}, " "), "by": "load", "visits": "reassign"})
	after := op.Plan.After[registry.ProviderField]
	if op.Plan.Changes != 120 || op.Plan.Visits != 239 || op.Plan.Cancelled != 0 || op.Plan.Before[registry.ProviderField][leaving] != 120 ||
		after[many] != 95 || after[few] != 25 {
		t.Errorf("the plan is %+v", op.Plan)
	}
	done := w.doAndUndo(t, op)
	for ref, fields := range done {
		patient := done[registry.ProfileRef(ref.Patient)][registry.ProviderField]
		if got := fields[registry.ProviderField]; ref.IsVisit() && ref != specialist && got != patient || patient == leaving {
			t.Errorf("%s is with %s, the patient with %s", ref.Part, got, patient)
		}
	}
	if done[specialist][registry.ProviderField] != elsewhere {
		t.Error("a visit with somebody else did not stay with them")
	}

	// Filled up: nobody goes beyond the limit, and the plan says who and why.
	op = w.plannedAs(t, "provider-reassignment", bulk.Params{"to": "one", "provider": few, "visits": "cancel"})
	if op.Plan.Changes != 25 || op.Plan.ByReason[bulk.NoRoom] != 95 {
		t.Errorf("to somebody with room for 25: %d changes, left out %v", op.Plan.Changes, op.Plan.ByReason)
	}
	done = w.doAndUndo(t, op)
	for ref, fields := range done {
		moved := done[registry.ProfileRef(ref.Patient)][registry.ProviderField] == few
		if ref.IsVisit() && ref != specialist && moved != (fields[registry.VisitState] == registry.VisitCancelled) {
			t.Errorf("%s is %s although its patient moved: %v", ref.Part, fields[registry.VisitState], moved)
		}
	}

	// Cancelled and booked anew, by the rules: the new times are in the hours of the
	// ward, and nobody is booked twice, also not by what is booked already.
	open := registry.Facility{ID: w.facility, Name: "Ward of reassign", TimeZone: "America/New_York", Hours: registry.DefaultHours, Lunch: registry.DefaultLunch}
	if err := live.registry.PutFacility(t.Context(), open); err != nil {
		t.Fatal(err)
	}
	op = w.plannedAs(t, "provider-reassignment", bulk.Params{"to": "one", "provider": many, "visits": "reschedule"}, w.patients[10:30]...)
	if op.Plan.Changes != 20 || op.Plan.Booked != 40 || op.Plan.Cancelled != 40 {
		t.Errorf("the plan is %+v", op.Plan)
	}
	booked := map[string]bool{}
	for ref, fields := range w.doAndUndo(t, op) {
		if fields[registry.ProviderField] == many && ref.IsVisit() {
			if booked[fields[registry.VisitStart]] {
				t.Errorf("%s is booked twice", fields[registry.VisitStart])
			}
			booked[fields[registry.VisitStart]] = true
		}
	}
	if len(booked) != 40 {
		t.Errorf("%d visits are booked anew, want 40", len(booked))
	}
}

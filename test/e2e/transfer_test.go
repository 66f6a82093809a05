package e2e_test

import (
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// A ward closes: its patients move to another one, which has not room for all.
// Visits move along where they can take place there.
func TestPatientsOfAClosingWardMove(t *testing.T) {
	t.Parallel()
	w, to := newWard(t, "closing", 110, 2), newWard(t, "receiving", 3, 0)
	present, successor := w.employProvider(t, "present", 0, w.facility), w.employProvider(t, "successor", 0, to.facility)
	receiving := registry.Facility{ID: to.facility, Name: "Receiving ward", TimeZone: "America/New_York", DefaultProvider: successor, Capacity: 103, Hours: kindtest.AnyHour}
	if err := live.registry.PutFacility(t.Context(), receiving); err != nil {
		t.Fatal(err)
	}
	w.assign(t, present, w.facility)
	hold := func(p staff.Person, facilities ...string) {
		p.Facilities = facilities
		if err := live.staff.PutPerson(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(provider, visits string) bulk.Params {
		return bulk.Params{"to": to.facility, "provider": provider, "visits": visits}
	}
	hold(w.requester, w.facility, to.facility)
	w.requester.Facilities = []string{w.facility, to.facility}

	if op := w.plannedAs(t, "facility-transfer", ask("keep", "move")); op.Plan.Changes != 0 || op.Plan.ByReason[bulk.NotLicensed] != 110 {
		t.Errorf("with a provider who does not work there: %d changes, left out %v", op.Plan.Changes, op.Plan.ByReason)
	}
	op := w.plannedAs(t, "facility-transfer", ask("default", "move"))
	if op.Plan.Changes != 100 || op.Plan.ByReason[bulk.NoRoom] != 10 || op.Plan.Visits != 200 || len(op.Plan.Facilities) != 2 {
		t.Errorf("the plan is %+v", op.Plan)
	}
	// A manager of the closing ward alone is neither asked nor let.
	if asked, _, err := live.engine(t).Deciders(t.Context(), op); err != nil || len(asked) == 0 || asked[0].Sub == w.managers[0].Sub {
		t.Errorf("asked to decide: %v %v", asked, err)
	}
	if _, err := live.engine(t).Visible(t.Context(), w.managers[0], op.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("to a manager of one ward: %v", err)
	}
	hold(w.managers[0], w.facility, to.facility)
	w.managers[0].Facilities = []string{w.facility, to.facility}
	done := w.doAndUndo(t, op)
	w.seeToTasks(t, op.ID)
	moved := 0
	for ref, fields := range done {
		facility, provider := fields[registry.FacilityField], fields[registry.ProviderField]
		switch {
		case facility == to.facility && provider == successor:
			moved++
		case facility != w.facility || provider != present:
			t.Errorf("%s is at %s with %s", ref.Part, facility, provider)
		}
	}
	if moved != 300 {
		t.Errorf("%d records moved, want 100 patients with two visits each", moved)
	}

	op = w.plannedAs(t, "facility-transfer", ask("later", "cancel"), w.patients[:20]...)
	if op.Plan.Changes != 20 || op.Plan.Cancelled != 40 || op.Plan.After[registry.ProviderField][""] != 20 {
		t.Errorf("the plan is %+v", op.Plan)
	}
	w.doAndUndo(t, op)

	// What fills up after the preview takes nobody more at the run.
	op = w.send(t, w.plannedAs(t, "facility-transfer", ask("later", "keep"), w.patients[:5]...))
	receiving.Capacity = 3 + 2
	if err := live.registry.PutFacility(t.Context(), receiving); err != nil {
		t.Fatal(err)
	}
	op = await(t, decide(t, live.engine(t), w.managers[0], op, bulk.Approve).ID, bulk.CompletedWithErrors)
	if want := (bulk.Tally{Done: 2, Skipped: 3}); op.Final != want || len(op.Left) != 1 || op.Left[0].Code != bulk.NoRoomLeft {
		t.Errorf("with room for two the run ends with %+v, left %+v", op.Final, op.Left)
	}
}

// seeToTasks gives a task of the operation to the manager, who ticks it. Both
// stand in the operation and in its history.
func (w ward) seeToTasks(t *testing.T, id string) {
	t.Helper()
	engine := live.engine(t)
	if _, err := engine.GiveTask(t.Context(), w.requester, id, "records", w.managers[0].Sub); err != nil {
		t.Fatal(err)
	}
	mine, err := engine.MyTasks(t.Context(), w.managers[0])
	if err != nil || len(mine) != 1 || mine[0].ID != id {
		t.Errorf("the manager has tasks in %d operations: %v", len(mine), err)
	}
	op, err := engine.TickTask(t.Context(), w.managers[0], id, "records", true)
	if err != nil || op.Task("records").By.Sub != w.managers[0].Sub || op.State != bulk.Completed {
		t.Errorf("ticked by %+v: %v", op.Task("records").By, err)
	}
	if _, err := engine.TickTask(t.Context(), w.requester, id, "records", true); !fault.Is(err, fault.Conflict) {
		t.Errorf("ticked again by somebody else: %v", err)
	}
	events := eventsOf(t, id)
	last := events[len(events)-2:]
	if last[0].What != "task given" || last[0].Actor.Sub != w.requester.Sub || last[1].What != "task done" || last[1].Actor.Sub != w.managers[0].Sub {
		t.Errorf("the history ends with %+v", last)
	}
}

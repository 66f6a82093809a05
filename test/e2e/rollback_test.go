package e2e_test

import (
	"crypto/rand"
	"maps"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// An operation that ended care and cancelled visits is rolled back by the
// deployed functions under their own roles. Compared record by record, all is
// as before, but for the patient whom somebody changed in between.
func TestARollbackRestoresEveryRecord(t *testing.T) {
	t.Parallel()
	w := newWard(t, "rollback", 150, 2)
	before := everything(t, w)
	op := w.approved(t, registry.Discharged)
	op = await(t, op.ID, bulk.Completed)

	touched := w.patients[7]
	updateByHand(t, touched, registry.StatusField, string(registry.Active))

	back := w.undo(t, op)
	if back.Plan.Changes != 149 || back.Plan.ByReason[bulk.ChangedAfter] != 1 {
		t.Errorf("the rollback restores %d and leaves alone %v", back.Plan.Changes, back.Plan.ByReason)
	}
	w.run(t, back)

	after := everything(t, w)
	if len(after) != len(before) {
		t.Errorf("%d records, were %d", len(after), len(before))
	}
	for ref, fields := range before {
		if ref.Patient != touched && !maps.Equal(after[ref], fields) {
			t.Errorf("%s of a patient is not as before", ref.Part)
		}
	}
	if got := after[registry.ProfileRef(touched)]; got[registry.StatusField] != string(registry.Active) || got[registry.Upcoming] != "" {
		t.Error("what was changed by hand was not left alone")
	}
	if records := awaitAudit(t, back.ID, 149*3); len(records) != 149*3 {
		t.Errorf("%d changes of the rollback are audited", len(records))
	}
}

// undo asks for the rollback of an operation and returns it when it is ready to
// submit.
func (w ward) undo(t *testing.T, op bulk.Operation) bulk.Operation {
	t.Helper()
	back, err := live.engine(t).Again(t.Context(), w.requester, op.ID, bulk.Rollback, rand.Text())
	if err != nil {
		t.Fatal(err)
	}
	return await(t, back.ID, bulk.Ready)
}

// run takes a plan through approval to its end.
func (w ward) run(t *testing.T, op bulk.Operation) bulk.Operation {
	t.Helper()
	op = w.sent(t, op)
	return await(t, decide(t, live.engine(t), w.managers[0], op, bulk.Approve).ID, bulk.Completed)
}

// A stopped operation goes on with those who are left by a rerun.
func TestARerunGoesOnWithThoseWhoAreLeft(t *testing.T) {
	t.Parallel()
	w := newWard(t, "rerun", 120, 0)
	op := w.submitted(t, registry.OnHold)
	updateByHand(t, w.patients[3], registry.LockedBy, "Dr. No")
	e := live.engine(t)
	op = await(t, decide(t, e, w.managers[0], op, bulk.Approve).ID, bulk.CompletedWithErrors)
	if err := live.registry.WriteByHand(t.Context(), registry.ProfileRef(w.patients[3]), registry.Fields{registry.LockedBy: ""}, "Dr. No", time.Now()); err != nil {
		t.Fatal(err)
	}

	next, err := e.Again(t.Context(), w.requester, op.ID, bulk.Rerun, rand.Text())
	if err != nil {
		t.Fatal(err)
	}
	next = await(t, next.ID, bulk.Ready)
	if next, err = e.Submit(t.Context(), w.requester, next.ID, submission(next)); err != nil {
		t.Fatal(err)
	}
	next = await(t, decide(t, e, w.managers[1], next, bulk.Approve).ID, bulk.Completed)
	if next.Plan.Changes != 1 {
		t.Errorf("the rerun changed %d patients", next.Plan.Changes)
	}
}

// everything returns the fields of all records of the ward's patients.
func everything(t *testing.T, w ward) map[registry.Ref]registry.Fields {
	t.Helper()
	all := map[registry.Ref]registry.Fields{}
	for _, id := range w.patients {
		parts, err := live.registry.Parts(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range parts {
			all[r.Ref] = r.Fields
		}
	}
	return all
}

package e2e_test

import (
	"maps"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Tags, from the request to the rollback, decided by a team lead.
func TestTagsDecidedByATeamLead(t *testing.T) {
	t.Parallel()
	w := newWard(t, "tags", 130, 0)
	w.give(t, registry.Fields{registry.Tags: "old-tag vip"})
	lead := w.employ(t, "lead", staff.TeamLead)
	op := w.send(t, w.plannedAs(t, "tags", bulk.Params{"add": "Fall Risk, vip", "remove": "old-tag"}))
	w.doneAndRolledBack(t, op, lead, registry.Fields{registry.Tags: "old-tag vip"}, registry.Fields{registry.Tags: "fall-risk vip"})
}

// An insurance change that also puts patients On Hold. A team lead may not
// decide on it.
func TestAnInsuranceChangeDecidedByAManager(t *testing.T) {
	t.Parallel()
	w := newWard(t, "insurance", 130, 1)
	old := registry.Fields{registry.InsurancePlan: "Medicare", registry.InsuranceID: "ME1", registry.InsuranceFrom: "2020-01-01"}
	w.give(t, old)
	op := w.send(t, w.plannedAs(t, "insurance-change", bulk.Params{"plan": "Aetna", "effective": "2027-01-01", "member_ids": "clear", "ended": "yes"}))
	before, after := maps.Clone(old), registry.Fields{
		registry.InsurancePlan: "Aetna", registry.InsuranceID: "", registry.InsuranceFrom: "2027-01-01",
		registry.StatusField: "On Hold", registry.HoldReason: "Insurance lapse"}
	before[registry.StatusField], before[registry.HoldReason] = "Active", ""

	lead := w.employ(t, "lead", staff.TeamLead)
	_, err := live.engine(t).Decide(t.Context(), lead, op.ID, engine.DecisionRequest{Verdict: bulk.Approve, Digest: op.Plan.Digest})
	if !fault.Is(err, fault.Forbidden) {
		t.Errorf("a team lead decides on it: %v", err)
	}
	w.doneAndRolledBack(t, op, w.managers[0], before, after)
}

// give writes fields to every patient of the ward, outside any operation.
func (w ward) give(t *testing.T, fields registry.Fields) {
	t.Helper()
	for _, id := range w.patients {
		if err := live.registry.WriteByHand(t.Context(), registry.ProfileRef(id), fields, "Nora Nurse", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

// doneAndRolledBack lets somebody approve an operation that was sent for
// everybody in the ward, and its rollback, and checks records and audit: the
// fields go from before to after and back, and nothing else changes.
func (w ward) doneAndRolledBack(t *testing.T, op bulk.Operation, by staff.Person, before, after registry.Fields) {
	t.Helper()
	was := everything(t, w)
	op = await(t, decide(t, live.engine(t), by, op, bulk.Approve).ID, bulk.Completed)
	for ref, fields := range everything(t, w) {
		want := maps.Clone(was[ref])
		if ref.Part == registry.ProfilePart {
			maps.Copy(want, after)
			maps.DeleteFunc(want, func(_, value string) bool { return value == "" })
		}
		if !maps.Equal(fields, want) {
			t.Fatalf("%s of a patient is not as planned", ref.Part)
		}
	}
	back := w.rolledBack(t, op, by)
	for ref, fields := range everything(t, w) {
		if !maps.Equal(fields, was[ref]) {
			t.Fatalf("%s of a patient is not as before", ref.Part)
		}
	}
	for _, run := range []struct {
		op       bulk.Operation
		old, new registry.Fields
	}{{op, before, after}, {back, after, before}} {
		for _, r := range awaitAudit(t, run.op.ID, len(w.patients)) {
			if r.Kind != run.op.Kind || r.Operator.Name != w.requester.Name || r.Approver.Name != by.Name || r.Reason != run.op.Reason {
				t.Fatalf("the audit says %+v", r)
			}
			for field, value := range run.new {
				if r.New[field] != value || r.Old[field] != run.old[field] {
					t.Fatalf("%s: %q → %q is audited, want %q → %q", field, r.Old[field], r.New[field], run.old[field], value)
				}
			}
		}
	}
}

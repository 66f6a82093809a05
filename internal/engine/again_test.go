package engine_test

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// again asks for an operation made from op, takes it through all its steps and
// returns it ended. One whose plan is empty is returned as it is.
func (c *clinic) again(op bulk.Operation, as bulk.LinkKind) bulk.Operation {
	c.t.Helper()
	made, err := c.Again(c.t.Context(), ada, op.ID, as, fmt.Sprintf("%s-%s-0123456789", as, op.ID))
	must(c.t, err)
	must(c.t, c.Plan(c.t.Context(), made.ID))
	made = c.header(made.ID)
	if made.Plan.Changes == 0 {
		return made
	}
	_, err = c.Submit(c.t.Context(), ada, made.ID, submission(made))
	must(c.t, err)
	_, err = c.Decide(c.t.Context(), grace, made.ID, approval(made))
	must(c.t, err)
	v, err := c.Verify(c.t.Context(), made.ID)
	must(c.t, err)
	equal(c.t, "it may run", v.OK, true)
	return c.finish(c.header(made.ID))
}

// fields are all the fields of all records that have any.
func (c *clinic) fields() map[registry.Ref]registry.Fields {
	all := map[registry.Ref]registry.Fields{}
	for ref, r := range c.store.Snapshot() {
		f := maps.Clone(r.Fields)
		maps.DeleteFunc(f, func(_, value string) bool { return value == "" })
		all[ref] = f
	}
	return all
}

func (c *clinic) sameAs(what string, before map[registry.Ref]registry.Fields) {
	c.t.Helper()
	after := c.fields()
	for ref := range before {
		if !maps.Equal(before[ref], after[ref]) {
			c.t.Errorf("%s: %v\nwas %v\nis  %v", what, ref, before[ref], after[ref])
		}
	}
	equal(c.t, what+": records", len(after), len(before))
}

func TestARollbackRestoresWhatWasDone(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(150), visits(2))
	before := c.fields()
	op := c.finished(asks(registry.Discharged, numbered(150)...))
	back := c.again(op, bulk.Rollback)
	equal(t, "state", back.State, bulk.Completed)
	equal(t, "done", back.Final.Done, 150)
	c.sameAs("after the rollback", before)

	t.Run("and both operations lead to each other", func(t *testing.T) {
		equal(t, "origin", *back.Origin, bulk.Link{As: bulk.Rollback, Operation: op.ID})
		list(t, "follow", c.header(op.ID).Follow, bulk.Link{As: bulk.Rollback, Operation: back.ID})
	})
	t.Run("and can itself be rolled back", func(t *testing.T) {
		forth := c.again(back, bulk.Rollback)
		equal(t, "state", forth.State, bulk.Completed)
		equal(t, "status", c.status("P001"), registry.Discharged)
		again := c.again(forth, bulk.Rollback)
		equal(t, "state", again.State, bulk.Completed)
		c.sameAs("after the third rollback", before)
	})
	t.Run("and a second one of the same operation finds everything changed since", func(t *testing.T) {
		op, err := c.Again(t.Context(), ada, op.ID, bulk.Rollback, "another-key-0123456789")
		must(t, err)
		must(t, c.Plan(t.Context(), op.ID))
		equal(t, "changes", c.header(op.ID).Plan.Changes, 0)
		equal(t, "left alone", c.header(op.ID).Plan.ByReason[bulk.ChangedAfter], 150)
	})
}

func TestARollbackLeavesAloneWhatChangedSince(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, []string{"P1", "P2", "P3", "P4"}, visits(1))
	op := c.finished(asks(registry.Discharged, "P1", "P2", "P3", "P4"))
	c.byHand("P1", registry.StatusField, string(registry.Active))
	c.byHand("P2", registry.Phone, "1") // not what the operation wrote
	c.byHand("P3", registry.LockedBy, "Dr. No")
	c.store.Remove(registry.VisitRef{Start: noon.AddDate(0, 0, 1), ID: "V000"}.Ref("P4"))
	back := c.again(op, bulk.Rollback)
	list(t, "changes", c.subjects(back), "P2")
	excluded := c.excluded(back)
	list(t, "left alone", excluded,
		bulk.Exclusion{Subject: "P1", Name: canary + " P1", Code: bulk.ChangedAfter,
			Sentence: "Changed since " + op.ID + ` by Nora Nurse: Status was "Discharged" and is now "Active".`},
		bulk.Exclusion{Subject: "P3", Name: canary + " P3", Code: bulk.Locked, Sentence: "The record is locked by Dr. No."},
		bulk.Exclusion{Subject: "P4", Name: canary + " P4", Code: bulk.CannotUndo, Sentence: "A record that was changed is no longer there."})
}

func TestARerunTakesThoseForWhomItCanHelp(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, []string{"P1", "P2", "P3", "P4"})
	op := c.started(asks(registry.OnHold, "P1", "P2", "P3", "P4"))
	c.byHand("P2", registry.LockedBy, "Dr. No")
	c.store.Remove(registry.ProfileRef("P3"))
	op = c.finish(op)
	equal(t, "state", op.State, bulk.CompletedWithErrors)
	c.byHand("P2", registry.LockedBy, "")
	next := c.again(op, bulk.Rerun)
	list(t, "subjects", c.subjects(next), "P2")
	equal(t, "kind", next.Kind, op.Kind)
	equal(t, "state", next.State, bulk.Completed)
	equal(t, "status", c.status("P2"), registry.OnHold)

	t.Run("and there is nobody to run it for again after that", func(t *testing.T) {
		_, err := c.Again(t.Context(), ada, next.ID, bulk.Rerun, "a-key-0123456789abcdef")
		refused(t, err, fault.Conflict, next.ID+" changed everybody in its plan, so there is nobody to run it for again.")
	})
}

func TestARerunOfAStoppedOperationGoesOnWithTheRest(t *testing.T) {
	c := newClinic(t)
	ids := numbered(150)
	c.admit(registry.Active, ids)
	op := c.started(asks(registry.OnHold, ids...))
	_, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	_, err = c.Stop(t.Context(), ada, op.ID)
	must(t, err)
	op, err = c.Finish(t.Context(), op.ID, "")
	must(t, err)
	equal(t, "state", op.State, bulk.Stopped)
	next := c.again(op, bulk.Rerun)
	list(t, "subjects", c.subjects(next), ids[100:]...)
	equal(t, "state", next.State, bulk.Completed)
}

func TestWhatCannotBeFollowed(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, []string{"P1"})
	op := c.submitted(asks(registry.OnHold, "P1"))
	_, err := c.Again(t.Context(), ada, op.ID, bulk.Rollback, "a-key-0123456789abcdef")
	refused(t, err, fault.Conflict, op.ID+" has not run to its end, so there is nothing to run again or to roll back.")
	_, err = c.Again(t.Context(), ben, op.ID, bulk.Rollback, "a-key-0123456789abcdef")
	equal(t, "to somebody who may not see it", fault.CodeOf(err), fault.NotFound)
	_, err = c.Again(t.Context(), ula, op.ID, bulk.Rollback, "a-key-0123456789abcdef")
	equal(t, "to an auditor", fault.CodeOf(err), fault.Conflict)
	_, err = c.Request(t.Context(), ada, engine.Request{Kind: "rollback", Key: "a-key-0123456789abcdef", Params: bulk.Params{kind.Undoes: op.ID},
		Selection: bulk.Selection{Source: bulk.Pasted, IDs: []string{"P1"}}})
	refused(t, err, fault.Invalid, "Run an operation again, or roll it back, from its own page.")
	r := asks(registry.Active)
	r.Selection = bulk.Selection{Source: bulk.FromDone, Of: op.ID}
	_, err = c.Request(t.Context(), ada, r)
	refused(t, err, fault.Invalid, "Run an operation again, or roll it back, from its own page.")
}

func TestARollbackTakesTheApprovalOfWhatItUndoes(t *testing.T) {
	for _, k := range kind.All {
		p := bulk.Params{kind.UndoesKind: k.Name}
		if got := kind.Rollback.Decider(p); got != k.Approver {
			t.Errorf("rolling back %s is decided by %s, the change by %s", k.Name, got, k.Approver)
		}
	}
	equal(t, "a status change", kind.Rollback.Decider(bulk.Params{kind.UndoesKind: "status-change"}), staff.Manager)
}

// asked draws a request of each kind that can be rolled back, for checks that
// hold for all of them.
var asked = map[string]func(*rapid.T) bulk.Params{
	"status-change": func(r *rapid.T) bulk.Params {
		to := rapid.SampledFrom([]registry.Status{registry.Active, registry.OnHold, registry.Hospitalized, registry.Discharged, registry.Inactive}).Draw(r, "to")
		p := asks(to).Params
		if to == registry.OnHold && rapid.Bool().Draw(r, "cancel") {
			p[kind.CancelVisits] = "yes"
		}
		return p
	},
	"provider-reassignment": func(r *rapid.T) bulk.Params {
		p := bulk.Params{kind.FutureVisits: rapid.SampledFrom([]string{kind.GiveVisits, kind.KeepVisits, kind.DropVisits}).Draw(r, "visits")}
		switch p[kind.ReassignTo] = rapid.SampledFrom([]string{kind.ToOne, kind.ToSeveral, kind.ToDefault}).Draw(r, "to"); p[kind.ReassignTo] {
		case kind.ToOne:
			p[kind.NewProvider] = rapid.SampledFrom([]string{"ann", "bea"}).Draw(r, "provider")
		case kind.ToSeveral:
			p[kind.NewProviders] = "ann bea cyd"
			p[kind.ShareBy] = rapid.SampledFrom([]string{kind.ByTurns, kind.ByLoad}).Draw(r, "by")
		}
		return p
	},
	"facility-transfer": func(r *rapid.T) bulk.Params {
		return bulk.Params{
			kind.TransferTo:   rapid.SampledFrom([]string{"fac-1", "fac-2"}).Draw(r, "to"),
			kind.WithProvider: rapid.SampledFrom([]string{kind.KeepProvider, kind.StandIn, kind.AssignLater}).Draw(r, "provider"),
			kind.FutureVisits: rapid.SampledFrom([]string{kind.ShiftVisits, kind.KeepVisits, kind.DropVisits}).Draw(r, "visits"),
		}
	},
}

// providers are those of the clinic, where it has any.
var providers = []registry.Provider{
	{ID: "ann", Name: "Dr. Ann", Specialty: "Geriatrics", Facilities: []string{"fac-1", "fac-2"}, Active: true, Limit: 4},
	{ID: "bea", Name: "Dr. Bea", Specialty: "Geriatrics", Facilities: []string{"fac-1"}, Active: true},
	{ID: "cyd", Name: "Dr. Cyd", Specialty: "Podiatry", Facilities: []string{"fac-2"}, Active: true},
}

// employProviders gives the clinic its providers, and each facility a default.
func (c *clinic) employProviders() {
	c.t.Helper()
	ctx := c.t.Context()
	for _, p := range providers {
		must(c.t, c.store.PutProvider(ctx, p))
	}
	must(c.t, c.store.PutFacility(ctx, registry.Facility{ID: "fac-1", Name: "Riverside", DefaultProvider: "ann"}))
	must(c.t, c.store.PutFacility(ctx, registry.Facility{ID: "fac-2", Name: "Hilltop", DefaultProvider: "cyd", Capacity: 6}))
}

// Whatever is done and rolled back, by whatever kind, with hand edits in
// between: every field that nobody else changed is as it was.
func TestDoneAndRolledBackEveryByteIsRestored(t *testing.T) {
	for _, k := range kind.All {
		if k.Follows || !k.Undoable {
			continue
		}
		if asked[k.Name] == nil {
			t.Errorf("no request of the kind %s can be drawn", k.Name)
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) { doAndRollBack(t, r, k.Name) })
		})
	}
}

func doAndRollBack(t *testing.T, r *rapid.T, kindName string) {
	c := newClinic(t)
	c.employProviders()
	ids := numbered(rapid.IntRange(1, 12).Draw(r, "patients"))
	for _, id := range ids {
		draw := func(name string, from ...string) string { return rapid.SampledFrom(from).Draw(r, name+" of "+id) }
		c.admit(rapid.SampledFrom(registry.Statuses).Draw(r, "status of "+id), []string{id}, visits(rapid.IntRange(0, 3).Draw(r, "visits of "+id)),
			with(registry.ProviderField, draw("provider", "", "ann", "bea", "cyd")), with(registry.FacilityField, draw("facility", "fac-1", "fac-2")))
		for _, v := range (registry.Patient{Record: c.store.Snapshot()[registry.ProfileRef(id)]}).Visits() {
			must(t, c.store.WriteByHand(t.Context(), v.Ref(id), registry.Fields{
				registry.ProviderField: draw("visit's provider", "", "ann", "bea", "cyd"), registry.FacilityField: draw("visit's facility", "", "fac-1", "fac-2"),
			}, "Import", c.now))
		}
	}
	before := c.fields()
	op := c.planned(engine.Request{Kind: kindName, Params: asked[kindName](r), Key: "key-0123456789abcdef",
		Selection: bulk.Selection{Source: bulk.Pasted, IDs: ids}})
	if op.Plan.Changes == 0 {
		return
	}
	op, err := c.Submit(t.Context(), ada, op.ID, submission(op))
	must(t, err)
	_, err = c.Decide(t.Context(), grace, op.ID, approval(op))
	must(t, err)
	_, err = c.Verify(t.Context(), op.ID)
	must(t, err)
	op = c.finish(c.header(op.ID))
	equal(t, "everybody was changed", op.State, bulk.Completed)

	wrote := map[string]registry.Fields{} // to profiles
	for line, err := range c.Lines(t.Context(), op) {
		must(t, err)
		wrote[line.Change.Subject] = line.Change.Edits[0].After
	}
	left := map[string]bool{} // patients who are left alone
	field := rapid.SampledFrom([]string{registry.StatusField, registry.ProviderField, registry.FacilityField, registry.Phone}).Draw(r, "by hand")
	for _, id := range rapid.SliceOfDistinct(rapid.SampledFrom(ids), func(s string) string { return s }).Draw(r, "changed by hand") {
		c.byHand(id, field, "elsewhere")
		before[registry.ProfileRef(id)][field] = "elsewhere"
		_, differs := wrote[id][field]
		left[id] = differs || field == registry.FacilityField // where ada may not follow
	}
	byHand := c.fields()
	c.again(op, bulk.Rollback)
	for ref, after := range c.fields() {
		want := before[ref]
		if left[ref.Patient] {
			want = byHand[ref]
		}
		if !maps.Equal(after, want) {
			r.Fatalf("%v is %v, want %v", ref, after, want)
		}
	}
}

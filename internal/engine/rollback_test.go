package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

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
			Sentence: "Changed since " + op.ID + ` by Nora Nurse, 1 Dec 2026, 12:00 UTC: Status was "Discharged" and is now "Active".`},
		bulk.Exclusion{Subject: "P3", Name: canary + " P3", Code: bulk.Locked, Sentence: "The record is locked by Dr. No."},
		bulk.Exclusion{Subject: "P4", Name: canary + " P4", Code: bulk.CannotUndo, Sentence: "A record that was changed is no longer there."})
}

// A rollback that is stopped, wherever that is, and gone on with ends as one
// that was not.
func TestARollbackStoppedAnywhereAndGoneOnWithRestoresEverything(t *testing.T) {
	groups := 0
	for at := 1; ; at++ {
		c := newClinic(t)
		c.admit(registry.Active, numbered(110), visits(3))
		before := c.fields()
		op := c.finished(asks(registry.Discharged, numbered(110)...))
		commits := 0
		c.fault = func(call string, do func() error) error {
			if call == "CommitGroup" {
				if commits++; commits == at {
					_, err := c.Stop(t.Context(), ada, c.running())
					must(t, err)
				}
			}
			return do()
		}
		back := c.again(op, bulk.Rollback)
		stopped := commits >= at
		c.fault = noFault
		if back.State == bulk.Stopped {
			groups++
			rest := c.again(back, bulk.Rerun)
			equal(t, "those who are left", rest.Final.Done, 110-back.Final.Done)
			equal(t, "state", rest.State, bulk.Completed)
		}
		c.sameAs(fmt.Sprint("stopped at ", at), before)
		if !stopped || t.Failed() {
			break
		}
	}
	if groups < 4 {
		t.Errorf("it was stopped in %d places", groups)
	}
}

// running is the id of the operation that runs.
func (c *clinic) running() string {
	for id, err := range c.store.ByRequester(c.t.Context(), ada.Sub) {
		if err != nil {
			c.t.Fatal(err)
		}
		if c.header(id).State == bulk.Running {
			return id
		}
	}
	return ""
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

// employ gives the clinic providers and facilities.
func (c *clinic) employ(d registry.Directory) {
	c.t.Helper()
	for _, p := range d.Providers {
		must(c.t, c.store.PutProvider(c.t.Context(), p))
	}
	for _, f := range d.Facilities {
		must(c.t, c.store.PutFacility(c.t.Context(), f))
	}
}

// Whatever is done and rolled back, of whatever kind, with hand edits in
// between, every field that nobody else changed is as it was.
func TestDoneAndRolledBackEveryByteIsRestored(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := newClinic(t)
		c.employ(kindtest.Directory)
		ids := numbered(rapid.IntRange(1, 12).Draw(r, "patients"))
		for _, id := range ids {
			c.admit(registry.Active, []string{id}, visits(rapid.IntRange(0, 3).Draw(r, "visits")),
				func(f registry.Fields) { maps.Copy(f, kindtest.DrawFields(r)) })
			for _, v := range (registry.Patient{Record: c.store.Snapshot()[registry.ProfileRef(id)]}).Visits() {
				must(t, c.store.WriteByHand(t.Context(), v.Ref(id), kindtest.DrawPlace(r), "Import", c.now))
			}
		}
		before := c.fields()
		k, params := kindtest.Draw(r)
		request := asks(registry.Active, ids...)
		request.Kind, request.Params = k.Name, params
		request.Selection.Given = kindtest.DrawGiven(r, k, len(ids))
		op := c.planned(request)
		if op.Plan.Changes == 0 {
			return
		}
		op = c.finish(c.start(c.approve(c.submit(op))))
		equal(t, k.Name, op.State, bulk.Completed)

		// A hand writes to one field of some; whose change wrote that field too is left alone.
		field := rapid.SampledFrom([]string{registry.StatusField, registry.ProviderField, registry.Tags, registry.InsurancePlan, registry.Phone}).Draw(r, "field")
		touched := map[string]bool{}
		for _, id := range rapid.SliceOfDistinct(rapid.SampledFrom(ids), func(s string) string { return s }).Draw(r, "by hand") {
			c.byHand(id, field, "Elsewhere")
			touched[id] = true
		}
		want := c.fields()
		for line, err := range c.Lines(t.Context(), op) {
			must(t, err)
			if id := line.Change.Subject; touched[id] && slices.ContainsFunc(line.Change.Edits, func(e bulk.Edit) bool {
				_, wrote := e.After[field]
				return wrote && e.Ref == registry.ProfileRef(id)
			}) {
				continue
			}
			for _, e := range line.Change.Edits {
				for f := range e.After {
					if want[e.Ref][f] = before[e.Ref][f]; want[e.Ref][f] == "" {
						delete(want[e.Ref], f)
					}
				}
			}
		}
		c.again(op, bulk.Rollback)
		for ref, after := range c.fields() {
			if !maps.Equal(after, want[ref]) {
				r.Fatalf("%s: %v is %v, want %v", k.Name, ref, after, want[ref])
			}
		}
	})
}

// Who could not be rolled back, because somebody had locked the record, is
// rolled back by a rerun of the rollback.
func TestARerunOfARollbackTakesBackTheRest(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2), visits(2))
	before := c.fields()
	op := c.finished(asks(registry.Discharged, numbered(2)...))

	rollback := c.start(c.approve(c.submit(c.follow(op, bulk.Rollback))))
	c.byHand("P002", registry.LockedBy, "Nora Nurse")
	rollback = c.finish(rollback)
	equal(t, "rolled back", rollback.Final, bulk.Tally{Done: 1, Skipped: 1})
	equal(t, "why not", c.outcomes(rollback)["P002"].Code, bulk.LockedSince)

	c.byHand("P002", registry.LockedBy, "")
	rest := c.again(rollback, bulk.Rerun)
	list(t, "subjects of the rerun", c.subjects(rest), "P002")
	equal(t, "state", rest.State, bulk.Completed)
	c.sameAs("after both", before)
}

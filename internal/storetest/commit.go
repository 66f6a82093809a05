package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

// running stores an operation and returns its id: what a group belongs to.
func running(t *testing.T, s Stores) string {
	t.Helper()
	return create(t, s, operation("OP-000001-AAAA", noon))
}

// group is what commits the changes as group 0 of batch 1.
func group(id string, changes ...bulk.Change) engine.Group {
	return engine.Group{
		Operation: id, Changes: changes,
		Stamp:  registry.Stamp{Operation: id, Batch: 1, By: ada.Name, Approver: grace.Name, At: noon},
		Result: bulk.Result{Batch: 1, Group: 0},
		Tally:  bulk.Tally{Done: len(changes)},
	}
}

// holds puts all the patients of fac-1 on hold.
func holds(ids []string) []bulk.Change {
	var changes []bulk.Change
	for _, id := range ids {
		changes = append(changes, hold(id, "fac-1"))
	}
	return changes
}

// after is the record that an edit of the group leaves behind.
func after(old registry.Record, e bulk.Edit, stamp registry.Stamp) registry.Record {
	r := old.Clone()
	for field, value := range e.After {
		r.Fields[field] = value
		if value == "" {
			delete(r.Fields, field)
		}
	}
	r.Stamp = stamp
	return r
}

// nothing expects that the fields are absent.
func nothing(fields registry.Fields) registry.Fields {
	none := registry.Fields{}
	for field := range fields {
		none[field] = ""
	}
	return none
}

var commitTests = []test{
	{"a group's edits, result and tally are written together", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, 5), running(t, s)
		g := group(id, holds(ids[:3])...)
		g.Result.Others = []bulk.Outcome{
			{Subject: ids[3], State: bulk.Skipped, Code: bulk.ChangedSince, Sentence: "Changed since the preview by " + hostileNames[0] + ".", Retryable: true},
			{Subject: ids[4], State: bulk.Failed, Code: bulk.Unwritable, Sentence: "The record could not be written."},
		}
		g.Tally = bulk.Tally{Done: 3, Skipped: 1, Failed: 1}
		must(t, "commit", s.Operations.CommitGroup(t.Context(), g))
		for i, subject := range ids {
			expected := patient(subject, "fac-1")
			if i < 3 {
				expected = after(expected, g.Changes[i].Edits[0], g.Stamp)
			}
			same(t, "record", record(t, s, expected.Ref), expected)
		}
		result, ok, err := s.Operations.Result(t.Context(), id, 1, 0)
		must(t, "read the result", err)
		same(t, "there is a result", ok, true)
		same(t, "result", result, g.Result)
		progress, err := s.Operations.Progress(t.Context(), id)
		must(t, "read the progress", err)
		same(t, "progress", progress, g.Tally)
	}},
	{"an edit that expects nothing makes a record, and its inverse takes it away", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, 1), running(t, s)
		ref := registry.VisitRef{Start: noon.AddDate(0, 0, 9), ID: "V900"}.Ref(ids[0])
		made := registry.Fields{registry.VisitState: registry.VisitScheduled, registry.VisitType: "Routine", registry.VisitStart: noon.AddDate(0, 0, 9).Format(registry.VisitTime)}
		change := hold(ids[0], "fac-1")
		change.Edits = append(change.Edits, bulk.Edit{Ref: ref, Before: nothing(made), After: made})
		g := group(id, change)
		must(t, "commit", s.Operations.CommitGroup(t.Context(), g))
		same(t, "record", record(t, s, ref), registry.Record{Ref: ref, Fields: made, Stamp: g.Stamp})

		again := group(id, bulk.Change{Subject: ids[0], Edits: []bulk.Edit{change.Edits[1]}})
		again.Result.Group = 1
		refusal := (*engine.Refusal)(nil)
		if err := s.Operations.CommitGroup(t.Context(), again); !errors.As(err, &refusal) {
			t.Fatalf("it was made twice: %v", err)
		}

		back := group(id, change.Inverse())
		back.Result.Group = 2
		must(t, "commit the inverse", s.Operations.CommitGroup(t.Context(), back))
		parts, err := s.Registry.Parts(t.Context(), ids[0])
		must(t, "read the parts", err)
		for _, p := range parts {
			if p.Ref == ref {
				t.Errorf("it is still there: %v", p)
			}
		}
		forth := group(id, change)
		forth.Result.Group = 3
		must(t, "make it again", s.Operations.CommitGroup(t.Context(), forth))
		same(t, "record", record(t, s, ref), registry.Record{Ref: ref, Fields: made, Stamp: g.Stamp})
	}},
	{"a group is recorded once, however often it is delivered", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, 3), running(t, s)
		g := group(id, holds(ids)...)
		must(t, "commit", s.Operations.CommitGroup(t.Context(), g))
		later := noon.AddDate(0, 0, 1)
		must(t, "write by hand", s.Registry.WriteByHand(t.Context(), registry.ProfileRef(ids[0]), registry.Fields{registry.Phone: "1"}, "Ada", later))
		before := record(t, s, registry.ProfileRef(ids[0]))
		for _, at := range []int{0, 1} {
			g.Stamp.At = noon.AddDate(0, 0, at)
			if err := s.Operations.CommitGroup(t.Context(), g); !errors.Is(err, engine.ErrRecorded) {
				t.Fatalf("the same group again: got %v, want ErrRecorded", err)
			}
		}
		same(t, "record", record(t, s, before.Ref), before)
		progress, err := s.Operations.Progress(t.Context(), id)
		must(t, "read the progress", err)
		same(t, "progress", progress, bulk.Tally{Done: 3})
	}},
	{"a recorded group says so even where its records have changed since", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, 1), running(t, s)
		g := group(id, holds(ids)...)
		must(t, "commit", s.Operations.CommitGroup(t.Context(), g))
		g.Changes = nil
		g.Tally = bulk.Tally{Skipped: 1}
		if err := s.Operations.CommitGroup(t.Context(), g); !errors.Is(err, engine.ErrRecorded) {
			t.Fatalf("got %v, want ErrRecorded", err)
		}
	}},
	{"a group in which nothing is left to change is recorded", func(t *testing.T, s Stores) {
		id := running(t, s)
		g := group(id)
		g.Result.Others = []bulk.Outcome{{Subject: "p", State: bulk.Skipped, Code: bulk.Gone}}
		g.Tally = bulk.Tally{Skipped: 1}
		must(t, "commit", s.Operations.CommitGroup(t.Context(), g))
		result, ok, err := s.Operations.Result(t.Context(), id, 1, 0)
		must(t, "read", err)
		same(t, "there is a result", ok, true)
		same(t, "result", result, g.Result)
	}},
	{"profile and visits of a patient change together", func(t *testing.T, s Stores) {
		profile := patient("p", "fac-1")
		profile.Fields[registry.Upcoming] = "2026-12-02T12:00Z/V0001 2026-12-03T12:00Z/V0002"
		visits := []registry.Record{visit("p", 1), visit("p", 2)}
		must(t, "put", s.Registry.PutRecords(t.Context(), append(visits, profile)))
		c := hold("p", "fac-1")
		c.Edits[0].Before[registry.Upcoming] = profile.Get(registry.Upcoming)
		c.Edits[0].After[registry.Upcoming] = ""
		for _, v := range visits {
			c.Edits = append(c.Edits, bulk.Edit{Ref: v.Ref,
				Before: registry.Fields{registry.VisitState: registry.VisitScheduled, registry.CancelledWhy: ""},
				After:  registry.Fields{registry.VisitState: registry.VisitCancelled, registry.CancelledWhy: "Patient is On Hold"}})
		}
		g := group(running(t, s), c)
		must(t, "commit", s.Operations.CommitGroup(t.Context(), g))
		for i, old := range append([]registry.Record{profile}, visits...) {
			same(t, "record", record(t, s, old.Ref), after(old, c.Edits[i], g.Stamp))
		}
	}},
	{"a change and its inverse leave every field as it was", func(t *testing.T, s Stores) {
		ids := seed(t, s, 1)
		before := record(t, s, registry.ProfileRef(ids[0]))
		g := group(running(t, s), hold(ids[0], "fac-1"))
		must(t, "commit", s.Operations.CommitGroup(t.Context(), g))
		back := group(create(t, s, operation("OP-000002-AAAA", noon)), g.Changes[0].Inverse())
		must(t, "roll back", s.Operations.CommitGroup(t.Context(), back))
		now := record(t, s, before.Ref)
		same(t, "fields", now.Fields, before.Fields)
		same(t, "stamp", now.Stamp, back.Stamp)
	}},
	{"hostile values are written and compared as they are", func(t *testing.T, s Stores) {
		id := running(t, s)
		for i, name := range hostileNames {
			subject := fmt.Sprintf("%02d %s", i, repeat(name, min(len(name), 40)))
			if i == 3 || i > 4 {
				subject = fmt.Sprintf("%02d%s", i, "é#:")
			}
			r := patient(subject, "fac-1")
			r.Fields[registry.Name], r.Fields[registry.Address] = name, name
			must(t, "put", s.Registry.PutRecords(t.Context(), []registry.Record{r}))
			c := bulk.Change{Subject: subject, Edits: []bulk.Edit{{Ref: r.Ref,
				Reads:  registry.Fields{registry.Address: name},
				Before: registry.Fields{registry.Name: name, registry.EmergencyName: ""},
				After:  registry.Fields{registry.Name: name + " II", registry.EmergencyName: name}}}}
			g := group(id, c)
			g.Result.Batch = i + 1
			must(t, "commit", s.Operations.CommitGroup(t.Context(), g))
			same(t, "record", record(t, s, r.Ref), after(r, c.Edits[0], g.Stamp))
		}
	}},
	{"a group of 98 edits is committed; the edits of one more are refused as our mistake", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, bulk.MaxEdits+1), running(t, s)
		want(t, "commit too many", s.Operations.CommitGroup(t.Context(), group(id, holds(ids)...)), fault.Internal)
		must(t, "commit", s.Operations.CommitGroup(t.Context(), group(id, holds(ids[:bulk.MaxEdits])...)))
		for i, subject := range ids {
			status := record(t, s, registry.ProfileRef(subject)).Get(registry.StatusField)
			same(t, "changed", status == string(registry.OnHold), i < bulk.MaxEdits)
		}
	}},
	{"results come in order of batch and group, and progress is their sum", func(t *testing.T, s Stores) {
		id := running(t, s)
		var sum bulk.Tally
		for _, at := range [][2]int{{10, 0}, {2, 1}, {2, 0}, {1, 11}, {1, 2}, {999, 0}} {
			g := group(id)
			g.Result.Batch, g.Result.Group = at[0], at[1]
			g.Tally = bulk.Tally{Done: at[0], Skipped: at[1], Failed: 1}
			sum = sum.Plus(g.Tally)
			must(t, "commit", s.Operations.CommitGroup(t.Context(), g))
		}
		var order [][2]int
		for _, r := range collect(t, s.Operations.Results(t.Context(), id)) {
			order = append(order, [2]int{r.Batch, r.Group})
		}
		same(t, "order", order, [][2]int{{1, 2}, {1, 11}, {2, 0}, {2, 1}, {10, 0}, {999, 0}})
		progress, err := s.Operations.Progress(t.Context(), id)
		must(t, "read the progress", err)
		same(t, "progress", progress, sum)
		_, ok, err := s.Operations.Result(t.Context(), id, 2, 2)
		must(t, "read a result that is not there", err)
		same(t, "there is none", ok, false)
	}},
	{"of many commits of one group at once one is made; the others find it recorded", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, 10), running(t, s)
		var committed sync.Map
		parallel(20, func(i int) {
			g := group(id, holds(ids)...)
			g.Stamp.Batch = i
			switch err := commit(t, s, g); {
			case err == nil:
				committed.Store(fmt.Sprint(i), true)
			case !errors.Is(err, engine.ErrRecorded):
				t.Errorf("commit: %v", err)
			}
		})
		winners := keys(&committed)
		same(t, "commits", len(winners), 1)
		for _, subject := range ids {
			same(t, "stamp", fmt.Sprint(record(t, s, registry.ProfileRef(subject)).Stamp.Batch), winners[0])
		}
		progress, err := s.Operations.Progress(t.Context(), id)
		must(t, "read the progress", err)
		same(t, "progress", progress, bulk.Tally{Done: 10})
	}},
}

// commit tries again while the store is busy, as the engine does.
func commit(t *testing.T, s Stores, g engine.Group) error {
	for {
		if err := s.Operations.CommitGroup(t.Context(), g); !fault.Is(err, fault.Busy) {
			return err
		}
	}
}

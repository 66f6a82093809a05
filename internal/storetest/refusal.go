package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

// refused commits g, which must be refused for the subjects, and checks that
// nothing at all was written.
func refused(t *testing.T, s Stores, g engine.Group, changed, unwritable []string) {
	t.Helper()
	var refs []registry.Ref
	for _, c := range g.Changes {
		for _, e := range c.Edits {
			refs = append(refs, e.Ref)
		}
	}
	before, err := s.Registry.Records(t.Context(), refs)
	must(t, "read before", err)
	var refusal *engine.Refusal
	if err := s.Operations.CommitGroup(t.Context(), g); !errors.As(err, &refusal) {
		t.Fatalf("commit: got %v, want a refusal", err)
	}
	slices.Sort(refusal.Changed)
	slices.Sort(refusal.Unwritable)
	if !slices.Equal(refusal.Changed, changed) || !slices.Equal(refusal.Unwritable, unwritable) {
		t.Fatalf("refused for changed %v and unwritable %v, want %v and %v", refusal.Changed, refusal.Unwritable, changed, unwritable)
	}
	now, err := s.Registry.Records(t.Context(), refs)
	must(t, "read after", err)
	same(t, "number of records", len(now), len(before))
	for ref, r := range before {
		same(t, "record", now[ref], r)
	}
	_, ok, err := s.Operations.Result(t.Context(), g.Operation, g.Result.Batch, g.Result.Group)
	must(t, "read the result", err)
	same(t, "there is a result", ok, false)
	progress, err := s.Operations.Progress(t.Context(), g.Operation)
	must(t, "read the progress", err)
	same(t, "progress", progress, bulk.Tally{})
}

func byHand(t *testing.T, s Stores, subject string, fields registry.Fields) {
	t.Helper()
	must(t, "write by hand", s.Registry.WriteByHand(t.Context(), registry.ProfileRef(subject), fields, "Dr. No", noon))
}

var refusalTests = []test{
	{"exactly the subjects whose records changed are named, and the rest can be committed without them", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, 6), running(t, s)
		byHand(t, s, ids[1], registry.Fields{registry.StatusField: string(registry.Discharged)}) // a value to replace
		byHand(t, s, ids[2], registry.Fields{registry.FacilityField: "fac-2"})                   // a value relied upon
		byHand(t, s, ids[3], registry.Fields{registry.HoldReason: "Payment"})                    // was absent
		byHand(t, s, ids[4], registry.Fields{registry.StatusField: ""})                          // now absent
		byHand(t, s, ids[5], registry.Fields{registry.Phone: "1"})                               // none of the plan's business
		refused(t, s, group(id, holds(ids)...), ids[1:5], nil)
		must(t, "commit the rest", s.Operations.CommitGroup(t.Context(), group(id, hold(ids[0], "fac-1"), hold(ids[5], "fac-1"))))
	}},
	{"a locked record is refused, in whatever field the edit writes", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, 3), running(t, s)
		byHand(t, s, ids[1], registry.Fields{registry.LockedBy: "Dr. No"})
		refused(t, s, group(id, holds(ids)...), ids[1:2], nil)
		byHand(t, s, ids[1], registry.Fields{registry.LockedBy: ""})
		must(t, "commit when unlocked", s.Operations.CommitGroup(t.Context(), group(id, holds(ids)...)))
	}},
	{"a record that is gone is refused and not made anew", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, 2), running(t, s)
		gone := bulk.Change{Subject: "gone", Edits: []bulk.Edit{{Ref: registry.ProfileRef("gone"),
			Before: registry.Fields{registry.Tags: ""}, After: registry.Fields{registry.Tags: "falls-risk"}}}}
		refused(t, s, group(id, append(holds(ids), gone)...), []string{"gone"}, nil)
		same(t, "record", record(t, s, registry.ProfileRef("gone")), registry.Record{})
	}},
	{"a changed visit refuses its patient, with the profile untouched", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, 2), running(t, s)
		v := visit(ids[0], 1)
		v.Fields[registry.VisitState] = registry.VisitCompleted
		must(t, "put", s.Registry.PutRecords(t.Context(), []registry.Record{v}))
		changes := holds(ids)
		changes[0].Edits = append(changes[0].Edits, bulk.Edit{Ref: v.Ref,
			Before: registry.Fields{registry.VisitState: registry.VisitScheduled}, After: registry.Fields{registry.VisitState: registry.VisitCancelled}})
		refused(t, s, group(id, changes...), ids[:1], nil)
	}},
	{"a subject with several changed records is named once", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, 1), running(t, s)
		c := hold(ids[0], "fac-9")
		for n := range 3 {
			c.Edits = append(c.Edits, bulk.Edit{Ref: visit(ids[0], n).Ref, Before: registry.Fields{registry.VisitState: "a"}, After: registry.Fields{registry.VisitState: "b"}})
		}
		refused(t, s, group(id, c), ids[:1], nil)
	}},
	{"a change that no record can hold is unwritable; who changed is said when it is left out", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, 5), running(t, s)
		byHand(t, s, ids[0], registry.Fields{registry.StatusField: string(registry.Pending)})
		changes := holds(ids)
		changes[2].Edits[0].Before[registry.Address] = ""
		changes[2].Edits[0].After[registry.Address] = strings.Repeat("x", 410<<10)
		changes[3].Edits[0].Before[registry.Name] = "Name of " + ids[3]
		changes[3].Edits[0].After[registry.Name] = strings.Repeat("é", 600)
		refused(t, s, group(id, changes...), nil, ids[2:4])
		refused(t, s, group(id, changes[0], changes[1], changes[4]), ids[:1], nil)
	}},
	{"two edits of one record in a group are our mistake, and nothing is written", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, 1), running(t, s)
		c := hold(ids[0], "fac-1")
		c.Edits = append(c.Edits, c.Edits[0])
		want(t, "commit", s.Operations.CommitGroup(t.Context(), group(id, c)), fault.Internal)
		same(t, "record", record(t, s, registry.ProfileRef(ids[0])), patient(ids[0], "fac-1"))
	}},
	{"of twenty operations that change one patient at once one does, and the others are refused", func(t *testing.T, s Stores) {
		ids, id := seed(t, s, 5), running(t, s)
		var done, changed sync.Map
		parallel(20, func(i int) {
			g := group(id, hold(ids[2], "fac-1"))
			g.Result.Batch = i + 1
			var refusal *engine.Refusal
			switch err := commit(t, s, g); {
			case err == nil:
				done.Store(fmt.Sprint(i), true)
			case errors.As(err, &refusal) && slices.Equal(refusal.Changed, ids[2:3]):
				changed.Store(fmt.Sprint(i), true)
			default:
				t.Errorf("commit: %v", err)
			}
		})
		same(t, "commits", len(keys(&done)), 1)
		same(t, "refusals", len(keys(&changed)), 19)
		progress, err := s.Operations.Progress(t.Context(), id)
		must(t, "read the progress", err)
		same(t, "progress", progress, bulk.Tally{Done: 1})
	}},
	{"an error never names a patient", func(t *testing.T, s Stores) {
		const canary = "canary-4711"
		must(t, "put", s.Registry.PutRecords(t.Context(), []registry.Record{patient(canary, "fac-1")}))
		id := running(t, s)
		twice := hold(canary, canary)
		twice.Edits = append(twice.Edits, twice.Edits[0])
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, readErr := s.Registry.Patients(ctx, []string{canary})
		for _, err := range []error{
			readErr,
			s.Operations.CommitGroup(t.Context(), group(id, hold(canary, "fac-2"))),
			s.Operations.CommitGroup(t.Context(), group(id, twice)),
			s.Operations.CommitGroup(ctx, group(id, hold(canary, "fac-1"))),
			s.Registry.WriteByHand(t.Context(), registry.ProfileRef(canary+"-2"), registry.Fields{registry.Phone: "1"}, canary, noon),
			s.Registry.PutRecords(ctx, []registry.Record{patient(canary, canary)}),
		} {
			if err != nil && (strings.Contains(err.Error(), canary) || strings.Contains(fault.Sentence(err), canary)) {
				t.Errorf("names the patient: %v", err)
			}
		}
	}},
}

package audit_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/audit"
	"bulkops/internal/audit/audittest"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
)

// Whatever is changed by operations and by hand, and however the stream
// delivers it (in any portions, twice, with failures in between), in the end
// there is exactly one record for every change that was committed, and it says
// what changed and who did it.
func TestEveryCommittedChangeHasExactlyOneRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		store := memory.New()
		patients := make([]registry.Record, rapid.IntRange(1, 6).Draw(t, "patients"))
		for i := range patients {
			patients[i] = registry.Record{Ref: registry.ProfileRef(strconv.Itoa(i)), Fields: registry.Fields{"name": "N", "status": "a"},
				Stamp: registry.Stamp{By: "import", At: requested}}
		}
		if err := store.PutRecords(ctx, patients); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Create(ctx, running, bulk.Selection{}, "0123456789abcdef", bulk.Event{}); err != nil {
			t.Fatal(err)
		}
		draw := func(label string) string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, label) }
		for step := range rapid.IntRange(1, 20).Draw(t, "steps") {
			ref := registry.ProfileRef(strconv.Itoa(rapid.IntRange(0, len(patients)-1).Draw(t, "patient")))
			at := started.Add(time.Duration(step) * time.Second)
			if rapid.Bool().Draw(t, "by hand") {
				if err := store.WriteByHand(ctx, ref, registry.Fields{"status": draw("to")}, "Rita", at); err != nil {
					t.Fatal(err)
				}
				continue
			}
			err := store.CommitGroup(ctx, engine.Group{
				Operation: running.ID,
				Changes: []bulk.Change{{Subject: ref.Patient, Edits: []bulk.Edit{{Ref: ref,
					Before: registry.Fields{"status": draw("from")}, After: registry.Fields{"status": draw("to")}}}}},
				Stamp:  registry.Stamp{Operation: running.ID, Batch: 1 + step%3, By: "Sam Okafor", Approver: "Maria Duarte", At: at},
				Result: bulk.Result{Batch: 1 + step%3, Group: step},
			})
			if refusal := (*engine.Refusal)(nil); err != nil && !errors.As(err, &refusal) {
				t.Fatal(err)
			}
		}

		changes := store.Changes()
		streamed := audittest.Streamed(changes)
		l := log{Audit: memory.NewAudit(), refuse: func(audit.Record) error {
			if rapid.IntRange(0, 4).Draw(t, "refused") == 0 {
				return errors.New("throttled")
			}
			return nil
		}}
		number := func(n int, what string) int { return rapid.IntRange(0, n-1).Draw(t, what) }
		r := recorder(l, map[string]bulk.Operation{running.ID: running})
		r.Batch = func(context.Context, string, string, int) (bulk.Batch, error) {
			b := bulk.Batch{}
			for _, p := range patients {
				b.Changes = append(b.Changes, bulk.Change{Subject: p.Ref.Patient, Edits: []bulk.Edit{{Ref: p.Ref}}})
			}
			return b, nil
		}
		if err := audittest.Deliver(r, streamed, number); err != nil {
			t.Fatal(err)
		}
		if err := audittest.Check(changes, nil, streamed, l.Audit); err != nil {
			t.Fatal(err)
		}
	})
}

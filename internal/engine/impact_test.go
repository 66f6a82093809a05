package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// A plan says which share of a facility it changes only where that is unusually
// large, and counts no further than it must to know.
func TestAnUnusuallyLargePlanIsMarked(t *testing.T) {
	tests := []struct {
		changes, others int
		want            string
	}{
		{25, 75, "map[fac-1:100]"},
		{25, 76, "map[]"},
		{1, 2, "map[fac-1:3]"},
		{1, 500, "map[]"},
		{12, 0, "map[fac-1:12]"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d of %d", test.changes, test.changes+test.others), func(t *testing.T) {
			c := newClinic(t)
			all := numbered(test.changes + test.others)
			c.admit(registry.Active, all, with(registry.ProviderField, "ann"))
			c.admit(registry.Active, []string{"P900"}, with(registry.FacilityField, ""))
			op := c.planned(asks(registry.OnHold, all[:test.changes]...))
			equal(t, "changes", op.Plan.Changes, test.changes)
			equal(t, "unusual", fmt.Sprint(op.Plan.Unusual), test.want)
			equal(t, "by provider", fmt.Sprint(op.Plan.ByProvider), fmt.Sprintf("map[ann:%d]", test.changes))
		})
	}
}

// The requester and the approver are shown the same five; another plan has others.
func TestTheSampleIsThePlans(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(450))
	r := asks(registry.OnHold, numbered(450)...)
	op := c.planned(r)
	subjects := func(op bulk.Operation) (ids []string) {
		t.Helper()
		sample, err := c.Sample(t.Context(), op)
		must(t, err)
		for _, change := range sample {
			ids = append(ids, change.Subject)
		}
		return ids
	}
	read := subjects(op)
	equal(t, "how many", len(read), 5)
	for i, id := range read { // one of each of the five batches
		if from := fmt.Sprintf("P%03d", i*100); id <= from || id > fmt.Sprintf("P%03d", i*100+100) && i < 4 {
			t.Errorf("the sample %v is not spread", read)
		}
	}
	op, err := c.Submit(t.Context(), ada, op.ID, submission(op))
	must(t, err)
	list(t, "what the approver is shown", subjects(c.header(op.ID)), read...)

	r.Key += "-2"
	r.Params["hold_reason"] = "Family request"
	if other := subjects(c.planned(r)); slices.Equal(other, read) {
		t.Errorf("another plan has the same sample %v", other)
	}
}

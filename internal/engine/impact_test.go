package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// A plan says which share of a facility it changes, and counts a large one no
// further than it must to know that the share is not unusually large.
func TestAPlanKnowsWhichShareOfAFacilityItChanges(t *testing.T) {
	tests := []struct {
		changes, others int
		want            string
		unusual         bool
	}{
		{25, 75, "{fac-1 25 100 25}", true},
		{25, 76, "{fac-1 25 101 24}", false},
		{1, 2, "{fac-1 1 3 33}", true},
		{1, 1999, "{fac-1 1 2000 0}", false},
		{1, 2000, "{fac-1 1 0 1}", false},
		{30, 2100, "{fac-1 30 0 2}", false},
		{600, 1600, "{fac-1 600 2200 27}", true},
		{600, 2000, "{fac-1 600 0 25}", false},
		{12, 0, "{fac-1 12 12 100}", true},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d of %d", test.changes, test.changes+test.others), func(t *testing.T) {
			c := newClinic(t)
			all := make([]string, test.changes+test.others)
			for i := range all {
				all[i] = fmt.Sprintf("P%05d", i)
			}
			c.admit(registry.Active, all, with(registry.ProviderField, "ann"))
			c.admit(registry.Active, []string{"Q1"}, with(registry.FacilityField, ""))
			op := c.planned(asks(registry.OnHold, all[:test.changes]...))
			equal(t, "changes", op.Plan.Changes, test.changes)
			share := op.Plan.Shares()[0]
			equal(t, "share", fmt.Sprint(share), test.want)
			equal(t, "unusual", share.Unusual(), test.unusual)
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

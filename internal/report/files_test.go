package report_test

import (
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/memory"
	"bulkops/internal/report"
	"bulkops/internal/staff"
)

// A function may not answer with a file that is too large; who takes no
// compressed one is told so.
func TestALargeFileIsOnlyForWhoTakesItCompressed(t *testing.T) {
	store := memory.New()
	e := &engine.Engine{Registry: store, Operations: store}
	for _, test := range []struct {
		subjects int
		accepts  string
		code     fault.Code
	}{{15_000, "", ""}, {15_001, "", fault.TooLarge}, {15_001, "identity", fault.TooLarge}, {15_001, "br, gzip", ""}} {
		op := bulk.Operation{ID: "OP-000001-AAAA", Plan: bulk.PlanSummary{Changes: test.subjects - 1, Excluded: 1}}
		saved, _, err := report.File(t.Context(), e, staff.Person{}, op, "outcomes", test.accepts)
		if fault.CodeOf(err) != test.code || test.code == "" && saved != "OP-000001-AAAA-outcomes.csv" {
			t.Errorf("%d subjects with %q: %q %v", test.subjects, test.accepts, saved, err)
		}
	}
}

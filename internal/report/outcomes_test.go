package report_test

import (
	"encoding/csv"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/intake"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/report"
)

var directory = registry.Directory{Facilities: []registry.Facility{{ID: "riverside", Name: "Riverside Clinic"}}}

func sequence[T any](values ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func line(id, name string, o bulk.Outcome, edits ...bulk.Edit) engine.Line {
	return engine.Line{Change: bulk.Change{Subject: id, Name: name, Facility: "riverside", Edits: edits}, Outcome: o}
}

func profileEdit(id, from, to string) bulk.Edit {
	return bulk.Edit{Ref: registry.ProfileRef(id), Before: registry.Fields{registry.StatusField: from}, After: registry.Fields{registry.StatusField: to}}
}

func visitEdit(id, visit string) bulk.Edit {
	return bulk.Edit{Ref: registry.Ref{Patient: id, Part: "VISIT#" + visit},
		Before: registry.Fields{registry.VisitState: "scheduled"}, After: registry.Fields{registry.VisitState: "cancelled"}}
}

func TestEverySubjectHasOneRow(t *testing.T) {
	var text strings.Builder
	err := report.Outcomes(&text, directory, sequence(
		line("000001", "Ann", bulk.Outcome{State: bulk.Done}, profileEdit("000001", "Active", "Discharged"), visitEdit("000001", "1"), visitEdit("000001", "2")),
		line("000002", "=SUM(A1)", bulk.Outcome{State: bulk.Skipped, Code: bulk.ChangedSince, Sentence: "Changed.", Retryable: true}, profileEdit("000002", "", "Active")),
		line("000003", "Bo, Jr.", bulk.Outcome{State: bulk.Failed, Code: bulk.Unwritable, Sentence: "Too large."}),
		line("000004", "Cy", bulk.Outcome{State: bulk.NotAttempted}),
	), sequence(bulk.Exclusion{Subject: "000009", Row: 7, Code: bulk.UnknownSubject, Sentence: "There is no patient with this id."}))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text.String(), "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		report.Columns,
		{"000001", "Ann", "Riverside Clinic", "done", "", "", "", "Status: Active → Discharged; 2 visits: Visit state: scheduled → cancelled", ""},
		{"000002", "'=SUM(A1)", "Riverside Clinic", "skipped", "Changed.", "changed-since", "yes", "Status: (empty) → Active", ""},
		{"000003", "Bo, Jr.", "Riverside Clinic", "failed", "Too large.", "unwritable", "no", "", ""},
		{"000004", "Cy", "Riverside Clinic", "not attempted", "", "", "yes", "", ""},
		{"000009", "", "", "left out", "There is no patient with this id.", "unknown", "", "", "7"},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d:\n%s", len(rows), len(want), text.String())
	}
	for i := range want {
		if !slices.Equal(rows[i], want[i]) {
			t.Errorf("row %d:\n got %q\nwant %q", i+1, rows[i], want[i])
		}
	}
}

func TestTheFileCanBeUploadedAgain(t *testing.T) {
	var text strings.Builder
	if err := report.Outcomes(&text, directory, sequence(
		line("000001", "Ann", bulk.Outcome{State: bulk.Failed}), line("ab-2", "\"Bo\"\nJr", bulk.Outcome{State: bulk.Failed})),
		sequence[bulk.Exclusion]()); err != nil {
		t.Fatal(err)
	}
	read, err := intake.CSV(strings.NewReader(text.String()), int64(text.Len()), 100, kind.StatusChange, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"000001", "ab-2"}; !slices.Equal(read.IDs, want) {
		t.Errorf("read %q, want %q", read.IDs, want)
	}
}

func TestAFileIsNotTakenForWholeWhenReadingFails(t *testing.T) {
	broken := errors.New("broken")
	err := report.Outcomes(&strings.Builder{}, directory, func(yield func(engine.Line, error) bool) { yield(engine.Line{}, broken) }, sequence[bulk.Exclusion]())
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the error", err)
	}
}

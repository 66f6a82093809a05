package report_test

import (
	"encoding/csv"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/intake"
	"bulkops/internal/kind"
	"bulkops/internal/report"
)

func cells(t *testing.T, text string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

var ran = []engine.Line{
	line("1", "Ann", bulk.Outcome{State: bulk.Done}),
	line("2", "Bo", bulk.Outcome{State: bulk.Skipped, Code: bulk.ChangedSince, Sentence: "Changed.", Retryable: true}),
	line("3", "Cy", bulk.Outcome{State: bulk.NotAttempted}),
}

func TestThoseNotChangedStandInTheColumnsOfTheirFile(t *testing.T) {
	var text strings.Builder
	sheet := report.Sheet{Header: []string{"note", "MRN", "phone"}, Rows: map[string][]string{"1": {"a", "1"}, "2": {"=1+1", "2", "+1512"}, "3": {"c", "3"}}}
	if err := report.NotChanged(&text, sheet, sequence(ran...)); err != nil {
		t.Fatal(err)
	}
	if got, want := cells(t, text.String()), [][]string{
		{"note", "MRN", "phone", "Outcome code", "Outcome reason"},
		{"'=1+1", "2", "'+1512", "changed-since", "Changed."},
		{"c", "3", "", "not-attempted", "The run ended before this patient's turn."},
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestWithoutAFileTheyStandByTheirIDs(t *testing.T) {
	var text strings.Builder
	if err := report.NotChanged(&text, report.Sheet{}, sequence(ran...)); err != nil {
		t.Fatal(err)
	}
	if got := cells(t, text.String()); got[0][0] != "patient_id" || got[1][0] != "2" || got[2][0] != "3" || len(got) != 3 {
		t.Errorf("got %q", got)
	}
	text.Reset()
	if err := report.LeftOut(&text, report.Sheet{}, sequence(bulk.Exclusion{Subject: "9", Code: bulk.Locked, Sentence: "Locked."})); err != nil {
		t.Fatal(err)
	}
	if got, want := cells(t, text.String())[1], []string{"9", "locked", "Locked."}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whatever is in a file, those rows of it that are given back can be uploaded
// as they are, and say the same as before.
func TestTheRowsGivenBackAreReadAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		phones := rapid.SliceOfN(rapid.SampledFrom([]string{"", "+15125550123", "+1 512 555 0124", "<clear>"}), 1, 6).Draw(t, "phones")
		notes := rapid.SliceOfN(rapid.StringOf(rapid.SampledFrom([]rune("a=+-@'\",; é\t\n\u200b"))), len(phones), len(phones)).Draw(t, "notes")
		var file strings.Builder
		w := csv.NewWriter(&file)
		_ = w.Write([]string{"note", "patient_id", "phone"})
		var exclusions []bulk.Exclusion
		for i, phone := range phones {
			id := "-P" + string(rune('0'+i))
			_ = w.Write([]string{notes[i], id, phone})
			exclusions = append(exclusions, bulk.Exclusion{Subject: id, Code: bulk.Locked, Sentence: "-Locked."})
		}
		w.Flush()
		upload := func(text string) intake.Result {
			read, err := intake.CSV(strings.NewReader(text), int64(len(text)), 100, kind.DataCorrection, time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
			if err != nil {
				t.Fatalf("%v:\n%s", err, text)
			}
			return read
		}
		first := upload(file.String())
		sheet := report.Sheet{Header: first.Sheet.Header, Rows: map[string][]string{}}
		for i, id := range first.IDs {
			sheet.Rows[id] = first.Sheet.Rows[i]
		}
		var back strings.Builder
		if err := report.LeftOut(&back, sheet, sequence(exclusions...)); err != nil {
			t.Fatal(err)
		}
		second := upload(back.String())
		if !reflect.DeepEqual(first.IDs, second.IDs) || !reflect.DeepEqual(first.Given, second.Given) || !reflect.DeepEqual(first.Sheet, second.Sheet) {
			t.Fatalf("read %v, then %v:\n%s", first, second, back.String())
		}
		third := report.Sheet{Header: second.Sheet.Header, Rows: map[string][]string{}}
		for i, id := range second.IDs {
			third.Rows[id] = second.Sheet.Rows[i]
		}
		var again strings.Builder
		if err := report.LeftOut(&again, third, sequence(exclusions...)); err != nil || again.String() != back.String() {
			t.Fatalf("given back again it is\n%s\nand was\n%s", again.String(), back.String())
		}
	})
}

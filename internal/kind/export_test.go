package kind_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

func columns(t *testing.T, of string) string {
	t.Helper()
	e, ok := kind.FindExport(of)
	if !ok {
		t.Fatalf("there is no export %q", of)
	}
	var names []string
	for _, c := range e.Columns() {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}

func TestAnExportNeverHoldsMoreThanItsType(t *testing.T) {
	tests := []struct {
		name   string
		params bulk.Params
		wrong  []string // fields
		says   string
	}{
		{"nothing answered", nil, []string{"type", "format"}, "Choose what to export."},
		{"no column", bulk.Params{"type": "patient-list", "format": "csv"}, []string{"columns"}, "Tick at least one column."},
		{"all columns", bulk.Params{"type": "patient-list", "format": "csv", "columns": columns(t, "patient-list")}, nil, ""},
		{"one column", bulk.Params{"type": "visit-history", "format": "excel", "columns": "visit.start"}, nil, ""},
		{"a column of another type", bulk.Params{"type": "patient-list", "format": "csv", "columns": "patient.name visit.start"}, []string{"columns"},
			`A Patient List has no column "visit.start"; an export never holds more than its type.`},
		{"a column that only the full record has", bulk.Params{"type": "patient-list", "format": "csv", "columns": "patient.emergency_phone"}, []string{"columns"},
			`A Patient List has no column "patient.emergency_phone"; an export never holds more than its type.`},
		{"a field that no type has", bulk.Params{"type": "full-record", "format": "excel", "columns": "patient.upcoming"}, []string{"columns"},
			`A Full Record has no column "patient.upcoming"; an export never holds more than its type.`},
		{"a full record as CSV", bulk.Params{"type": "full-record", "format": "csv", "columns": "patient.name"}, []string{"format"},
			"A Full Record comes as Excel only: it has a sheet for each topic."},
		{"an unknown format", bulk.Params{"type": "patient-list", "format": "pdf", "columns": "patient.name"}, []string{"format"}, "Choose CSV or Excel."},
		{"a question that there is not", bulk.Params{"type": "patient-list", "format": "csv", "columns": "patient.name", "passphrase": "x"}, []string{"passphrase"},
			`An export has no question "passphrase".`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var fields []string
			var sentences []string
			for _, p := range kind.Export.Check(test.params, kindtest.Directory) {
				fields, sentences = append(fields, p.Field), append(sentences, p.Sentence)
			}
			if !slices.Equal(fields, test.wrong) || test.says != "" && !slices.Contains(sentences, test.says) {
				t.Errorf("got %q about %q, want %q about %q", sentences, fields, test.says, test.wrong)
			}
		})
	}
}

func TestTheSummaryOfAnExportSaysWhatIsLeftOut(t *testing.T) {
	all := bulk.Params{"type": "clinical-summary", "format": "excel", "columns": columns(t, "clinical-summary")}
	if got, want := kind.Export.Summary(all, kindtest.Directory), "Export Clinical Summary as Excel"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	all["columns"] = strings.Replace(all["columns"], "clinical.code", "", 1)
	if got, want := kind.Export.Summary(all, kindtest.Directory), "Export Clinical Summary as Excel without Code"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	list := bulk.Params{"type": "patient-list", "format": "csv", "columns": "patient.status patient.name"}
	if got, want := kind.Export.Summary(list, kindtest.Directory), "Export Patient List as CSV with Name, Status only"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	list["columns"] += " patient.phone patient.email patient.tags"
	if got, want := kind.Export.Summary(list, kindtest.Directory), "Export Patient List as CSV with 5 of 16 columns"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnExportIsForTheTeamLeadAndChangesNothing(t *testing.T) {
	if k := kind.Export; k.Approver != staff.TeamLead || k.Undoable || !k.MakesFile() {
		t.Errorf("approver %s, undoable %v, makes a file %v", k.Approver, k.Undoable, k.MakesFile())
	}
}

// ada's records: two visits out of order, notes of each sort, and a record that was taken away.
func adasParts() (registry.Patient, []registry.Record) {
	p := patient(registry.Active)
	maps.Copy(p.Fields, registry.Fields{registry.Name: "Ada Lovelace", registry.Phone: "0015550123", registry.BirthDate: "1958-03-09",
		registry.FacilityField: "fac-1", registry.ProviderField: "prov-9", registry.Tags: "fall-risk vip"})
	part := func(name string, fields registry.Fields) registry.Record {
		return registry.Record{Ref: registry.Ref{Patient: "00042", Part: name}, Fields: fields}
	}
	return p, []registry.Record{
		part("VISIT#2026-12-05T09:00Z#V2", registry.Fields{registry.VisitStart: "2026-12-05T09:00Z", registry.VisitState: "scheduled", registry.ProviderField: "prov-9", registry.VisitMinutes: "30"}),
		part("VISIT#2026-01-05T09:00Z#V1", registry.Fields{registry.VisitStart: "2026-01-05T09:00Z", registry.VisitState: "completed"}),
		part("CLINICAL#condition#N1", registry.Fields{registry.ClinicalKind: "condition", registry.ClinicalCode: "I10", registry.ClinicalText: "Essential hypertension"}),
		part("CLINICAL#allergy#N2", registry.Fields{registry.ClinicalKind: "allergy", registry.ClinicalText: "Peanut"}),
		part("CLINICAL#medication#N3", registry.Fields{registry.ClinicalKind: "medication", registry.ClinicalText: "Lisinopril"}),
		part("CLINICAL#medication#N4", registry.Fields{}),
		p.Record,
	}
}

func TestWhatTheSheetsHold(t *testing.T) {
	tests := []struct {
		of, columns string
		want        map[string][]string // rows by sheet, cells parted by a bar
	}{
		{"patient-list", "patient.name patient.phone patient.birth_date patient.tags patient.insurance_plan",
			map[string][]string{"patients": {"00042|Ada Lovelace|1958-03-09|0015550123|fall-risk, vip|"}}},
		{"visit-history", "visit.start visit.state visit.minutes",
			map[string][]string{"visits": {"00042|2026-01-05T09:00||completed", "00042|2026-12-05T09:00|30|scheduled"}}},
		{"clinical-summary", "clinical.name clinical.clinical clinical.text",
			map[string][]string{"clinical": {"00042|Ada Lovelace|Allergy|Peanut", "00042|Ada Lovelace|Diagnosis|Essential hypertension", "00042|Ada Lovelace|Medication|Lisinopril"}}},
		{"full-record", "patient.name clinical.text", map[string][]string{"patients": {"00042|Ada Lovelace"},
			"diagnoses": {"00042|Essential hypertension"}, "medications": {"00042|Lisinopril"}, "allergies": {"00042|Peanut"}}},
	}
	for _, test := range tests {
		t.Run(test.of, func(t *testing.T) {
			p, parts := adasParts()
			got := map[string][]string{}
			for _, s := range kind.Export.Sheets(bulk.Params{"type": test.of, "columns": test.columns}) {
				for _, row := range s.Rows(p, parts, kindtest.Directory) {
					got[s.Name] = append(got[s.Name], strings.Join(row, "|"))
				}
			}
			if !maps.EqualFunc(got, test.want, slices.Equal) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestThePlanOfAnExportCountsTheRowsOfItsSheets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, parts := adasParts()
		parts = rapid.SliceOfDistinct(rapid.SampledFrom(parts), func(r registry.Record) string { return r.Ref.Part }).Draw(t, "parts")
		k := kind.Export
		params := kindtest.DrawOf(t, k)
		change, exclusion := k.New(params, kind.World{Directory: kindtest.Directory, At: noon}).Plan(kind.Subject{Patient: p, Parts: parts})
		if exclusion != nil || len(change.Edits) > 0 {
			t.Fatalf("left out %v, edits %v", exclusion, change.Edits)
		}
		sheets := k.Sheets(params)
		if len(sheets) != len(change.Extract.Rows) {
			t.Fatalf("%d sheets, rows %v", len(sheets), change.Extract.Rows)
		}
		asked := strings.Fields(params[kind.ExportColumns])
		for _, s := range sheets {
			rows := s.Rows(p, parts, kindtest.Directory)
			if len(rows) != change.Extract.Rows[s.Name] {
				t.Fatalf("%s has %d rows, planned %d", s.Name, len(rows), change.Extract.Rows[s.Name])
			}
			for _, c := range s.Columns {
				if !slices.Contains(asked, c.Name) {
					t.Fatalf("%s has the column %s, which was not asked for", s.Name, c.Name)
				}
			}
			for _, row := range rows {
				if len(row) != len(s.Headings()) || row[0] != p.ID() {
					t.Fatalf("%s has the row %q for the columns %q", s.Name, row, s.Headings())
				}
			}
		}
	})
}

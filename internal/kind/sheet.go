package kind

import (
	"slices"
	"strings"

	"bulkops/internal/registry"
)

// Sheet is one table of an export's file: a row for each record about its
// topic, keyed by the patient's id in the first column.
type Sheet struct {
	Name    string // stored in plans: a contract
	Title   string
	Columns []SheetColumn // without the patient's id, which every sheet has
	// records are those of a patient's records that make a row each; parts says
	// whether these are others than the profile.
	records func(registry.Patient, []registry.Record) []registry.Record
	parts   bool
}

// SheetColumn is one column of a sheet.
type SheetColumn struct {
	Name  string // the answer that asks for it: a contract
	Title string
	Cells CellType
	cell  func(source) string
}

// CellType says what the cells of a column are. All of them are texts; one that
// is not of its column's type is shown as it is.
type CellType int

const (
	TextCells   CellType = iota // names, ids, telephone numbers: nothing is lost at their beginning
	NoteCells                   // long texts
	DateCells                   // 2006-01-02
	MomentCells                 // 2006-01-02T15:04 in UTC
	NumberCells
)

// cellTypes are the fields whose cells are more than texts.
var cellTypes = map[string]CellType{
	registry.BirthDate: DateCells, registry.InsuranceFrom: DateCells, registry.Registered: DateCells, registry.LastVisit: DateCells,
	registry.ClinicalDate: DateCells, registry.VisitStart: MomentCells, registry.VisitMinutes: NumberCells, registry.VisitNote: NoteCells,
}

// source is what a row is made from.
type source struct {
	patient   registry.Patient
	record    registry.Record
	directory registry.Directory
}

// PatientID is the title of every sheet's first column.
const PatientID = "Patient id"

// Headings are the titles of the sheet's columns.
func (s Sheet) Headings() []string {
	headings := []string{PatientID}
	for _, c := range s.Columns {
		headings = append(headings, c.Title)
	}
	return headings
}

// Rows are the sheet's rows about one patient. parts is everything kept about
// the patient, as Subject has it; nil where the kind does not read it.
func (s Sheet) Rows(p registry.Patient, parts []registry.Record, d registry.Directory) [][]string {
	var rows [][]string
	for _, record := range s.records(p, parts) {
		row := make([]string, 0, 1+len(s.Columns))
		row = append(row, p.ID())
		for _, c := range s.Columns {
			row = append(row, c.cell(source{p, record, d}))
		}
		rows = append(rows, row)
	}
	return rows
}

// only is the sheet with those of its columns that are named.
func (s Sheet) only(names []string) Sheet {
	s.Columns = slices.DeleteFunc(slices.Clone(s.Columns), func(c SheetColumn) bool { return !slices.Contains(names, c.Name) })
	return s
}

// Topics of sheets. The name of a column begins with its topic's.
const (
	patientTopic  = "patient"
	clinicalTopic = "clinical"
	visitTopic    = "visit"
)

// about is the column that shows a field of the row's record.
func about(topic, field, title string) SheetColumn {
	return SheetColumn{topic + "." + field, title, cellTypes[field], func(s source) string {
		shown := s.directory.Display(field, s.record.Get(field))
		if cellTypes[field] == MomentCells {
			return strings.TrimSuffix(shown, "Z") // the column's title names the time zone
		}
		return shown
	}}
}

// profile is the column that shows a field of the patient's profile under the
// title that pages use.
func profile(field string) SheetColumn { return about(patientTopic, field, registry.Label(field)) }

// nameIn is the patient's name in a sheet whose rows are no profiles.
func nameIn(topic string) SheetColumn {
	return SheetColumn{topic + "." + registry.Name, "Patient", TextCells, func(s source) string { return s.patient.Name() }}
}

// The columns of each topic.
var (
	listColumns = []SheetColumn{
		profile(registry.Name), profile(registry.BirthDate), profile(registry.Phone), profile(registry.Email), profile(registry.Address),
		profile(registry.Language), profile(registry.StatusField), profile(registry.HoldReason), profile(registry.FacilityField),
		profile(registry.ProviderField), profile(registry.Tags), profile(registry.InsurancePlan), profile(registry.InsuranceID),
		profile(registry.InsuranceFrom), profile(registry.Registered), profile(registry.LastVisit),
	}
	fullColumns = append(slices.Clone(listColumns),
		profile(registry.EmergencyName), profile(registry.EmergencyPhone), profile(registry.NeedsSpecialty), profile(registry.LockedBy), profile(registry.LockedWhy))
	noteColumns = []SheetColumn{
		about(clinicalTopic, registry.ClinicalCode, "Code"), about(clinicalTopic, registry.ClinicalText, "Description"),
		about(clinicalTopic, registry.ClinicalState, "State"), about(clinicalTopic, registry.ClinicalDate, "Recorded"),
	}
	visitColumns = []SheetColumn{
		about(visitTopic, registry.VisitStart, "Start (UTC)"), about(visitTopic, registry.VisitMinutes, "Minutes"),
		about(visitTopic, registry.VisitType, "Type"), about(visitTopic, registry.ProviderField, "Provider"),
		about(visitTopic, registry.FacilityField, "Facility"), about(visitTopic, registry.VisitState, "State"),
		about(visitTopic, registry.CancelledWhy, "Cancelled because"), about(visitTopic, registry.VisitNote, "Note"),
	}
)

// clinicalTitles are what kinds of clinical notes are called, by what is stored.
var clinicalTitles = map[string]string{"condition": "Diagnosis", "medication": "Medication", "allergy": "Allergy"}

// typeOfNote says what type of note a row is.
func typeOfNote() SheetColumn {
	return SheetColumn{clinicalTopic + "." + registry.ClinicalKind, "Type", TextCells, func(s source) string {
		stored := s.record.Get(registry.ClinicalKind)
		if title, known := clinicalTitles[stored]; known {
			return title
		}
		return stored
	}}
}

func patientSheet(columns []SheetColumn) Sheet {
	return Sheet{Name: "patients", Title: "Patients", Columns: columns,
		records: func(p registry.Patient, _ []registry.Record) []registry.Record { return []registry.Record{p.Record} }}
}

// notesSheet has a row for each clinical note of one sort, or of any where none is given.
func notesSheet(name, title, sort string, columns []SheetColumn) Sheet {
	return partsSheet(name, title, columns, func(r registry.Record) bool {
		return r.Ref.IsClinical() && (sort == "" || r.Get(registry.ClinicalKind) == sort)
	})
}

func visitSheet(columns []SheetColumn) Sheet {
	return partsSheet("visits", "Visits", columns, func(r registry.Record) bool { return r.Ref.IsVisit() })
}

// partsSheet has a row for each of a patient's records that belongs, in the
// order of their names: visits by time.
func partsSheet(name, title string, columns []SheetColumn, belongs func(registry.Record) bool) Sheet {
	return Sheet{Name: name, Title: title, Columns: columns, parts: true, records: func(_ registry.Patient, parts []registry.Record) []registry.Record {
		chosen := slices.DeleteFunc(slices.Clone(parts), func(r registry.Record) bool { return r.Empty() || !belongs(r) })
		slices.SortFunc(chosen, func(a, b registry.Record) int { return strings.Compare(a.Ref.Part, b.Ref.Part) })
		return chosen
	}}
}

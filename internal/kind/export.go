package kind

import (
	"fmt"
	"slices"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Questions of an export. The columns are named one by one, parted by spaces:
// whoever asks, approves and reads the plan sees exactly what is handed out,
// also when a later version of the program knows more columns.
const (
	ExportType    = "type"
	ExportFormat  = "format" // FormatCSV or FormatExcel
	ExportColumns = "columns"
)

// Formats of an export's file. Stored: a contract.
const (
	FormatCSV   = "csv"
	FormatExcel = "excel"
)

// formatTitles are what people call the formats.
var formatTitles = map[string]string{FormatCSV: "CSV", FormatExcel: "Excel"}

// ExportOf is a type of export: what its file may hold at most.
type ExportOf struct {
	Name     string // stored: a contract
	Title    string // as the guide calls it
	Contents string
	Formats  []string
	Sheets   []Sheet
}

// ExportTypes lists every type in the order in which pages offer them.
var ExportTypes = []ExportOf{
	{"patient-list", "Patient List", "Demographics, status, facility, provider, tags and insurance: a row for each patient",
		[]string{FormatCSV, FormatExcel}, []Sheet{patientSheet(listColumns)}},
	{"clinical-summary", "Clinical Summary", "Diagnoses, medications and allergies: a row for each",
		[]string{FormatCSV, FormatExcel}, []Sheet{notesSheet("clinical", "Clinical summary", "",
			append([]SheetColumn{nameIn(clinicalTopic), typeOfNote()}, noteColumns...))}},
	{"visit-history", "Visit History", "Dates, types, providers and states: a row for each visit",
		[]string{FormatCSV, FormatExcel}, []Sheet{visitSheet(append([]SheetColumn{nameIn(visitTopic)}, visitColumns...))}},
	{"full-record", "Full Record", "Everything that is kept about the patients: a sheet for each topic",
		[]string{FormatExcel}, []Sheet{patientSheet(fullColumns), notesSheet("diagnoses", "Diagnoses", "condition", noteColumns),
			notesSheet("medications", "Medications", "medication", noteColumns), notesSheet("allergies", "Allergies", "allergy", noteColumns),
			visitSheet(visitColumns)}},
}

// FindExport returns the type with the stored name.
func FindExport(name string) (ExportOf, bool) {
	i := slices.IndexFunc(ExportTypes, func(t ExportOf) bool { return t.Name == name })
	if i < 0 {
		return ExportOf{}, false
	}
	return ExportTypes[i], true
}

// Columns are the columns of all sheets of the type, each once.
func (t ExportOf) Columns() []SheetColumn {
	var columns []SheetColumn
	for _, s := range t.Sheets {
		for _, c := range s.Columns {
			if !slices.ContainsFunc(columns, func(have SheetColumn) bool { return have.Name == c.Name }) {
				columns = append(columns, c)
			}
		}
	}
	return columns
}

// FormatTitles are the type's formats as people call them.
func (t ExportOf) FormatTitles() []string {
	var titles []string
	for _, format := range t.Formats {
		titles = append(titles, formatTitles[format])
	}
	return titles
}

// Export hands patient data out in an encrypted file. It changes nothing.
var Export = Kind{
	Name:     "export",
	Title:    "Data Export",
	Approver: staff.TeamLead,
	ReadOnly: true,
	Confirm: []string{
		"I need every column that is ticked, and no other patients (minimum necessary).",
		"I will keep the file where patient data belongs, send it by no unsecured mail, and delete it when it is no longer needed.",
	},
	Sentences: map[bulk.State]string{
		bulk.Planning:            "The patients are being looked up and the rows are being counted. Nothing is handed out.",
		bulk.Ready:               "Read the plan, give the reason and send it for approval. Nothing has been handed out.",
		bulk.AwaitingApproval:    "An approver has to read the plan and decide. Nothing has been handed out.",
		bulk.Running:             "The file is being written. It is there only when it is complete.",
		bulk.Stopping:            "The file is being given up.",
		bulk.Completed:           "The file is complete: every patient in the plan is in it.",
		bulk.CompletedWithErrors: "The file is complete, but some patients of the plan are not in it. Their reasons are listed below.",
		bulk.Stopped:             "It was stopped before the file was complete. There is no file, and no part of one.",
		bulk.FailedState:         "There is no file, and no part of one.",
		bulk.Rejected:            "The approver decided against it. Nothing was handed out.",
		bulk.Expired:             "Its time ran out. Nothing was handed out. You can ask again with the same selection.",
		bulk.Cancelled:           "The request was taken back before it ran. Nothing was handed out.",
	},
	Summary: sumUpExport,
	Check:   checkExport,
	Sheets:  exportSheets,
	New:     func(p bulk.Params, w World) Planner { return exportPlanner{exportSheets(p), w.Directory} },
}

func sumUpExport(p bulk.Params, _ registry.Directory) string {
	t, _ := FindExport(p[ExportType])
	words := "Export " + t.Title + " as " + formatTitles[p[ExportFormat]]
	var with, without []string
	for _, c := range t.Columns() {
		if slices.Contains(strings.Fields(p[ExportColumns]), c.Name) {
			with = append(with, c.Title)
		} else {
			without = append(without, c.Title)
		}
	}
	const few = 4
	switch {
	case len(without) == 0:
		return words
	case len(without) <= few:
		return words + " without " + strings.Join(without, ", ")
	case len(with) <= few:
		return words + " with " + strings.Join(with, ", ") + " only"
	}
	return fmt.Sprintf("%s with %d of %d columns", words, len(with), len(with)+len(without))
}

func checkExport(p bulk.Params, _ registry.Directory) []Problem {
	c := checker{params: p, kind: "An export"}
	t, known := FindExport(p[ExportType])
	if !known {
		c.add(ExportType, "Choose what to export.")
	}
	switch format := p[ExportFormat]; {
	case formatTitles[format] == "":
		c.add(ExportFormat, "Choose CSV or Excel.")
	case known && !slices.Contains(t.Formats, format):
		c.add(ExportFormat, "A %s comes as Excel only: it has a sheet for each topic.", t.Title)
	}
	names := strings.Fields(p[ExportColumns])
	if known && len(names) == 0 {
		c.add(ExportColumns, "Tick at least one column.")
	}
	for _, name := range names {
		if known && !slices.ContainsFunc(t.Columns(), func(col SheetColumn) bool { return col.Name == name }) {
			c.add(ExportColumns, "A %s has no column %q; an export never holds more than its type.", t.Title, english.Brief(name))
			break
		}
	}
	return c.done(ExportType, ExportFormat, ExportColumns)
}

// exportSheets are the sheets that checked parameters ask for: those of the
// type that have a ticked column.
func exportSheets(p bulk.Params) []Sheet {
	t, _ := FindExport(p[ExportType])
	names := strings.Fields(p[ExportColumns])
	var sheets []Sheet
	for _, s := range t.Sheets {
		if s = s.only(names); len(s.Columns) > 0 {
			sheets = append(sheets, s)
		}
	}
	return sheets
}

type exportPlanner struct {
	sheets    []Sheet
	directory registry.Directory
}

// Plan counts what the patient gives to each sheet.
func (e exportPlanner) Plan(s Subject) (bulk.Change, *bulk.Exclusion) {
	extract := bulk.Extract{Rows: map[string]int{}}
	for _, sheet := range e.sheets {
		rows := sheet.Rows(s.Patient, s.Parts, e.directory)
		extract.Rows[sheet.Name] = len(rows)
		for _, row := range rows {
			for _, cell := range row {
				extract.Bytes += len(cell) + 1
			}
		}
	}
	change := changeOf(s.Patient)
	change.Extract = &extract
	return change, nil
}

package portal

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/kind"
)

// exportForm is what the form of an export offers.
type exportForm struct {
	Types, Formats []option
	Columns        []exportColumns // of each type
}

type exportColumns struct {
	Type, Title string
	Answers     []option
}

// columnAnswer is the answer that ticks a column of a type: the form has the
// columns of all types, and those of the chosen one count.
func columnAnswer(of kind.ExportOf, c kind.SheetColumn) string { return of.Name + "/" + c.Name }

func exportChoices(choices) any {
	form := exportForm{Formats: []option{
		{kind.FormatExcel, "Excel", "One workbook, opened with the passphrase in Excel or LibreOffice"},
		{kind.FormatCSV, "CSV", "A ZIP file that asks for the passphrase, with one table in it. Not for the Full Record"},
	}}
	for _, of := range kind.ExportTypes {
		form.Types = append(form.Types, option{of.Name, of.Title, of.Contents})
		columns := exportColumns{Type: of.Name, Title: of.Title}
		for _, c := range of.Columns() {
			title := c.Title
			if topic, _, _ := strings.Cut(c.Name, "."); len(of.Sheets) > 1 && topicTitles[topic] != "" {
				title = topicTitles[topic] + ": " + english.Small(title)
			}
			columns.Answers = append(columns.Answers, option{Value: columnAnswer(of, c), Title: title})
		}
		form.Columns = append(form.Columns, columns)
	}
	return form
}

// topicTitles tell apart the columns of a file with several sheets.
var topicTitles = map[string]string{"clinical": "Diagnoses, medications, allergies", "visit": "Visits"}

// everyColumn is the form of an export as it is first shown: with every column
// ticked, to be unticked.
func everyColumn(time.Time) url.Values {
	form := url.Values{}
	for _, of := range kind.ExportTypes {
		for _, c := range of.Columns() {
			form.Add(kind.ExportColumns, columnAnswer(of, c))
		}
	}
	return form
}

// exportParams takes of the ticked columns those of the chosen type.
func exportParams(form url.Values) bulk.Params {
	p := bulk.Params{}
	for _, name := range []string{kind.ExportType, kind.ExportFormat} {
		if value := form.Get(name); value != "" {
			p[name] = value
		}
	}
	var columns []string
	for _, answer := range form[kind.ExportColumns] {
		if of, column, _ := strings.Cut(answer, "/"); of == p[kind.ExportType] {
			columns = append(columns, column)
		}
	}
	if len(columns) > 0 {
		p[kind.ExportColumns] = strings.Join(columns, " ")
	}
	return p
}

// exportAnswers is the form that gave the parameters; of the other types every
// column is ticked.
func exportAnswers(p bulk.Params) url.Values {
	form := everyColumn(time.Time{})
	form[kind.ExportColumns] = slices.DeleteFunc(form[kind.ExportColumns], func(answer string) bool {
		of, column, _ := strings.Cut(answer, "/")
		return of == p[kind.ExportType] && !slices.Contains(strings.Fields(p[kind.ExportColumns]), column)
	})
	form.Set(kind.ExportType, p[kind.ExportType])
	form.Set(kind.ExportFormat, p[kind.ExportFormat])
	return form
}

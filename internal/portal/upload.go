package portal

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"

	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/intake"
	"bulkops/internal/kind"
)

// take puts what was read into the draft, or says beside the field why not.
func (d *draft) take(read intake.Result, err error, field, words string) (engine.Problems, error) {
	if errors.As(err, &d.WrongRows) {
		return engine.Problems{{Field: field, Sentence: english.Count(d.WrongRows.Count, "row has", "rows have") + " errors. Repair the file and upload it again."}}, nil
	}
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge) {
		return engine.Problems{{Field: field, Sentence: fault.Sentence(err)}}, nil
	}
	if err != nil {
		return nil, err
	}
	s := read.Selection()
	d.Selection, d.Merged = &s, read.Duplicates
	d.Words = []string{english.Count(len(read.IDs), "patient id", "patient ids") + " " + words}
	if read.Duplicates > 0 {
		d.Words = append(d.Words, english.Count(read.Duplicates, "id was listed more than once and was merged", "ids were listed more than once and were merged"))
	}
	if read.Blank > 0 {
		d.Words = append(d.Words, english.Count(read.Blank, "row without an id was skipped", "rows without an id were skipped"))
	}
	for _, c := range read.Columns {
		d.Words = append(d.Words, columnWords(c))
	}
	if len(read.Ignored) > 0 {
		d.Words = append(d.Words, english.Count(len(read.Ignored), "column is not used: ", "columns are not used: ")+strings.Join(read.Ignored, ", "))
	}
	return nil, nil
}

// columnWords says what was read from a column: "Phone: 12 new values, 3 to clear".
func columnWords(c intake.ReadColumn) string {
	var parts []string
	if c.Values > 0 {
		parts = append(parts, english.Count(c.Values, "new value", "new values"))
	}
	if c.Cleared > 0 {
		parts = append(parts, english.Number(c.Cleared)+" to clear")
	}
	if len(parts) == 0 {
		parts = []string{"no value"}
	}
	return c.Title + ": " + strings.Join(parts, ", ")
}

// keepUpload keeps the ids of an uploaded file as a pasted list: a browser
// cannot be given a file back. Where the file may hold more than ids, it is
// asked for again.
func keepUpload(rq *request) (string, bool) {
	path := rq.r.URL.Path
	if rq.tooBig {
		return path, false
	}
	if rq.file == nil {
		return path, true
	}
	if len(rq.route.kind.Columns) > 0 {
		return path, false
	}
	file, err := rq.file.Open()
	if err != nil {
		return path, false
	}
	defer func() { _ = file.Close() }() // it was only read
	read, err := intake.CSV(file, rq.file.Size, rq.engine.Limits.MaxSubjects, rq.route.kind, rq.Now())
	if err != nil {
		return path, false
	}
	rq.form.Set("ids", strings.Join(read.IDs, "\n"))
	rq.form.Set("way", wayPaste)
	return path, true
}

// exampleFile is a file as the kind takes it: one patient with a value in every
// column, and one whose values are cleared where they can be.
func exampleFile(rq *request) error {
	k := rq.route.kind
	rows := [][]string{{"patient_id"}, {"EXAMPLE-1"}, {"EXAMPLE-2"}}
	for _, c := range k.Columns {
		second := kind.Clear
		if c.Keep {
			second = ""
		}
		rows[0], rows[1], rows[2] = append(rows[0], c.Title), append(rows[1], c.Example), append(rows[2], second)
	}
	var content bytes.Buffer
	content.WriteString("\ufeff") // or Excel takes it for an older encoding
	if err := csv.NewWriter(&content).WriteAll(rows); err != nil {
		return err
	}
	h := rq.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+k.Name+`-example.csv"`)
	_, _ = rq.w.Write(content.Bytes())
	return nil
}

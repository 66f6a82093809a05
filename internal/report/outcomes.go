// Package report writes what people take away from an operation as files that
// spreadsheets open.
package report

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/export/csvfile"
	"bulkops/internal/registry"
)

// Columns of the file of outcomes. The first is one that an upload accepts, so
// that the file, cut to the rows that failed, can be uploaded again.
var Columns = []string{"Patient id", "Name", "Facility", "Outcome", "Reason", "Code", "Running again can help", "Changes", "Row in your file"}

// leftOut is the outcome of those whom the plan could not include.
const leftOut = "left out"

// Outcomes writes what became of every subject of an operation as CSV: those
// in the plan in its order, then those left out of it. Callers who want fewer
// rows hand over fewer.
func Outcomes(w io.Writer, d registry.Directory, lines iter.Seq2[engine.Line, error], exclusions iter.Seq2[bulk.Exclusion, error]) error {
	out := csvfile.NewWriter(w)
	if err := out.Write(Columns); err != nil {
		return err
	}
	for line, err := range lines {
		if err != nil {
			return err
		}
		c, o := line.Change, line.Outcome
		if err := out.Write([]string{c.Subject, c.Name, d.Display(registry.FacilityField, c.Facility), string(o.State), o.Sentence, o.Code,
			again(o), Words(c, d), row(c.Row)}); err != nil {
			return err
		}
	}
	for x, err := range exclusions {
		if err != nil {
			return err
		}
		if err := out.Write([]string{x.Subject, x.Name, "", leftOut, x.Sentence, string(x.Code), "", "", row(x.Row)}); err != nil {
			return err
		}
	}
	return out.Flush()
}

// row is a row of the uploaded file; nothing where there was none.
func row(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func again(o bulk.Outcome) string {
	switch {
	case o.State == bulk.Done:
		return ""
	case o.Retryable, o.State == bulk.NotAttempted:
		return "yes"
	}
	return "no"
}

// Words says in one line what a change does to its subject, e.g.
// "Status: Active → Discharged; 2 visits: Visit state: scheduled → cancelled".
func Words(c bulk.Change, d registry.Directory) string {
	var parts []string
	if c.Extract != nil {
		parts = append(parts, "Exported: "+english.Count(bulk.AllRows(c.Extract.Rows), "row", "rows")+" planned")
	}
	if m := c.Notice; m != nil {
		parts = append(parts, fmt.Sprintf("Mail to %s about %s: %s", m.To, english.Count(m.Patients, "patient", "patients"), m.Heading))
	}
	visits := map[string]int{}
	for _, e := range c.Edits {
		if e.Ref.IsSlot() {
			continue // it goes with its visit
		}
		words := editWords(e, d)
		if e.Ref.IsVisit() && e.Before[registry.VisitStart] == e.After[registry.VisitStart] {
			visits[words]++
			continue
		}
		parts = append(parts, words)
	}
	for _, words := range slices.Sorted(maps.Keys(visits)) {
		parts = append(parts, english.Count(visits[words], "visit", "visits")+": "+words)
	}
	return strings.Join(parts, "; ")
}

func editWords(e bulk.Edit, d registry.Directory) string {
	if e.Ref.IsVisit() && e.Before[registry.VisitStart] != e.After[registry.VisitStart] { // booked, or taken away again
		visit := func(f registry.Fields) string { return cmp.Or(d.VisitWords(registry.Record{Fields: f}), "(empty)") }
		return fmt.Sprintf("%s visit: %s → %s", e.Before[registry.VisitType]+e.After[registry.VisitType], visit(e.Before), visit(e.After))
	}
	var words []string
	for _, field := range slices.Sorted(maps.Keys(e.After)) {
		words = append(words, fmt.Sprintf("%s: %s → %s", registry.Label(field), shown(d, field, e.Before[field]), shown(d, field, e.After[field])))
	}
	return strings.Join(words, ", ")
}

func shown(d registry.Directory, field, value string) string {
	if value == "" {
		return "(empty)"
	}
	return d.Display(field, value)
}

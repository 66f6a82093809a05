package portal

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/registry"
)

// countTable counts the patients by what they have in one field.
type countTable struct {
	Label  string
	Moves  bool // the field changes, so that before and after differ
	Shares bool // rows say which share of all patients of the facility they are
	Rows   []countRow
}

type countRow struct {
	Title         string
	Before, After int
	Share         string
}

// Caption names the table.
func (t countTable) Caption() string { return "Patients by " + strings.ToLower(t.Label) }

// longTable is how many rows a table of counts has at most without being folded.
const longTable = 12

// Long reports whether the table is folded.
func (t countTable) Long() bool { return len(t.Rows) > longTable }

// countTables has a table for each counted field that the plan changes, and one
// for facilities and providers in any case.
func countTables(plan bulk.PlanSummary, d registry.Directory) []countTable {
	shares := map[string]string{}
	for _, s := range plan.Shares() {
		shares[s.Facility] = sharePart(s)
	}
	still := map[string]map[string]int{registry.FacilityField: plan.ByFacility, registry.ProviderField: plan.ByProvider}
	var tables []countTable
	for _, field := range bulk.Counted {
		before, after := plan.Before[field], plan.After[field]
		t := countTable{Label: registry.Label(field), Moves: before != nil}
		if !t.Moves {
			before = still[field]
			t.Shares = field == registry.FacilityField
		}
		values := maps.Clone(before)
		maps.Copy(values, after)
		for value := range values {
			row := countRow{Title: shown(d, field, value), Before: before[value], After: after[value]}
			if value == bulk.AllOthers {
				row.Title = "All others"
			}
			if t.Shares {
				row.Share = shares[value]
			}
			t.Rows = append(t.Rows, row)
		}
		slices.SortFunc(t.Rows, byStatusThenTitle)
		if len(t.Rows) > 0 {
			tables = append(tables, t)
		}
	}
	return tables
}

// sharePart is which part of a facility's patients a plan changes: "62 %".
func sharePart(s bulk.Share) string {
	switch {
	case s.Facility == "":
		return ""
	case s.Of == 0:
		return fmt.Sprintf("under %d %%", s.Percent)
	case s.Percent == 0:
		return "under 1 %"
	}
	return fmt.Sprintf("%d %%", s.Percent)
}

// shareWords is the largest part of a facility that a plan changes: "62 % of
// Riverside Clinic".
func shareWords(plan bulk.PlanSummary, d registry.Directory) string {
	shares := plan.Shares()
	if len(shares) == 0 || sharePart(shares[0]) == "" {
		return ""
	}
	return sharePart(shares[0]) + " of " + d.Display(registry.FacilityField, shares[0].Facility)
}

// unusualWords warns of each facility of which a plan changes unusually many.
func unusualWords(plan bulk.PlanSummary, d registry.Directory) []string {
	var words []string
	for _, s := range plan.Shares() {
		if s.Unusual() {
			words = append(words, fmt.Sprintf("%d %% of all patients of %s: %s of %s", s.Percent,
				d.Display(registry.FacilityField, s.Facility), english.Number(s.Changes), english.Number(s.Of)))
		}
	}
	return words
}

// visitFigure says what happens to the visits that a plan touches: "visits
// cancelled with it", or "visits changed with it: 3 cancelled, 4 moved".
func visitFigure(p bulk.PlanSummary) string {
	noun := "visits"
	if p.Visits == 1 {
		noun = "visit"
	}
	switch p.Visits {
	case p.Cancelled:
		return noun + " cancelled with it"
	case p.Booked:
		return noun + " booked"
	}
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{p.Cancelled, "cancelled"}, {p.Booked, "booked"}, {p.Moved, "moved to another provider or facility"}, {p.Reset(), "set back"}} {
		if part.n > 0 {
			parts = append(parts, english.Number(part.n)+" "+part.word)
		}
	}
	return noun + " changed with it: " + strings.Join(parts, ", ")
}

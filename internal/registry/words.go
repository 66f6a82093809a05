package registry

import (
	"slices"
	"strings"

	"bulkops/internal/english"
)

// Criterion is one part of a filter in words, e.g. "Registered", "from 1 Mar 2026".
type Criterion struct{ Label, Words string }

// Words says what the filter chooses by, in the order of its form. Text comes
// last, and as it was typed: it may name a patient.
func (f Filter) Words(d Directory) []Criterion {
	var words []Criterion
	add := func(label string, values ...string) {
		values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
		if len(values) > 0 {
			words = append(words, Criterion{label, strings.Join(values, ", ")})
		}
	}
	span := func(label, from, to string) {
		switch {
		case from != "" && to != "":
			add(label, english.Date(from)+" to "+english.Date(to))
		case from != "":
			add(label, "from "+english.Date(from))
		case to != "":
			add(label, "until "+english.Date(to))
		}
	}
	var statuses, facilities []string
	for _, s := range f.Statuses {
		statuses = append(statuses, string(s))
	}
	for _, id := range f.Facilities {
		facilities = append(facilities, d.Display(FacilityField, id))
	}
	if len(facilities) == len(d.Facilities) && len(facilities) > 1 {
		facilities = []string{"all"}
	}
	add("Status", statuses...)
	add("Facility", facilities...)
	add("Provider", d.Display(ProviderField, f.Provider))
	add("Tag", f.Tag)
	add("Insurance plan", f.Insurance)
	span("Registered", f.RegisteredFrom, f.RegisteredTo)
	span("Last visit", f.LastVisitFrom, f.LastVisitTo)
	span("Visit to come", f.NextVisitFrom, f.NextVisitTo)
	add(FilterText, f.Text)
	return words
}

// FilterText is the label of a filter's Text.
const FilterText = "Name or id"

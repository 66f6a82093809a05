package portal

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// filterFields are the fields of a form that chooses patients by filter.
var filterFields = []string{"way", "status", "facility", "provider", "tag", "insurance", "text",
	"registered_from", "registered_to", "last_visit_from", "last_visit_to", "next_visit_from", "next_visit_to"}

const maxSearch = 100 // characters

// choices are what a filter's form offers: only what the person holds.
type choices struct {
	Statuses   []registry.Status
	Facilities []registry.Facility
	Providers  []registry.Provider
}

func (rq *request) choices(d registry.Directory) choices {
	c := choices{Statuses: registry.Statuses}
	for _, f := range d.Facilities {
		if rq.person.Holds(f.ID) {
			c.Facilities = append(c.Facilities, f)
		}
	}
	for _, p := range d.Providers {
		if slices.ContainsFunc(p.Facilities, rq.person.Holds) {
			c.Providers = append(c.Providers, p)
		}
	}
	return c
}

// of leaves out the providers who work in none of the facilities that a
// selection is limited to.
func (c choices) of(s bulk.Selection) choices {
	if s.Filter == nil || len(s.Filter.Facilities) == 0 {
		return c
	}
	c.Providers = slices.DeleteFunc(slices.Clone(c.Providers), func(p registry.Provider) bool {
		return !slices.ContainsFunc(s.Filter.Facilities, p.WorksAt)
	})
	return c
}

// filterOf reads a filter from a form, and names what cannot be used.
func (rq *request) filterOf(v url.Values, d registry.Directory) (registry.Filter, engine.Problems) {
	f := registry.Filter{
		Provider: v.Get("provider"), Tag: strings.ToLower(strings.TrimSpace(v.Get("tag"))),
		Insurance: strings.TrimSpace(v.Get("insurance")), Text: strings.TrimSpace(v.Get("text")),
	}
	var wrong engine.Problems
	add := func(field, sentence string) { wrong = append(wrong, kind.Problem{Field: field, Sentence: sentence}) }
	for _, s := range v["status"] {
		if !registry.ValidStatus(registry.Status(s)) {
			add("status", "Choose among the listed statuses.")
			break
		}
		f.Statuses = append(f.Statuses, registry.Status(s))
	}
	for _, id := range v["facility"] {
		if !rq.person.Holds(id) {
			add("facility", "Choose among your own facilities.")
			break
		}
		f.Facilities = append(f.Facilities, id)
	}
	if strings.ContainsAny(f.Tag, " \t") {
		add("tag", "Write one tag; a tag has no spaces.")
	}
	if utf8.RuneCountInString(f.Text) > maxSearch {
		add("text", "Shorten the name or id to 100 characters.")
	}
	for name, day := range map[string]*string{"registered_from": &f.RegisteredFrom, "registered_to": &f.RegisteredTo, "last_visit_from": &f.LastVisitFrom,
		"last_visit_to": &f.LastVisitTo, "next_visit_from": &f.NextVisitFrom, "next_visit_to": &f.NextVisitTo} {
		*day = strings.TrimSpace(v.Get(name))
	}
	return f, append(wrong, engine.CheckFilter(f, d)...)
}

// filterValues is the inverse of filterOf.
func filterValues(f registry.Filter) url.Values {
	v := url.Values{"facility": f.Facilities}
	for _, s := range f.Statuses {
		v.Add("status", string(s))
	}
	for name, value := range map[string]string{
		"provider": f.Provider, "tag": f.Tag, "insurance": f.Insurance, "text": f.Text,
		"registered_from": f.RegisteredFrom, "registered_to": f.RegisteredTo,
		"last_visit_from": f.LastVisitFrom, "last_visit_to": f.LastVisitTo,
		"next_visit_from": f.NextVisitFrom, "next_visit_to": f.NextVisitTo,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// filterWords says in words what a filter chooses, for the person who set it:
// it holds what they typed.
func filterWords(f registry.Filter, d registry.Directory) []string {
	var words []string
	for _, c := range f.Words(d) {
		words = append(words, c.Label+": "+c.Words)
	}
	return words
}

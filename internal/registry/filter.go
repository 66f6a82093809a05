package registry

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Nobody stands for a provider where patients without one are looked for.
const Nobody = "-"

// Filter chooses patients. Empty parts choose everybody. Dates are
// 2006-01-02, both ends included; a patient without the date does not match.
type Filter struct {
	Statuses       []Status `json:"statuses,omitempty"`
	Facilities     []string `json:"facilities,omitempty"`
	Provider       string   `json:"provider,omitempty"` // id, or Nobody for those who have none
	Tag            string   `json:"tag,omitempty"`
	Insurance      string   `json:"insurance,omitempty"`
	RegisteredFrom string   `json:"registered_from,omitempty"`
	RegisteredTo   string   `json:"registered_to,omitempty"`
	LastVisitFrom  string   `json:"last_visit_from,omitempty"`
	LastVisitTo    string   `json:"last_visit_to,omitempty"`
	NextVisitFrom  string   `json:"next_visit_from,omitempty"` // any visit to come, not only the first
	NextVisitTo    string   `json:"next_visit_to,omitempty"`
	Text           string   `json:"text,omitempty"` // part of the name, or the whole id
}

// Empty reports whether the filter lets everybody through.
func (f Filter) Empty() bool {
	return len(f.Statuses) == 0 && len(f.Facilities) == 0 && f.Provider == "" && f.Tag == "" &&
		f.Insurance == "" && f.RegisteredFrom == "" && f.RegisteredTo == "" && f.LastVisitFrom == "" &&
		f.LastVisitTo == "" && f.NextVisitFrom == "" && f.NextVisitTo == "" && f.Text == ""
}

// Matcher returns what reports whether a patient is chosen. A visit to come is one
// after now, on its day by the clock at the patient's facility.
func (f Filter) Matcher(d Directory, now time.Time) func(Patient) bool {
	if f.NextVisitFrom == "" && f.NextVisitTo == "" {
		return f.match
	}
	zones := map[string]*time.Location{}
	for _, place := range d.Facilities {
		zones[place.ID] = place.Zone()
	}
	return func(p Patient) bool {
		zone := cmp.Or(zones[p.Facility()], time.UTC)
		return f.match(p) && slices.ContainsFunc(p.Visits(), func(v VisitRef) bool {
			return v.Start.After(now) && within(v.Start.In(zone).Format(time.DateOnly), f.NextVisitFrom, f.NextVisitTo)
		})
	}
}

// match asks everything but the visits to come.
func (f Filter) match(p Patient) bool {
	switch {
	case len(f.Statuses) > 0 && !slices.Contains(f.Statuses, p.Status()),
		len(f.Facilities) > 0 && !slices.Contains(f.Facilities, p.Facility()),
		f.Provider == Nobody && p.Provider() != "",
		f.Provider != "" && f.Provider != Nobody && p.Provider() != f.Provider,
		f.Tag != "" && !slices.Contains(p.TagList(), f.Tag),
		f.Insurance != "" && !strings.EqualFold(p.Get(InsurancePlan), f.Insurance),
		!within(p.Get(Registered), f.RegisteredFrom, f.RegisteredTo),
		!within(p.Get(LastVisit), f.LastVisitFrom, f.LastVisitTo),
		f.Text != "" && p.ID() != f.Text && !strings.Contains(strings.ToLower(p.Name()), strings.ToLower(f.Text)):
		return false
	}
	return true
}

func within(date, from, to string) bool {
	if from == "" && to == "" {
		return true
	}
	return date != "" && date >= from && (to == "" || date <= to)
}

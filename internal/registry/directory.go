package registry

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the time at a facility is the same wherever the program runs
)

// Facility is a place of care.
type Facility struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	TimeZone        string `json:"time_zone"`        // IANA name
	DefaultProvider string `json:"default_provider"` // provider id, may be empty
	Capacity        int    `json:"capacity"`         // most patients; 0 for any number
	Email           string `json:"email"`            // of its contact, may be empty

	Hours   Week   `json:"hours"`   // when visits take place, by the clock there
	Lunch   Span   `json:"lunch"`   // no visits then
	Closed  []Days `json:"closed"`  // holidays and the like
	Prefers Span   `json:"prefers"` // the part of the day that it prefers for visits; none: any
	Version int    `json:"version"` // counts what administrators have changed
}

// loaded are the time zones that were asked for, by name: loading one reads and
// parses its table anew, and a plan asks for thousands of times.
var loaded sync.Map

// Zone is the time zone of the facility; UTC where it is not known.
func (f Facility) Zone() *time.Location {
	if zone, ok := loaded.Load(f.TimeZone); ok {
		return zone.(*time.Location)
	}
	zone, err := time.LoadLocation(f.TimeZone)
	if err != nil {
		return time.UTC
	}
	loaded.Store(f.TimeZone, zone)
	return zone
}

// LocalTime is a moment as the clock at the facility shows it, with the name of
// its time.
func (f Facility) LocalTime(at time.Time) string {
	return at.In(f.Zone()).Format("Mon 2 Jan 2006, 15:04 MST")
}

// VisitWords says when a visit is, how long, and with whom; "" for a record
// without fields.
func (d Directory) VisitWords(visit Record) string {
	if visit.Empty() {
		return ""
	}
	f, _ := d.Facility(visit.Get(FacilityField))
	words := fmt.Sprintf("%s, %d minutes", f.LocalTime(visit.Start()), visit.Minutes())
	if provider := visit.Get(ProviderField); provider != "" {
		words += ", with " + d.Display(ProviderField, provider)
	}
	return words
}

// Provider is a clinician whom patients are assigned to.
type Provider struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Specialty  string   `json:"specialty"`
	Facilities []string `json:"facilities"` // where the provider is licensed to work
	Active     bool     `json:"active"`
	Limit      int      `json:"limit"` // most patients; 0 for any number
	Email      string   `json:"email"` // may be empty

	Hours Week   `json:"hours"` // when they work; empty: while the facility is open
	Away  []Days `json:"away"`  // time off
	Daily int    `json:"daily"` // most visits a day; 0 for any number

	Version int `json:"version"` // counts what administrators have changed
}

// WorksAt reports whether the provider is licensed for the facility.
func (p Provider) WorksAt(facility string) bool { return slices.Contains(p.Facilities, facility) }

// Directory is every facility and provider: small, read as a whole, and handed
// to the kinds, which read nothing themselves.
type Directory struct {
	Facilities []Facility `json:"facilities"` // by name
	Providers  []Provider `json:"providers"`  // by name
}

// Facility returns the facility with the id; ok is false for an unknown one.
func (d Directory) Facility(id string) (f Facility, ok bool) {
	i := slices.IndexFunc(d.Facilities, func(f Facility) bool { return f.ID == id })
	if i < 0 {
		return Facility{}, false
	}
	return d.Facilities[i], true
}

// Provider returns the provider with the id; ok is false for an unknown one.
func (d Directory) Provider(id string) (p Provider, ok bool) {
	i := slices.IndexFunc(d.Providers, func(p Provider) bool { return p.ID == id })
	if i < 0 {
		return Provider{}, false
	}
	return d.Providers[i], true
}

// Display returns what a person should read for a field's stored value: a
// facility's or provider's name for its id, a list with commas, the value
// itself for the rest.
func (d Directory) Display(field, value string) string {
	switch field {
	case FacilityField:
		if f, ok := d.Facility(value); ok {
			return f.Name
		}
	case ProviderField:
		if p, ok := d.Provider(value); ok {
			return p.Name
		}
		if value == Nobody {
			return "nobody yet"
		}
	case Tags:
		return strings.Join(strings.Fields(value), ", ")
	case Upcoming:
		starts := make([]string, 0, 4)
		for _, v := range ParseVisitRefs(value) {
			starts = append(starts, v.Start.Format("2006-01-02 15:04")+" UTC")
		}
		return strings.Join(starts, ", ")
	}
	return value
}

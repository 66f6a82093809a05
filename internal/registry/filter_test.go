package registry_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/registry"
)

// ada is the patient whom the filters below look for.
func ada() registry.Patient {
	return registry.Patient{Record: registry.Record{Ref: registry.ProfileRef("00042"), Fields: registry.Fields{
		registry.Name: "Ada O'Núñez", registry.StatusField: "On Hold", registry.FacilityField: "fac-1",
		registry.ProviderField: "prov-9", registry.Tags: "diabetes fall-risk", registry.InsurancePlan: "Gold Plan",
		registry.Registered: "2026-03-31", registry.LastVisit: "2026-10-01",
		registry.Upcoming: "2026-11-20T09:00Z/V0 2026-12-01T09:00Z/V1 2027-02-01T02:00Z/V2",
	}}}
}

// matches asks the filter on a day in November, of patients in New York.
func matches(f registry.Filter, p registry.Patient) bool {
	d := registry.Directory{Facilities: []registry.Facility{{ID: "fac-1", TimeZone: "America/New_York"}}}
	return f.Matcher(d, time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC))(p)
}

func TestFilterMatches(t *testing.T) {
	tests := []struct {
		name   string
		filter registry.Filter
		want   bool
	}{
		{"everybody", registry.Filter{}, true},
		{"one of the statuses", registry.Filter{Statuses: []registry.Status{registry.Active, registry.OnHold}}, true},
		{"another status", registry.Filter{Statuses: []registry.Status{registry.Active}}, false},
		{"one of the facilities", registry.Filter{Facilities: []string{"fac-2", "fac-1"}}, true},
		{"another facility", registry.Filter{Facilities: []string{"fac-2"}}, false},
		{"the provider", registry.Filter{Provider: "prov-9"}, true},
		{"another provider", registry.Filter{Provider: "prov-1"}, false},
		{"no provider", registry.Filter{Provider: registry.Nobody}, false},
		{"a tag", registry.Filter{Tag: "fall-risk"}, true},
		{"a part of a tag", registry.Filter{Tag: "fall"}, false},
		{"the insurance in other case", registry.Filter{Insurance: "gold plan"}, true},
		{"another insurance", registry.Filter{Insurance: "gold"}, false},
		{"registered on the first day", registry.Filter{RegisteredFrom: "2026-03-31"}, true},
		{"registered on the last day", registry.Filter{RegisteredTo: "2026-03-31"}, true},
		{"registered before", registry.Filter{RegisteredFrom: "2026-04-01"}, false},
		{"registered after", registry.Filter{RegisteredTo: "2026-03-30"}, false},
		{"last visit within", registry.Filter{LastVisitFrom: "2026-09-01", LastVisitTo: "2026-10-01"}, true},
		{"last visit before", registry.Filter{LastVisitFrom: "2026-10-02"}, false},
		{"any coming visit within", registry.Filter{NextVisitFrom: "2027-01-01", NextVisitTo: "2027-12-31"}, true},
		{"a coming visit by the day at the facility", registry.Filter{NextVisitFrom: "2027-01-31", NextVisitTo: "2027-01-31"}, true},
		{"no coming visit by the day in London", registry.Filter{NextVisitFrom: "2027-02-01"}, false},
		{"a visit that has passed", registry.Filter{NextVisitTo: "2026-11-30"}, false},
		{"no coming visit between the two", registry.Filter{NextVisitFrom: "2026-12-02", NextVisitTo: "2027-01-30"}, false},
		{"the whole id", registry.Filter{Text: "00042"}, true},
		{"the id without its zeros", registry.Filter{Text: "42"}, false},
		{"a part of the name in other case", registry.Filter{Text: "o'NÚÑ"}, true},
		{"another name", registry.Filter{Text: "Grace"}, false},
		{"one part fits, one does not", registry.Filter{Provider: "prov-9", Tag: "vip"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := matches(test.filter, ada()); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if got := test.filter.Empty(); got != (test.name == "everybody") {
				t.Errorf("Empty is %v", got)
			}
		})
	}
}

func TestFilterByDateLeavesOutPatientsWithoutIt(t *testing.T) {
	blank := registry.Patient{Record: registry.Record{Ref: registry.ProfileRef("P1"), Fields: registry.Fields{}}}
	for name, f := range map[string]registry.Filter{
		"registered": {RegisteredTo: "2099-01-01"},
		"last visit": {LastVisitTo: "2099-01-01"},
		"next visit": {NextVisitTo: "2099-01-01"},
	} {
		if matches(f, blank) {
			t.Errorf("%s: a patient without the date was chosen", name)
		}
	}
}

// Each part of a filter can only take patients away.
func TestFilterPartsNarrow(t *testing.T) {
	filters := rapid.Custom(func(t *rapid.T) registry.Filter {
		pick := func(name string, values ...string) string {
			return rapid.SampledFrom(append(values, "")).Draw(t, name)
		}
		f := registry.Filter{
			Provider: pick("provider", "prov-9", "prov-1"), Tag: pick("tag", "diabetes", "vip"),
			Insurance: pick("insurance", "Gold Plan", "None"), Text: pick("text", "ada", "bob"),
			RegisteredFrom: pick("from", "2026-01-01", "2027-01-01"), LastVisitTo: pick("to", "2026-12-31", "2025-12-31"),
		}
		if s := pick("status", "On Hold", "Active"); s != "" {
			f.Statuses = []registry.Status{registry.Status(s)}
		}
		return f
	})
	rapid.Check(t, func(t *rapid.T) {
		f := filters.Draw(t, "filter")
		one := func(alter func(*registry.Filter)) bool {
			var only registry.Filter
			alter(&only)
			return matches(only, ada())
		}
		want := one(func(o *registry.Filter) { o.Provider = f.Provider }) &&
			one(func(o *registry.Filter) { o.Tag = f.Tag }) &&
			one(func(o *registry.Filter) { o.Insurance = f.Insurance }) &&
			one(func(o *registry.Filter) { o.Text = f.Text }) &&
			one(func(o *registry.Filter) { o.RegisteredFrom = f.RegisteredFrom }) &&
			one(func(o *registry.Filter) { o.LastVisitTo = f.LastVisitTo }) &&
			one(func(o *registry.Filter) { o.Statuses = f.Statuses })
		if got := matches(f, ada()); got != want {
			t.Fatalf("%+v: got %v, want the conjunction of its parts, %v", f, got, want)
		}
	})
}

package registry_test

import (
	"slices"
	"testing"

	"bulkops/internal/registry"
)

func TestAFilterInWords(t *testing.T) {
	d := registry.Directory{
		Facilities: []registry.Facility{{ID: "fac-1", Name: "Riverside"}, {ID: "fac-2", Name: "Hilltop"}},
		Providers:  []registry.Provider{{ID: "prov-9", Name: "Dr. Ann"}},
	}
	for _, test := range []struct {
		filter registry.Filter
		want   []registry.Criterion
	}{
		{registry.Filter{}, nil},
		{registry.Filter{Statuses: []registry.Status{registry.Active, registry.OnHold}, Facilities: []string{"fac-2"}, Provider: "prov-9"},
			[]registry.Criterion{{"Status", "Active, On Hold"}, {"Facility", "Hilltop"}, {"Provider", "Dr. Ann"}}},
		{registry.Filter{Facilities: []string{"fac-1", "fac-2"}}, []registry.Criterion{{"Facility", "all"}}},
		{registry.Filter{Tag: "vip", Insurance: "Gold", RegisteredFrom: "2026-01-01", RegisteredTo: "2026-02-01", LastVisitFrom: "2026-03-01", NextVisitTo: "2026-12-31", Text: "Ada"},
			[]registry.Criterion{{"Tag", "vip"}, {"Insurance plan", "Gold"}, {"Registered", "1 Jan 2026 to 1 Feb 2026"}, {"Last visit", "from 1 Mar 2026"},
				{"Visit to come", "until 31 Dec 2026"}, {registry.FilterText, "Ada"}}},
	} {
		if got := test.filter.Words(d); !slices.Equal(got, test.want) {
			t.Errorf("%+v: %q, want %q", test.filter, got, test.want)
		}
	}
}

package registry_test

import (
	"testing"

	"bulkops/internal/registry"
)

func TestNormalIDKeepsEverythingButTheSpacesAround(t *testing.T) {
	tests := map[string]string{
		"00042": "00042", " 00042\t": "00042", "\ufeffP1\r\n": "P1", "\u00a0P1\u00a0": "P1",
		"a b": "a b", "p1": "p1", "": "", " ": "",
	}
	for in, want := range tests {
		if got := registry.NormalID(in); got != want {
			t.Errorf("NormalID(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	r := registry.Record{Ref: registry.ProfileRef("P1"), Fields: registry.Fields{registry.StatusField: "Active"}}
	r.Clone().Fields[registry.StatusField] = "Deceased"
	if got := r.Get(registry.StatusField); got != "Active" {
		t.Errorf("writing to a clone changed the record to %q", got)
	}
}

func TestEveryListedStatusIsValidAndNoOther(t *testing.T) {
	if len(registry.Statuses) != 7 {
		t.Errorf("there are %d statuses, want 7", len(registry.Statuses))
	}
	for _, s := range registry.Statuses {
		if !registry.ValidStatus(s) {
			t.Errorf("%s is not valid", s)
		}
	}
	for _, s := range []registry.Status{"", "active", "On hold", "Unknown"} {
		if registry.ValidStatus(s) {
			t.Errorf("%q is valid", s)
		}
	}
}

func TestDisplaySaysNamesForIDs(t *testing.T) {
	d := registry.Directory{
		Facilities: []registry.Facility{{ID: "fac-1", Name: "Riverside"}},
		Providers:  []registry.Provider{{ID: "prov-9", Name: "Dr. Grace Hopper"}},
	}
	tests := []struct{ field, value, want string }{
		{registry.FacilityField, "fac-1", "Riverside"},
		{registry.FacilityField, "fac-2", "fac-2"}, // one that was taken out of the directory
		{registry.ProviderField, "prov-9", "Dr. Grace Hopper"},
		{registry.ProviderField, "", ""},
		{registry.StatusField, "fac-1", "fac-1"},
		{registry.Upcoming, "2026-12-01T09:00Z/V1 2026-12-02T10:30Z/V2", "2026-12-01 09:00 UTC, 2026-12-02 10:30 UTC"},
		{registry.Upcoming, "", ""},
		{registry.Tags, "diabetes fall-risk", "diabetes, fall-risk"},
	}
	for _, test := range tests {
		if got := d.Display(test.field, test.value); got != test.want {
			t.Errorf("Display(%s, %q) = %q, want %q", test.field, test.value, got, test.want)
		}
	}
}

func TestTagsAreTheWordsOfTheField(t *testing.T) {
	p := registry.Patient{Record: registry.Record{Fields: registry.Fields{registry.Tags: "diabetes fall-risk"}}}
	if got := p.TagList(); len(got) != 2 || got[0] != "diabetes" || got[1] != "fall-risk" {
		t.Errorf("got %q", got)
	}
	if got := (registry.Patient{}).TagList(); len(got) != 0 {
		t.Errorf("a patient without tags has %q", got)
	}
}

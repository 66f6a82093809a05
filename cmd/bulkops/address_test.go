package main

import (
	"testing"

	"bulkops/internal/fault"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
)

func TestAnAddressIsKept(t *testing.T) {
	book := memory.New()
	facility := registry.Facility{ID: "north", Name: "North Clinic", TimeZone: "America/Chicago", Hours: registry.DefaultHours, Capacity: 12}
	provider := registry.Provider{ID: "P001", Name: "Dr. A", Facilities: []string{"north"}, Active: true, Limit: 3}
	if err := book.PutFacility(t.Context(), facility); err != nil {
		t.Fatal(err)
	}
	if err := book.PutProvider(t.Context(), provider); err != nil {
		t.Fatal(err)
	}
	for _, c := range []addressCommand{{Facility: "north", Email: "desk@north.example"}, {Provider: "P001", Email: "a@north.example"}} {
		if _, err := c.write(t.Context(), book); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	d, err := book.Directory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	facility.Email, provider.Email = "desk@north.example", "a@north.example"
	if f, _ := d.Facility("north"); f.Email != facility.Email || f.Capacity != facility.Capacity || f.Hours != facility.Hours {
		t.Errorf("%+v", f)
	}
	if p, _ := d.Provider("P001"); p.Email != provider.Email || p.Limit != provider.Limit || !p.Active {
		t.Errorf("%+v", p)
	}
	for _, test := range []struct {
		addressCommand
		want fault.Code
	}{
		{addressCommand{Facility: "south", Email: "desk@south.example"}, fault.NotFound},
		{addressCommand{Facility: "north", Email: "North <desk@north.example>"}, fault.Invalid},
	} {
		if _, err := test.write(t.Context(), book); !fault.Is(err, test.want) {
			t.Errorf("%+v: %v", test.addressCommand, err)
		}
	}
}

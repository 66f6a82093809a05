package engine_test

import (
	"testing"
	"time"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

func TestOnlyAdministratorsChangeFacilitiesAndProviders(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	f, _ := kindtest.Directory.Facility("fac-1")
	changed := engine.AnswersOf(f)
	changed.Hours, changed.Closed = "Mon-Tue 09:00-12:00", "2026-12-26\n\n 2026-12-24 to 2026-12-25 \n"
	for _, p := range []staff.Person{ada, grace, ula} {
		equal(t, p.Name, fault.CodeOf(c.SetFacility(t.Context(), p, "fac-1", 0, changed)), fault.Forbidden)
		equal(t, p.Name, fault.CodeOf(c.SetProvider(t.Context(), p, "ann", 0, engine.ProviderAnswers{Daily: "3"})), fault.Forbidden)
	}
	must(t, c.SetFacility(t.Context(), amir, "fac-1", 0, engine.AnswersOf(f))) // nothing new is no change
	must(t, c.SetFacility(t.Context(), amir, "fac-1", 0, changed))
	must(t, c.SetProvider(t.Context(), amir, "ann", 0, engine.ProviderAnswers{Daily: "3", Limit: " 90 "}))
	d, err := c.store.Directory(t.Context())
	must(t, err)
	f, _ = d.Facility("fac-1")
	equal(t, "hours", f.Hours.String(), "Mon-Tue 09:00-12:00")
	list(t, "closed", f.Closed, registry.Days{From: "2026-12-24", To: "2026-12-25"}, registry.Days{From: "2026-12-26", To: "2026-12-26"})
	equal(t, "lunch", f.Lunch, registry.DefaultLunch)
	equal(t, "monday", f.Hours[time.Monday].Empty(), false)
	p, _ := d.Provider("ann")
	equal(t, "a day", p.Daily, 3)
	equal(t, "patients", p.Limit, 90)

	changed.Hours = "Mon 09:00-12:00"
	equal(t, "with what was read before", fault.CodeOf(c.SetFacility(t.Context(), amir, "fac-1", 0, changed)), fault.Conflict)
	equal(t, "an unknown one", fault.CodeOf(c.SetProvider(t.Context(), amir, "dee", 0, engine.ProviderAnswers{})), fault.NotFound)
}

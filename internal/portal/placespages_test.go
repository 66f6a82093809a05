package portal_test

import (
	"net/url"
	"testing"
	"time"
)

// An administrator gives a facility other hours and a provider time off; the
// next plan follows it.
func TestCalendarsAreChangedOnAPage(t *testing.T) {
	w := newWorld(t, 200)
	ida, sam := w.signedIn("ida"), w.signedIn("sam")
	list := ida.get("/").click("Facilities").want(200, "Riverside Clinic", "Mon-Fri 08:00-17:00", "America/New_York", "at most 16 visits a day")
	checkMarkup(t, list)
	form := list.click("Riverside Clinic").want(200, "Days and hours of visits", "Default provider")
	checkMarkup(t, form)
	checkMarkup(t, form.press("save", url.Values{"hours": {"always"}, "lunch": {"12:10-13:00"}, "closed": {"2026-12-25\r\nChristmas\r\n"}, "capacity": {"-1"}, "time_zone": {"Riverside"}, "provider": {"P002"}}).want(422,
		`There is a problem "always" is no day with hours: write it like Mon-Fri 08:00-17:00. Use whole quarters of an hour, for example 08:15. `+
			`"Christmas" is no day: write it like 2026-12-25, or 2026-12-24 to 2026-12-26. Give the name of a time zone, for example America/New_York. `+
			`Give a whole number from 1, or leave it empty for any number. Choose a provider who works at this facility`))
	form.press("save", url.Values{"hours": {"Sun 10:00-12:00"}, "lunch": {""}, "closed": {"2026-12-24 to 2026-12-26\n"}}).want(200, "This is what counts now", "Sun 10:00-12:00")
	// The form that was opened before is overtaken by what it did itself.
	checkMarkup(t, form.press("save", url.Values{"capacity": {"500"}}).want(409, "Nothing was changed"))

	d, err := w.store.Directory(t.Context())
	must(t, err)
	f, _ := d.Facility("riverside")
	if f.Hours[time.Sunday].String() != "10:00-12:00" || !f.Lunch.Empty() || len(f.Closed) != 1 || f.Capacity != 0 || f.Version != 1 {
		t.Errorf("stored: %+v", f)
	}
	ids := activeIn(w, "riverside", 1)
	asked(sam, "visit-scheduling", wellness(nil), ids...).want(200, "Wellness visit none → Sun 13 Dec 2026, 10:00 EST")

	provider := ida.get("/admin/providers/P001").want(200, "Time off")
	checkMarkup(t, provider)
	checkMarkup(t, provider.press("save", url.Values{"away": {"2026-12-20 to 2026-12-01"}, "daily": {"x"}}).want(422, "is no day", "Give a whole number"))
	provider.press("save", url.Values{"away": {"2026-12-01 to 2026-12-20"}, "daily": {"4"}, "limit": {"90"}, "hours": {"Mon 09:00-12:00"}}).want(200, "Mon 09:00-12:00 at most 4 visits a day at most 90 patients")
	ida.get("/admin/facilities/moon").want(404, "There is no such facility")
	ida.get("/admin/providers/moon").want(404, "There is no such provider")
}

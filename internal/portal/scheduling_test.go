package portal_test

import (
	"net/url"
	"strings"
	"testing"

	"bulkops/internal/registry"
)

// wellness are the answers that do not stand in the form already.
func wellness(more url.Values) url.Values {
	answers := url.Values{"type": {"Wellness"}, "with": {"any"}}
	for name, value := range more {
		answers[name] = value
	}
	return answers
}

func TestVisitsAreScheduledByTheForm(t *testing.T) {
	w := newWorld(t, 300)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	ids := activeIn(w, "riverside", 20)
	form := sam.get("/operations/new/visit-scheduling").press("continue", url.Values{"way": {"paste"}}).press("continue", url.Values{"ids": {ids[0]}})
	for id, want := range map[string]string{"from": "2026-12-08", "to": "2027-01-04", "minutes": "30", "per_day": ""} {
		if got := form.value(id); got != want {
			t.Errorf("the form begins with %s %q, want %q", id, got, want)
		}
	}
	form.press("continue", url.Values{"with": {"one"}, "at": {"between"}, "earliest": {"16:00"}, "latest": {"09:00"}, "per_day": {"0"}, "times": {"13"}}).want(422,
		"Choose the type of the visits.", "Choose the provider.", "The second time is not after the first.", "Give a whole number from 1 to 96", "Give a whole number of weeks from 1 to 26", "Give a whole number of visits from 2 to 12")

	p := asked(sam, "visit-scheduling", wellness(url.Values{"at": {"morning"}}), ids...)
	p.want(200, "20 visits booked", "Wellness visit none → ", "08:00 EST, 30 minutes, with Dr. ", "Schedule Wellness visits of 30 minutes from 8 Dec 2026 to 4 Jan 2027, with any provider of the facility, in the morning")
	for _, never := range []string{"Slot", "Upcoming", "cancelled with it"} {
		if strings.Contains(p.text(), never) {
			t.Errorf("the plan says %q: %s", never, p.text())
		}
	}
	op := submitted(p).operation()
	w.settle()
	maria.get("/operations/"+op+"/decision").want(200, "20 visits booked").press("approve", nil).want(200)
	w.settle()
	sam.get("/operations/"+op).want(200, "Completed")
	w.writeAudit()
	audit := sam.get("/operations/"+op+"/audit").want(200, "Patients affected 20; listed below", "Time of Dr. ", "Held no", "Held for a visit")
	checkMarkup(t, audit)
	sam.get("/patients/"+ids[0]).want(200, "Wellness", "EST")
	for _, id := range ids {
		if visits := w.profile(id).Get(registry.Upcoming); !strings.Contains(visits, "/B2612") {
			t.Errorf("%s has the visits %q", id, visits)
		}
	}
}

func TestWhoFindsNoTimeIsLeftOutWithTheReason(t *testing.T) {
	w := newWorld(t, 300)
	sam := w.signedIn("sam")
	ids := activeIn(w, "riverside", 3)
	asked(sam, "visit-scheduling", wellness(url.Values{"from": {"2026-12-25"}, "to": {"2026-12-27"}}), ids...).want(200,
		"No free slot: 3", "hours, days off and the part of the day leave no 30 minutes", "Ask again for these patients with more days")
}

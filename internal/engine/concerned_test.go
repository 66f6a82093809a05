package engine_test

import (
	"slices"
	"testing"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

func TestWhoSeesWhomAMessageIsAbout(t *testing.T) {
	c := newClinic(t)
	c.twoFacilities()
	many := numbered(450)
	c.admit(registry.Active, many)
	op := c.planned(tells(append([]string{"P1", "P2", "P4", "P5"}, many...)...)) // 1-1 is Hilltop, 1-2 Riverside
	person := func(sub string) staff.Person {
		p, err := c.store.Person(t.Context(), sub)
		must(t, err)
		return p
	}
	seen := func(who string, number string, page int) engine.Concerned {
		t.Helper()
		shown, err := c.Concerned(t.Context(), person(who), op.ID, number, page)
		must(t, err)
		return shown
	}
	hidden := func(who, id, number string, page int) {
		t.Helper()
		_, err := c.Concerned(t.Context(), person(who), id, number, page)
		refused(t, err, fault.NotFound, "There is no such message, or you may not see whom it is about.")
	}
	equal(t, "to who asks", len(seen(ada.Sub, "1-1", 1).Patients), 2)
	hidden(tom.Sub, op.ID, "1-2", 1) // Tom holds Riverside, but the message is not sent yet

	op = c.finish(c.start(c.approve(c.submit(op))))
	shown := seen(tom.Sub, "1-2", 1)
	equal(t, "patients of a page", len(shown.Patients), 200)
	equal(t, "pages", shown.Pages, 3)
	equal(t, "patients of the last page", len(seen(tom.Sub, "1-2", 3).Patients), 52)
	hidden(tom.Sub, op.ID, "1-1", 1) // Hilltop
	hidden(tom.Sub, op.ID, "1-2", 0)
	hidden(tom.Sub, op.ID, "1-2", 4)
	for _, number := range []string{"", "1", "1-0", "1-3", "2-1", "01-2", "1-2-3", "x"} {
		hidden(lin.Sub, op.ID, number, 1)
	}
	hidden(lin.Sub, "OP-000000-0000", "1-1", 1)

	c.byHand("P4", registry.FacilityField, "fac-1") // who has moved is for others to see now
	c.store.Remove(registry.ProfileRef("P5"))
	shown = seen(henry.Sub, "1-1", 1)
	equal(t, "patients", len(shown.Patients), 0)
	equal(t, "hidden", shown.Hidden, 2)
}

// Alerts about several facilities name for each of the staff those they hold.
func TestAnAlertIsAboutTheFacilitiesThatTheReaderHolds(t *testing.T) {
	c := newClinic(t)
	c.twoFacilities()
	op := c.finished(tellsStaff("manager", "P1", "P2", "P4"))
	var got []string
	for to, mails := range c.notices() {
		got = append(got, to+": "+mails[0].Subject)
	}
	slices.Sort(got)
	list(t, "mails", got, "grace@clinic.example: 3 patients at Riverside, Hilltop", "henry@clinic.example: 1 patient at Hilltop",
		"lin@clinic.example: 3 patients at Riverside, Hilltop")
	equal(t, "patients", op.Plan.Listed, 3)
	shown, err := c.Concerned(t.Context(), tom, op.ID, "1-1", 1) // Grace's, of which Tom holds a part
	must(t, err)
	equal(t, "shown", len(shown.Patients), 2)
	equal(t, "elsewhere", shown.Elsewhere, 1)
}

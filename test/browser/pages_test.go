package browser_test

import (
	"path"
	"testing"

	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Somebody new, whose facility has no patients yet, is told on every page what
// will be there and what to do.
func TestEmptyPagesSayWhatWillBeThere(t *testing.T) {
	t.Parallel()
	if err := live.registry.PutFacility(t.Context(), registry.Facility{ID: "new-house", Name: "New House", TimeZone: "America/Denver"}); err != nil {
		t.Fatal(err)
	}
	live.hire(t, "Nora New", staff.Staff, "new-house")
	nora := signedIn(t, "Nora New")
	nora.sees("main", "Nothing waits for you", "No operation runs at the moment", "You have not asked for an operation yet")
	nora.look("home-first-day")
	nora.visit("/operations")
	nora.sees("main", "There is no operation yet")
	nora.look("operations-none-yet")
	nora.visit("/patients")
	nora.sees("main", "There are no patients in your facilities yet")
	nora.look("patients-none-yet")
	nora.visit("/operations/new/status-change")
	nora.choose("way")
	nora.press("#continue")
	nora.press("#continue")
	nora.sees("#problems", "No patient of your facilities matches")

	// She can still name patients, and is told that they are not hers.
	nora.plans(registry.Inactive, some(3, planFacility, registry.Active)...)
	nora.sees("#nothing-to-do", "No patient can be changed")
	nora.look("plan-with-nothing-to-do")
	for _, hers := range []string{"/patients/" + some(1, planFacility, registry.Active)[0], "/operations/OP-SAMPLE-0001", "/operations/OP-000000-0000"} {
		nora.visit(hers)
		if nora.status != 404 {
			t.Errorf("%s is answered with %d", hers, nora.status)
		}
	}
	nora.lookAt("operation-unknown", 404)

	live.hire(t, "Nils Nowhere", staff.Staff)
	nils := signedIn(t, "Nils Nowhere")
	nils.visit("/patients")
	nils.sees("main", "You hold no facility")
	nils.look("patients-no-facility")
}

// A page that somebody may not use says which right is missing.
func TestMissingRightsAreNamed(t *testing.T) {
	t.Parallel()
	omar := signedIn(t, "Omar Haddad")
	omar.look("home-auditor")
	if omar.count(`a[href="/operations/new"]`) > 0 {
		t.Error("an auditor is offered to start an operation")
	}
	omar.visit("/operations/new")
	omar.sees("#problem", "takes the right Staff or higher; yours is Auditor")
	omar.lookAt("no-right", 403)
	omar.visit("/operations/OP-SAMPLE-0001")
	omar.look("operation-auditor")
	omar.visit("/patients")
	if omar.count("#actions") > 0 {
		t.Error("an auditor is offered actions on patients")
	}
	omar.look("patients-auditor")

	theo := signedIn(t, "Theo Lam")
	theo.visit("/approvals")
	theo.sees("main", "No request waits for your decision")
	theo.look("approvals-none")

	live.hire(t, "Stella Stranger", "")
	stella := signedIn(t, "Stella Stranger")
	stella.sees("main", "you have no access to this portal yet")
	stella.lookAt("no-access", 403)

	live.hire(t, "Lea Left", staff.Staff, planFacility)
	lea := signedIn(t, "Lea Left")
	live.dismiss(t, "Lea Left")
	lea.visit("/patients")
	lea.sees("main", "Your access to this portal has ended")
	lea.lookAt("access-ended", 403)
}

// What is not there, what cannot be done, and the help.
func TestHelpAndUnknownAddresses(t *testing.T) {
	t.Parallel()
	ana := signedIn(t, "Ana Lindqvist")
	ana.visit("/no/such/page")
	ana.heading("Page not found")
	ana.lookAt("not-found", 404)
	ana.visit("/sign-out")
	ana.lookAt("not-this-way", 405)

	ana.visit("/help")
	ana.look("help")
	topics := evaluate[[]string](ana, `[...document.querySelectorAll("#topics a")].map((a) => a.pathname)`)
	ana.write("#words", "skipped")
	if n := evaluate[int](ana, `[...document.querySelectorAll("#topics li")].filter((l) => !l.hidden).length`); n == 0 || n == len(topics) {
		t.Errorf("the search shows %d of %d topics", n, len(topics))
	}
	ana.press("#look")
	ana.look("help-found")
	ana.write("#words", "weather")
	ana.press("#look")
	ana.sees("main", "No topic has all of these words")
	ana.look("help-nothing-found")
	for _, topic := range topics {
		ana.visit(topic)
		ana.look("help-" + topic[len("/help/"):])
	}
	ana.visit("/patients/" + some(9, planFacility, registry.Active)[8])
	ana.look("patient")
	ana.visit("/patients/" + withLock(t))
	ana.sees("main", "Locked by")
	ana.look("patient-locked")
}

// withLock is a patient whose record is locked.
func withLock(t *testing.T) string {
	t.Helper()
	for _, p := range live.those(planFacility) {
		if p.LockedBy() != "" {
			return p.ID()
		}
	}
	t.Fatal("the sample has no locked record")
	return ""
}

// Each kind of operation has its form, which says what is missing when it is
// sent as it is.
func TestEveryKindOfOperationHasItsForm(t *testing.T) {
	t.Parallel()
	ana := signedIn(t, "Ana Lindqvist")
	ana.visit("/operations/new")
	for _, address := range evaluate[[]string](ana, `[...document.querySelectorAll(".offers a")].map((a) => a.pathname)`) {
		kind := path.Base(address)
		ana.visit(address)
		if ana.count("#way-paste") > 0 {
			ana.choose("way-paste")
			ana.press("#continue")
			ana.set("#ids", some(1, planFacility, registry.Active)[0])
			ana.press("#continue")
		}
		ana.look("kind-" + kind)
		ana.press("#continue")
		ana.sees("#problems", "There is a problem")
		ana.lookAt("kind-"+kind+"-nothing-filled-in", 422)
	}
}

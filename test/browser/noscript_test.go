package browser_test

import (
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// The main job once more, by people whose browsers run no scripts: choosing,
// planning, sending, deciding, and the progress, by a link to look again.
func TestTheWholeJobWorksWithoutScript(t *testing.T) {
	chosen := live.those(noScriptFacility, registry.Active)
	changed := free(chosen)
	ana := signedIn(t, "Ana Lindqvist", withoutScript)
	ana.plans(registry.Hospitalized, some(1, noScriptFacility, registry.Active)...) // a worker is there from now on

	ana.visit("/patients")
	ana.click(".filter__more summary")
	ana.chooseNamed("status", string(registry.Active))
	ana.chooseNamed("facility", noScriptFacility)
	ana.press("#apply")
	ana.look("noscript-patients")
	ana.press("#tick-page")
	ana.choose("tick-0")
	ana.press("#select-all")
	ana.sees("#selection-text", shown(len(chosen))+" selected")
	ana.click("#actions")
	ana.press("#bulk-operations")
	ana.press(statusChange)
	ana.chooseNamed("to", string(registry.OnHold))
	ana.chooseNamed("hold_reason", "Payment")
	ana.choose("cancel_visits")
	ana.look("noscript-what")
	release := live.hold(t, "plan")
	ana.press("#continue")
	ana.sees("#progress", "Working out the plan")
	ana.look("noscript-planning")
	release()
	operation := ana.seesThePlan()
	ana.hasPlan(len(changed), visitsAhead(changed), len(chosen)-len(changed))
	ana.press("#to-submit")
	ana.press("#submit")
	ana.lookAt("noscript-submit-nothing-filled-in", 422)
	ana.fillsInTheSubmission("The payer of these patients has stopped paying.")
	ana.press("#submit")
	ana.sees("#confirmation", "Sent for approval")

	jonas := newPerson(t, "Jonas Weber", withoutScript)
	jonas.visit(mailTo(t, jonas.name, "Approval needed", operation).link(t))
	jonas.signIn()
	jonas.sees("#operation-id", operation)
	jonas.hasPlan(len(changed), visitsAhead(changed), len(chosen)-len(changed))
	jonas.press("#reject")
	jonas.lookAt("noscript-reject-without-comment", 422)
	held := live.holdRun(t, operation)
	jonas.press("#approve")
	jonas.sees("#banner", "Your approval is recorded")
	release = held()

	ana.visit("/operations/" + operation)
	ana.looksAgainUntil(bulk.Running)
	ana.look("noscript-running")
	done := number(t, ana.text("#processed"))
	if done == 0 || done+number(t, ana.text("#remaining")) != len(changed) {
		t.Errorf("%d processed, %s remaining of %d", done, ana.text("#remaining"), len(changed))
	}
	release()
	ana.looksAgainUntil(bulk.Completed)
	ana.sees("#processed", shown(len(changed)))
	if got := len(ana.downloads("#download-outcomes")) - 1; got != len(chosen) {
		t.Errorf("the file of outcomes has %d patients, want %d", got, len(chosen))
	}
	ana.press("#to-audit")
	ana.waitsForTheAuditRecord(len(changed))
	ana.look("noscript-audit")
}

// looksAgainUntil follows the page's link to itself until the operation is in
// the state.
func (p *person) looksAgainUntil(want bulk.State) {
	p.t.Helper()
	eventually(p.t, "the operation is "+string(want), func() bool {
		if evaluate[bool](p, isIn(want)) {
			return true
		}
		p.press("#look-again")
		return false
	})
}

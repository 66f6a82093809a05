package browser_test

import (
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// Short ways through the portal, for tests that are about what comes after.

// plans asks for a status change of patients by their ids and returns the
// operation, whose page is shown with the plan.
func (p *person) plans(to registry.Status, ids ...string) (operation string) {
	p.t.Helper()
	p.visit("/operations/new/status-change")
	p.choose("way-paste")
	p.press("#continue")
	p.set("#ids", strings.Join(ids, "\n"))
	p.press("#continue")
	p.chooseNamed("to", string(to))
	p.press("#continue")
	return p.seesThePlan()
}

// seesThePlan waits until the operation that is shown is planned.
func (p *person) seesThePlan() (operation string) {
	p.t.Helper()
	if p.scriptless {
		p.looksAgainUntil(bulk.Ready)
	}
	p.waits("the plan is there", isIn(bulk.Ready))
	return p.text("#operation-id")
}

// submits sends the plan that is shown for approval.
func (p *person) submits(reason string) {
	p.t.Helper()
	p.press("#to-submit")
	p.fillsInTheSubmission(reason)
	p.press("#submit")
	p.waits("the request is sent", isIn(bulk.AwaitingApproval))
}

// fillsInTheSubmission writes the reason, ticks the checklist and types the
// number where it is asked for.
func (p *person) fillsInTheSubmission(reason string) {
	p.t.Helper()
	p.write("#reason", reason)
	p.ticksTheList()
	if p.count("#typed") > 0 {
		p.write("#typed", strings.Fields(p.text("#submit"))[1])
	}
}

// sends plans and submits.
func (p *person) sends(reason string, to registry.Status, ids ...string) (operation string) {
	p.t.Helper()
	operation = p.plans(to, ids...)
	p.submits(reason)
	return operation
}

// opens the request of the mail that the person was sent.
func (p *person) opensTheMail(operation string) {
	p.t.Helper()
	p.visit(mailTo(p.t, p.name, "Approval needed", operation).link(p.t))
	p.sees("#operation-id", operation)
}

// some returns the ids of the first patients of a facility with a status and
// an unlocked record.
func some(n int, facility string, status registry.Status) []string {
	return ids(free(live.those(facility, status)))[:n]
}

// statusChange is the link to a status change among the kinds of operation, with
// patients chosen before or without.
const statusChange = `.offers a[href*="/status-change"]`

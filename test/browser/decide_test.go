package browser_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

const reason = "Agreed with the head nurse of the islands."

// Who rejects says why; the requester is told by mail and reads it.
func TestARejectionReachesTheRequester(t *testing.T) {
	t.Parallel()
	ana := signedIn(t, "Ana Lindqvist")
	operation := ana.sends(reason, registry.Hospitalized, some(4, decideFacility, registry.Active)...)
	priya := signedIn(t, "Priya Nair")
	priya.opensTheMail(operation)
	priya.press("#reject")
	priya.isToldOf("comment")
	priya.lookAt("reject-without-comment", 422)
	priya.write("#comment", "Two of them went home on Friday.")
	priya.press("#reject")
	priya.sees("#banner", "Success", "Your rejection is recorded")
	priya.look("rejected-by-me")

	told := mailTo(t, "Ana Lindqvist", "Rejected", operation)
	told.withoutPatients(t)
	ana.visit(told.link(t))
	ana.sees("[data-state]", "Rejected")
	ana.sees("#decision-comment", "Two of them went home on Friday.")
	ana.look("rejected")
}

// Whoever comes too late is shown what is recorded, and nothing of theirs is.
func TestALateApproverSeesTheRecordedDecision(t *testing.T) {
	t.Parallel()
	ana := signedIn(t, "Ana Lindqvist")
	operation := ana.sends(reason, registry.Hospitalized, some(6, decideFacility, registry.Active)[4:]...)
	jonas, priya := signedIn(t, "Jonas Weber"), signedIn(t, "Priya Nair")
	jonas.opensTheMail(operation)
	priya.opensTheMail(operation)
	jonas.write("#comment", "Not before the ward round.")
	jonas.press("#reject")
	priya.press("#approve")
	priya.sees("#problems", "Jonas Weber rejected this operation", "Your decision was not recorded")
	priya.sees("#recorded", "There is nothing to decide any more")
	priya.lookAt("decided-before", 409)
	if op := live.operation(t, operation); op.State != bulk.Rejected || op.Decision.By.Name != "Jonas Weber" {
		t.Errorf("recorded is %+v, state %s", op.Decision, op.State)
	}
}

// Nobody decides on their own request; the page says so before they try.
func TestNobodyDecidesOnTheirOwnRequest(t *testing.T) {
	t.Parallel()
	jonas := signedIn(t, "Jonas Weber")
	operation := jonas.sends(reason, registry.Hospitalized, some(8, decideFacility, registry.Active)[6:]...)
	jonas.visit("/operations/" + operation + "/decision")
	jonas.sees("#hindrance", "You asked for this operation yourself")
	if jonas.count("#approve") > 0 {
		t.Error("the requester is offered to approve")
	}
	jonas.look("own-request")
	jonas.visit("/operations/" + operation + "/take-back")
	jonas.look("take-back")
	jonas.press("#confirm")
	jonas.sees("#banner", "The request was taken back")
	jonas.look("cancelled")
}

// However often the buttons are pressed: one operation, one submission.
func TestASecondPressSendsNothingTwice(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]option{"with script": nil, "without script": {withoutScript}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ana := signedIn(t, "Ana Lindqvist", options...)
			ana.visit("/operations/new/status-change")
			ana.choose("way-paste")
			ana.press("#continue")
			ana.set("#ids", some(9, decideFacility, registry.Active)[8])
			ana.press("#continue")
			ana.chooseNamed("to", string(registry.Hospitalized))
			form := ana.address()
			ana.pressTwice("#continue")
			operation := ana.seesThePlan()
			ana.visit(form)
			ana.sees("main", "From these answers", operation)
			ana.pressTwice("#continue")
			if again := ana.seesThePlan(); again != operation {
				t.Errorf("the same answers made %s and %s", operation, again)
			}
			ana.press("#to-submit")
			ana.fillsInTheSubmission(reason)
			ana.pressTwice("#submit")
			ana.waits("the request is sent", isIn(bulk.AwaitingApproval))
			submissions := 0
			events, err := live.operations.Events(t.Context(), operation)
			for _, e := range events {
				if e.What == "submitted" {
					submissions++
				}
			}
			if err != nil || submissions != 1 {
				t.Errorf("%d submissions are recorded, %v", submissions, err)
			}
			ana.press("#to-take-back")
			ana.press("#confirm")
		})
	}
}

// pressTwice presses a button twice as fast as a browser can take it.
func (p *person) pressTwice(selector string) {
	p.t.Helper()
	p.arrive("press "+selector+" twice", chromedp.DoubleClick(chromedp.CSS(selector), chromedp.NodeVisible))
}

// Records that people change between the plan and the run are left as they
// are: the approver is told before, everybody sees it after.
func TestWhoChangesMeanwhileIsSkippedAndEverybodyIsTold(t *testing.T) {
	t.Parallel()
	chosen := some(12, staleFacility, registry.Active)
	ana := signedIn(t, "Ana Lindqvist")
	operation := ana.sends("The house is under quarantine from Monday.", registry.Hospitalized, chosen...)
	for _, id := range chosen[:3] {
		if err := live.registry.WriteByHand(t.Context(), registry.ProfileRef(id), registry.Fields{registry.StatusField: string(registry.Pending)}, "Rita Chen", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	jonas := signedIn(t, "Jonas Weber")
	jonas.opensTheMail(operation)
	jonas.sees("#stale", "3 patients have changed since this plan was made")
	jonas.look("decision-stale")
	jonas.press("#approve")
	ana.visit("/operations/" + operation)
	ana.waits("the run has ended", isIn(bulk.CompletedWithErrors))
	ana.sees("#skipped", "3")
	ana.sees("#outcome-groups", "3")
	ana.look("completed-with-errors")
	ana.press("#outcome-groups a")
	ana.sees("main tbody", chosen[0], "Rita Chen")
	ana.look("outcomes")

	ana.visit("/operations/" + operation + "/rerun")
	ana.look("rerun")
	ana.choose("code-changed-since") // and takes the tick away
	ana.press("#run-again")
	ana.sees("#problems", "Tick at least one reason.")
	ana.lookAt("rerun-for-nobody", 422)
	ana.visit("/operations/" + operation + "/rollback")
	ana.look("rollback")
	ana.press("#confirm")
	ana.seesThePlan()
	ana.sees("#changes-count", fmt.Sprint(len(chosen)-3))
	ana.look("plan-of-a-rollback")
	ana.visit("/")
	ana.look("home-with-something-to-look-at")
}

// manyVisits makes a facility with patients who have so many visits that only
// four of them fit into a transaction: a run takes its time, and can be caught
// in the middle.
func manyVisits(t *testing.T, facility string) (patients []string) {
	t.Helper()
	const each = 20
	if err := live.registry.PutFacility(t.Context(), registry.Facility{ID: facility, Name: "House of Many Visits", TimeZone: "America/Denver"}); err != nil {
		t.Fatal(err)
	}
	stamp := registry.Stamp{By: "sample", At: time.Now()}
	var records []registry.Record
	for n := range 60 {
		id := fmt.Sprintf("%s-%02d", facility, n)
		var booked []registry.VisitRef
		for v := range each {
			booked = append(booked, registry.VisitRef{Start: time.Now().Truncate(time.Hour).AddDate(0, 0, 7*v+1), ID: fmt.Sprint("V", v)})
		}
		records = append(records, registry.Record{Ref: registry.ProfileRef(id), Stamp: stamp, Fields: registry.Fields{
			registry.Name: fmt.Sprint("Patient ", n), registry.FacilityField: facility, registry.StatusField: string(registry.Active),
			registry.Upcoming: registry.FormatVisitRefs(booked)}})
		for _, v := range booked {
			records = append(records, registry.Record{Ref: v.Ref(id), Stamp: stamp, Fields: registry.Fields{
				registry.VisitState: registry.VisitScheduled, registry.VisitType: "Routine", registry.VisitMinutes: "30",
				registry.VisitStart: v.Start.UTC().Format(registry.VisitTime)}})
		}
		patients = append(patients, id)
	}
	if err := live.registry.PutRecords(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	return patients
}

// A run that is stopped ends after the batches under way, and says what was
// done and what was not.
func TestAStoppedRunSaysWhatWasNotDone(t *testing.T) {
	chosen := manyVisits(t, "given-up")
	ana := signedIn(t, "Ana Lindqvist")
	operation := ana.sends("The house is given up.", registry.Inactive, chosen...)
	jonas := signedIn(t, "Jonas Weber")
	jonas.opensTheMail(operation)
	held := live.holdRun(t, operation)
	jonas.press("#approve")
	release := held()
	ana.visit("/operations/" + operation)
	ana.press("#to-stop")
	ana.look("stop")
	ana.press("#confirm")
	ana.sees("#banner", "No further changes begin")
	ana.look("stopping")
	release()
	ana.waits("the run has stopped", isIn(bulk.Stopped))
	done, left := number(t, ana.text("#processed")), number(t, ana.text("#remaining"))
	if done == 0 || left == 0 || done+left != len(chosen) {
		t.Errorf("%d processed and %d not attempted of %d", done, left, len(chosen))
	}
	ana.look("stopped")
	ana.press(`#outcome-groups a[href$="not-attempted"]`)
	ana.sees("main", shown(left)+" patients")
	ana.look("outcomes-not-attempted")
}

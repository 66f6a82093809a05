package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// The state machine waits for the start that was chosen. What was taken back
// meanwhile does not run when its time comes.
func TestTheStartIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWard(t, "start", 4, 0)
	e := live.engine(t)
	at := time.Now().Add(time.Minute).Truncate(time.Minute).Add(time.Minute)
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	scheduled := func(ids ...string) bulk.Operation {
		op := w.planned(t, registry.Inactive, ids...)
		s := submission(op)
		s.Start = engine.StartWish{Date: at.In(newYork).Format(time.DateOnly), Time: at.In(newYork).Format("15:04"), Zone: newYork.String()}
		op, err := e.Submit(t.Context(), w.requester, op.ID, s)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the approver is told the start "+op.Start.String(), func() bool {
			mails := live.mails(t, w.managers[0].Email, "Approval needed: "+op.ID)
			return len(mails) > 0 && strings.Contains(mails[0].Text, op.Start.String())
		})
		return decide(t, e, w.managers[0], op, bulk.Approve)
	}
	runs, taken := scheduled(w.patients[:2]...), scheduled(w.patients[2:]...)
	if _, err := e.Cancel(t.Context(), w.managers[1], taken.ID); err != nil {
		t.Fatal(err)
	}
	for time.Now().Before(at.Add(-time.Second)) {
		if op := await(t, runs.ID, bulk.Scheduled); !op.Started.IsZero() {
			t.Fatalf("it began at %s, and was to start %s", op.Started, op.Start)
		}
		time.Sleep(500 * time.Millisecond)
	}
	if op := await(t, runs.ID, bulk.Completed); op.Started.Before(at) {
		t.Errorf("it began at %s, and was to start %s", op.Started, op.Start)
	}
	eventually(t, "the execution of what was taken back ends", func() bool {
		alive, err := e.Machine.Alive(t.Context(), taken.ID)
		return err == nil && !alive
	})
	if op := await(t, taken.ID, bulk.Cancelled); op.Cause != "Taken back by "+w.managers[1].Name+"." || !op.Started.IsZero() {
		t.Errorf("what was taken back is %+v", op)
	}
	for i, p := range live.patients(t, w.patients...) {
		want := map[bool]registry.Status{true: registry.Inactive, false: registry.Active}[i < 2]
		if p.Status() != want {
			t.Errorf("patient %d is %s, want %s", i+1, p.Status(), want)
		}
	}
}

// A list of patients is uploaded; one of them is locked. The run is stopped and
// gone on with, and whoever was left out is uploaded again from the file that
// was given back. Then all of it is rolled back.
func TestStoppedGoneOnWithAndRolledBack(t *testing.T) {
	t.Parallel()
	w := newWard(t, "control", 120, 20)
	w.dismissManagers(t)
	ana, jonas := live.person(t, staff.Staff, "ana.staff@example.org"), live.person(t, staff.Manager, "jonas.manager@example.org")
	before := everything(t, w)
	locked := w.patients[119]
	lock := func(by string) {
		if err := live.registry.WriteByHand(t.Context(), registry.ProfileRef(locked), registry.Fields{registry.LockedBy: by}, "Dr. No", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	lock("Dr. No")
	var file strings.Builder
	file.WriteString("Remark;MRN\n")
	for i, id := range w.patients {
		fmt.Fprintf(&file, "=%d;%s\n", i, id)
	}
	file.WriteString("typing mistake;" + w.patients[0] + "x\n")

	requester, approver := signIn(t, ana.Email, "/operations"), signIn(t, jonas.Email, "/approvals")
	plan := func(list string) (id string) {
		requester.open("/operations/new/status-change")
		requester.whoPage("Upload a CSV file")
		requester.send(requester.page.Form("Continue").Attach("CSV file", "list.csv", []byte(list)))
		requester.send(requester.page.Form("Make the plan").Tick("Inactive"))
		id = requester.find(`(OP-[0-9A-Z]{6}-[0-9A-Z]{4})`)
		requester.until("Ready to submit")
		return id
	}
	sent := func(id string) {
		requester.open("/operations/" + id)
		requester.until("Continue: reason and checklist")
		requester.follow("Continue: reason and checklist")
		requester.send(requester.page.Form("Send").Fill("Reason", "The ward is closed for the winter.").TickAll())
		requester.reads("Sent for approval")
	}
	approved := func(id string) {
		sent(id)
		approver.open("/operations/" + id + "/decision")
		approver.send(approver.page.Form("Approve").Fill("Comment", "Agreed."))
		approver.reads("Your approval is recorded")
	}

	// One was sent too early. The next names it, and it is taken back and edited.
	early := plan("MRN\n" + w.patients[0] + "\n")
	sent(early)
	op := plan(file.String())
	requester.reads("119 patients to change", "2 left out", "1 patient: "+early)
	requester.open("/operations/" + early)
	requester.follow("Edit")
	requester.press("Take back and edit")
	requester.reads("This request takes the place of "+early, "1 patient id from the file uploaded before")
	await(t, early, bulk.Cancelled)

	// Who is left out comes back in the file's own columns.
	requester.open("/operations/" + op)
	requester.follow("Download those left out (CSV)")
	requester.isStatus(http.StatusOK)
	leftOut := strings.TrimPrefix(string(requester.page.Content), "\ufeff")
	if want := "Remark,MRN,Outcome code,Outcome reason\r\n'=119," + locked + ",locked,The record is locked by Dr. No.\r\ntyping mistake," + w.patients[0] + "x,unknown,There is no patient with this id.\r\n"; leftOut != want {
		t.Errorf("those left out are\n%s\nwant\n%s", leftOut, want)
	}
	approved(op)
	reach(t, op, 8)
	if _, err := live.engine(t).Stop(t.Context(), jonas, op); err != nil {
		t.Fatal(err)
	}
	stopped := await(t, op, bulk.Stopped)

	// Going on with those who are left.
	requester.open("/operations/" + op)
	requester.reads("Stopped by Jonas Weber.", "It does not go on by itself.", fmt.Sprintf("Not attempted: %d", stopped.NotAttempted(stopped.Final)))
	requester.press("Go on with those ticked")
	rest := requester.find(`(OP-[0-9A-Z]{6}-[0-9A-Z]{4})`)
	approved(rest)
	if done := await(t, rest, bulk.Completed).Final.Done; done+stopped.Final.Done != 119 {
		t.Errorf("%d and %d do not make 119", stopped.Final.Done, done)
	}

	// The file of those left out, without the mistake and with the lock gone,
	// goes in as it is.
	lock("")
	again := plan(leftOut[:strings.Index(leftOut, "typing mistake")])
	requester.reads("1 patient to change", "0 left out")
	approved(again)
	await(t, again, bulk.Completed)

	// All of it is rolled back.
	for _, id := range []string{again, rest, op} {
		requester.open("/operations/" + id)
		requester.until("Roll back")
		requester.follow("Roll back")
		requester.press("Plan the rollback")
		back := requester.find(`(OP-[0-9A-Z]{6}-[0-9A-Z]{4})`)
		approved(back)
		await(t, back, bulk.Completed)
	}
	after := everything(t, w)
	for ref, fields := range before {
		if !maps.Equal(after[ref], fields) {
			t.Errorf("%s of a patient is %v, was %v", ref.Part, after[ref], fields)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d records, were %d", len(after), len(before))
	}
}

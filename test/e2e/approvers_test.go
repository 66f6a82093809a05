package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Grace is away and Hank decides for her. Fay hands the request on to him. An
// administrator takes his right away while he reads: what he sends then is
// refused. With the right given back he decides.
func TestARequestFindsItsApprover(t *testing.T) {
	t.Parallel()
	w := newWard(t, "approvers", 2, 0)
	w.dismissManagers(t)
	fay, grace, hank := hire(t, "Fay", staff.Manager, w.facility), hire(t, "Grace", staff.Manager, w.facility), hire(t, "Hank", staff.Manager, w.facility)

	away := signIn(t, grace.Email, "/approvals")
	away.follow("Going away?")
	until := time.Now().UTC().AddDate(0, 0, 5)
	away.send(away.page.Form("Save").Fill("First day", time.Now().UTC().Format(time.DateOnly)).Fill("Last day", until.Format(time.DateOnly)).Tick("Hank"))
	away.reads("Your absence is recorded", "You are away until "+until.Format("2 Jan 2006"), "Hank decides in your place")

	op := w.submitted(t, registry.OnHold)
	delegate := signIn(t, hank.Email, approvalLink(t, hank.Email, op.ID, w))
	delegate.reads("Waits for Fay, Grace, Hank for Grace")
	delegate.open("/approvals")
	delegate.reads("Fay, Grace, you for Grace")

	first := signIn(t, fay.Email, "/operations/"+op.ID+"/reassign")
	first.send(first.page.Form("Hand the request on").Tick("Hank"))
	first.reads("The request was handed on", "Handed on to Hank by Fay")
	first.open("/approvals")
	first.reads("Handed on", "Hank has it; Fay handed it on")
	eventually(t, "Hank gets a second mail", func() bool { return len(live.mails(t, hank.Email, "Approval needed: "+op.ID)) == 2 })

	administrator := signIn(t, "ida.admin@example.org", "/admin/staff/"+hank.Sub)
	setRole := func(choice, words string) {
		t.Helper()
		administrator.open("/admin/staff/" + hank.Sub)
		administrator.send(administrator.page.Form("Save the rights").Tick(choice))
		administrator.reads("This is what counts now", words)
	}
	delegate.open("/operations/" + op.ID + "/decision")
	setRole("Staff Asks for operations", "Staff, in Ward of")
	delegate.press("Approve 2 status changes")
	delegate.isStatus(http.StatusForbidden)
	delegate.reads("takes the right Team Lead or higher; yours is Staff")
	await(t, op.ID, bulk.AwaitingApproval)

	setRole("Manager Also decides", "Manager, in Ward of")
	delegate.open("/operations/" + op.ID + "/decision")
	delegate.press("Approve 2 status changes")
	delegate.reads("Your approval is recorded")
	if op = await(t, op.ID, bulk.Completed); op.Decision.By.Sub != hank.Sub || op.Final.Done != 2 {
		t.Errorf("decided by %s, counts %+v", op.Decision.By.Name, op.Final)
	}
	var people []string
	for _, e := range eventsOf(t, op.ID) {
		if slices.Contains([]string{"submitted", "delegated", "reassigned", "approved"}, e.What) {
			people = append(people, e.What+" by "+e.Actor.Name)
		}
	}
	if got, want := strings.Join(people, ", "), "submitted by "+w.requester.Name+", delegated by , reassigned by Fay, approved by Hank"; got != want {
		t.Errorf("history: %s, want %s", got, want)
	}
	audited := func() int {
		return len(today(t, func(r audit.Record) bool {
			return strings.Contains(r.Part, hank.Sub) && r.Operator.Name == "Ida Admin-Castro" && r.New["role"] != ""
		}))
	}
	eventually(t, "the audit has both changes of Hank's role, with who made them", func() bool { return audited() == 2 })
}

package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
	"bulkops/internal/staff"
)

// A correction as two people make it: a file with errors, the file put right,
// plan, approval, run, audit, outcomes, and everything rolled back.
func TestADataCorrection(t *testing.T) {
	t.Parallel()
	w := newWard(t, "correction", 250, 0)
	w.dismissManagers(t)
	ana, jonas := live.person(t, staff.Staff, "ana.staff@example.org"), live.person(t, staff.Manager, "jonas.manager@example.org")
	before := map[string]registry.Fields{}
	for _, p := range live.patients(t, w.patients...) {
		before[p.ID()] = p.Fields
	}

	// Every patient gets a phone of its own; the first ones more, among them the
	// names that try to break what shows them.
	var file strings.Builder
	file.WriteString("MRN;Comment;Phone;Name;Birth date;E-mail\n")
	want := map[string]registry.Fields{}
	for i, id := range w.patients {
		fields := maps.Clone(before[id])
		phone, name, birth, mail := fmt.Sprintf("+1 512-555-%04d", i), "", "", ""
		fields[registry.Phone] = fmt.Sprintf("+1512555%04d", i)
		if i < len(sample.HostileNames) && i > 0 {
			name = "Corrected " + fmt.Sprint(i)
			fields[registry.Name] = name
		}
		if i < 20 {
			birth, mail = "1958-03-09", "<clear>"
			fields[registry.BirthDate] = birth
			delete(fields, registry.Email)
		}
		want[id] = fields
		fmt.Fprintf(&file, "%s;not read;%s;%s;%s;%s\n", id, phone, name, birth, mail)
	}

	requester := signIn(t, ana.Email, "/operations/new")
	requester.follow("Data Correction")
	wrong := strings.Replace(strings.Replace(file.String(), "1958-03-09", "1958-02-30", 1), "+1 512-555-0007", "0007", 1)
	requester.send(requester.page.Form("Continue").Attach("CSV file", "new.csv", []byte(wrong)))
	requester.isStatus(http.StatusUnprocessableEntity)
	requester.reads("2 rows have errors.", "There is no such day.", "Write the number with + and the country code")
	if rows, err := requester.page.Rows("Rows of your file with errors"); err != nil || len(rows) != 3 || rows[1][0] != "Row 2" || rows[2][0] != "Row 9" {
		t.Errorf("the rows with errors are %q (%v)", rows, err)
	}
	requester.send(requester.page.Form("Continue").Attach("CSV file", "new.csv", []byte(file.String())))
	requester.reads("250 patient ids from the uploaded file", "Phone: 250 new values", "E-mail: 20 to clear", "1 column is not used: Comment")
	requester.press("Make the plan")
	id := requester.find(`(OP-[0-9A-Z]{6}-[0-9A-Z]{4})`)
	requester.until("Continue: reason and checklist")
	requester.reads("250 patients to change", "0 left out", "+15125550000")
	requester.follow("Continue: reason and checklist")
	const reason = "The phone company has changed all numbers of the town."
	requester.send(requester.page.Form("Send").Fill("Reason", reason).TickAll())
	requester.reads("Sent for approval")

	approver := signIn(t, jonas.Email, approvalLink(t, jonas.Email, id, w))
	approver.reads("250 patients to change", "+15125550000", "9 Mar 1958")
	approver.send(approver.page.Form("Approve").Fill("Comment", "Checked."))
	approver.reads("Your approval is recorded")

	requester.open("/operations/" + id)
	requester.until("Every patient in the plan was changed.")
	op := await(t, id, bulk.Completed)
	for _, p := range live.patients(t, w.patients...) {
		if !maps.Equal(p.Fields, want[p.ID()]) {
			t.Errorf("%s is %v, want %v", p.ID(), p.Fields, want[p.ID()])
		}
	}
	auditedOnce(t, op, reason, ana, jonas)
	requester.outcomesFile(w, bulk.Done)
	onlyCounts(t, op, w)

	requester.follow("Roll back")
	requester.press("Plan the rollback")
	undo := requester.find(`(OP-[0-9A-Z]{6}-[0-9A-Z]{4})`)
	requester.until("Continue: reason and checklist")
	requester.follow("Continue: reason and checklist")
	requester.send(requester.page.Form("Send").Fill("Reason", "The list was of another town.").TickAll())
	approver.open("/operations/" + undo + "/decision")
	approver.send(approver.page.Form("Approve").Fill("Comment", "Yes."))
	await(t, undo, bulk.Completed)
	for _, p := range live.patients(t, w.patients...) {
		if !maps.Equal(p.Fields, before[p.ID()]) {
			t.Errorf("after the rollback %s is %v, was %v", p.ID(), p.Fields, before[p.ID()])
		}
	}
}

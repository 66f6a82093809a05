package e2e_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/report"
	"bulkops/internal/sample"
	"bulkops/internal/staff"
)

// The main job, as the guide describes it: two people, a thousand patients,
// sign-in, mail, plan, approval, run, results and audit.
func TestTheMainJob(t *testing.T) {
	t.Parallel()
	w := newWard(t, "main", 1000, 1)
	w.dismissManagers(t) // so the sample's are asked, who can sign in
	ana, jonas := live.person(t, staff.Staff, "ana.staff@example.org"), live.person(t, staff.Manager, "jonas.manager@example.org")

	requester := signIn(t, ana.Email, "/")
	requester.reads("Hello, Ana Lindqvist")
	signedInSafely(t, requester.browser.Visited())
	requester.open("/patients")
	requester.send(requester.page.Form("Apply filters").Tick("Active").Tick("Ward of main-"+thisRun).Fill("From", "1990-01-01"))
	requester.reads("1,000 patients match")
	requester.press("Select all 1,000 that match")
	requester.press("Bulk Operations")
	requester.follow("Status Change")
	requester.send(requester.page.Form("Make the plan").Tick("Discharged"))
	id := requester.find(`(OP-[0-9A-Z]{6}-[0-9A-Z]{4})`)
	requester.until("Continue: reason and checklist")
	requester.reads("1,000 patients to change", "1,000 visits cancelled with it", "0 left out", "Batch 1 of 10", "Nothing has been changed")
	plan, digest := planOn(requester), requester.find(digestPattern)
	if len(plan) != 100 || !strings.Contains(plan[0][2], "Status Active → Discharged") || !strings.Contains(plan[0][3], "1 visit") {
		t.Errorf("the plan's first page has %d lines, the first is %q", len(plan), plan[0])
	}

	requester.follow("Continue: reason and checklist")
	const reason = "The ward closes at the end of the month; agreed with the families."
	button := "Send"
	requester.send(requester.page.Form(button).Fill("Reason", reason))
	requester.isStatus(http.StatusUnprocessableEntity)
	requester.reads("Tick every item of the checklist", "Type the number of patients that will be changed: 1000.")
	if kept, err := requester.page.Form(button).Value("Reason"); err != nil || kept != reason {
		t.Errorf("after the mistake the reason is %q (%v)", kept, err)
	}
	requester.send(requester.page.Form(button).TickAll().Fill("Type the number of patients that will be changed", "1,000"))
	requester.reads("Sent for approval", "Asked by mail: Jonas Weber, Priya Nair")

	link := approvalLink(t, jonas.Email, id, w)
	acts := actsOf(t, id)
	for range 5 {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			visitLikeAScanner(t, method, link)
		}
	}
	approver := signIn(t, jonas.Email, link)
	if await(t, id, bulk.AwaitingApproval); actsOf(t, id) != acts {
		t.Fatalf("opening the link did something: %+v", eventsOf(t, id))
	}
	approver.reads(id, "asked by Ana Lindqvist", reason, "1,000 patients to change", "1,000 visits cancelled with it", "On plan "+digest, "Batch 1 of 10")
	if again := planOn(approver); !slices.EqualFunc(plan, again, slices.Equal[[]string]) {
		t.Error("the approver reads another plan than the requester")
	}
	form := approver.page.Form("Approve").Fill("Comment", "Checked with the head nurse.")
	approver.send(form)
	approver.reads("Your approval is recorded")
	approver.send(form) // a second press of the same button
	approver.isStatus(http.StatusConflict)
	approver.reads("You approved this operation at", "nothing new was recorded")

	requester.open("/operations/" + id)
	requester.until("Every patient in the plan was changed.")
	requester.reads("Processed 1,000", "Not attempted 0", "Changed 1,000", "Skipped 0", "Errors 0", "Batches 10", "Checked with the head nurse.")

	op := await(t, id, bulk.Completed)
	changedOnce(t, op, w, ana, jonas)
	auditedOnce(t, op, reason, ana, jonas)
	requester.outcomesFile(w, bulk.Done)
	requester.auditPage(reason)
	onlyCounts(t, op, w)
	for _, to := range []string{"Approved: " + id, "Completed: " + id} {
		if mails := live.mails(t, ana.Email, to); len(mails) != 1 {
			t.Errorf("%q was sent %d times to the requester", to, len(mails))
		}
	}
}

const digestPattern = `Plan ([0-9a-f]{4} [0-9a-f]{4} [0-9a-f]{4} [0-9a-f]{4})`

// planOn returns the lines of the plan that the page lists, without the head.
func planOn(p *person) [][]string {
	p.Helper()
	rows, err := p.page.Rows("Every patient of this plan")
	if err != nil {
		p.Fatal(err)
	}
	return rows[1:]
}

// signedInSafely looks at the addresses of a sign-in: authorization code, PKCE,
// state and nonce, and no token in any of them; and the session of the sign-in
// pages is ended before and after it.
func signedInSafely(t *testing.T, visited []string) {
	t.Helper()
	var authorized, back bool
	var order []string
	for _, visit := range visited {
		_, address, _ := strings.Cut(visit, " ")
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if u.Path == "/oauth2/authorize" {
			authorized = q.Get("response_type") == "code" && q.Get("code_challenge_method") == "S256" && len(q.Get("code_challenge")) == 43 &&
				len(q.Get("state")) >= 22 && len(q.Get("nonce")) >= 22
		}
		if strings.HasPrefix(visit, "GET ") && slices.Contains([]string{"/logout", "/signing-in", "/oauth2/authorize", "/signed-in", "/welcome"}, u.Path) {
			order = append(order, u.Path)
		}
		if u.Path == "/signed-in" {
			back = q.Get("code") != "" && q.Get("state") != ""
		}
		for _, secret := range []string{"token", "password", "code_verifier"} {
			if strings.Contains(strings.ToLower(address), secret) {
				t.Errorf("the address %s has a %s", u.Path, secret)
			}
		}
	}
	if want := []string{"/logout", "/signing-in", "/oauth2/authorize", "/signed-in", "/logout", "/welcome"}; len(order) < len(want) || !slices.Equal(order[:len(want)], want) {
		t.Errorf("the sign-in goes over %q, want %q", order, want)
	}
	if !authorized || !back {
		t.Errorf("the sign-in went over %q", visited)
	}
}

// approvalLink waits for the mail that asks somebody to decide, and returns its
// link. The mail is about numbers only.
func approvalLink(t *testing.T, email, operation string, w ward) string {
	t.Helper()
	var asked []mail
	eventually(t, "the approver gets a mail", func() bool {
		asked = live.mails(t, email, "Approval needed: "+operation)
		return len(asked) > 0
	})
	m := asked[0]
	all := m.Subject + m.Text + m.HTML
	for i, p := range live.patients(t, w.patients...) {
		// Hostile names such as "null" or "1E5" are words of any text.
		if strings.Contains(all, p.ID()) || i >= len(sample.HostileNames)+1 && strings.Contains(all, p.Name()) || strings.Contains(all, sample.Canary) {
			t.Errorf("the mail names the patient %s", p.ID())
		}
	}
	links := regexp.MustCompile(`https?://[^\s"<]+`).FindAllString(m.Text+" "+m.HTML, -1)
	slices.Sort(links)
	links = slices.Compact(links)
	if len(links) != 1 || !regexp.MustCompile(`^`+regexp.QuoteMeta(live.PortalURL)+`/approvals/[A-Z0-9]{26}$`).MatchString(links[0]) {
		t.Fatalf("the links in the mail are %q, want one that says nothing", links)
	}
	return links[0]
}

// visitLikeAScanner opens a link as a mail scanner does: without a cookie and
// without following. Nothing of the operation may be seen.
func visitLikeAScanner(t *testing.T, method, link string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, link, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := live.httpClient().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if method == http.MethodGet && (response.StatusCode != http.StatusSeeOther || !strings.HasPrefix(response.Header.Get("Location"), "/sign-in")) {
		t.Errorf("GET of the link without a cookie: %s to %q", response.Status, response.Header.Get("Location"))
	}
	if response.StatusCode == http.StatusOK {
		t.Errorf("%s of the link without a cookie shows a page", method)
	}
}

// changedOnce checks the records themselves.
func changedOnce(t *testing.T, op bulk.Operation, w ward, requester, approver staff.Person) {
	t.Helper()
	batches := map[int]int{}
	for _, p := range live.patients(t, w.patients...) {
		if p.Status() != registry.Discharged || len(p.Visits()) != 0 {
			t.Errorf("%s is %s, with visits %v", p.ID(), p.Status(), p.Visits())
		}
		s := p.Stamp
		if s.Operation != op.ID || s.By != requester.Name || s.Approver != approver.Name || s.At.Before(op.Started) || s.At.After(op.Ended) {
			t.Errorf("%s is stamped %+v", p.ID(), s)
		}
		batches[s.Batch]++
	}
	for n := 1; n <= 10; n++ {
		if batches[n] != 100 {
			t.Errorf("%d patients are stamped with batch %d", batches[n], n)
		}
	}
}

// auditedOnce checks that each edit of the plan has one audit record, with the
// eight fields: time, operator, approver, type, patient, old, new, reason.
func auditedOnce(t *testing.T, op bulk.Operation, reason string, requester, approver staff.Person) {
	t.Helper()
	edits := map[registry.Ref]bulk.Edit{}
	for _, line := range collect(t, live.engine(t).Lines(t.Context(), op)) {
		for _, e := range line.Change.Edits {
			edits[e.Ref] = e
		}
	}
	seen := map[registry.Ref]bool{}
	for _, r := range awaitAudit(t, op.ID, len(edits)) {
		ref := registry.Ref{Patient: r.Patient, Part: r.Part}
		e, planned := edits[ref]
		if !planned || seen[ref] {
			t.Errorf("a record too many: %s of %s", r.Part, r.Patient)
			continue
		}
		seen[ref] = true
		if r.At.Before(op.Started) || r.At.After(op.Ended) || r.Operator != (audit.Person{Sub: requester.Sub, Name: requester.Name}) ||
			r.Approver != (audit.Person{Sub: approver.Sub, Name: approver.Name}) || r.Kind != op.Kind || r.Reason != reason || r.ByHand || r.Batch < 1 {
			t.Errorf("the record of %s of %s says %+v", r.Part, r.Patient, r)
		}
		for field, was := range e.Before {
			if r.Old[field] != was || r.New[field] != e.After[field] {
				t.Errorf("%s of %s of %s: %q → %q is audited, %q → %q was approved", field, r.Part, r.Patient, r.Old[field], r.New[field], was, e.After[field])
			}
		}
	}
	want := []string{"requested", "planned", "submitted", "approved", "started", "completed"}
	var happened []string
	eventually(t, fmt.Sprintf("%s has %d audited events", op.ID, len(want)), func() bool {
		happened = nil
		for _, r := range collect(t, live.audit.ForOperation(t.Context(), op.ID)) {
			if r.Type == audit.Event && r.What != "reminded" { // a slow machine has approvers reminded
				happened = append(happened, r.What)
			}
		}
		return len(happened) >= len(want)
	})
	if !slices.Equal(happened, want) {
		t.Errorf("the audit has the events %q, want %q", happened, want)
	}
}

// outcomesFile downloads the outcomes from the operation's page and checks that
// every patient of the ward is there once, and that no cell computes anything.
func (p *person) outcomesFile(w ward, want bulk.OutcomeState) {
	p.Helper()
	page := p.page
	p.follow("Download all outcomes (CSV)")
	p.isStatus(http.StatusOK)
	if d := p.page.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment;") {
		p.Errorf("the file's Content-Disposition is %q", d)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(p.page.Content), "\ufeff"))).ReadAll()
	if err != nil {
		p.Fatal(err)
	}
	if !slices.Equal(rows[0], report.Columns) || len(rows) != len(w.patients)+1 {
		p.Fatalf("the file has %d lines, the first is %q", len(rows), rows[0])
	}
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		if seen[row[0]] || !slices.Contains(w.patients, row[0]) || row[3] != string(want) {
			p.Errorf("a line of the file is %q", row)
		}
		seen[row[0]] = true
		for _, cell := range row {
			if strings.IndexAny(cell, "=+-@\t\r") == 0 {
				p.Errorf("a spreadsheet computes the cell %q", cell)
			}
		}
	}
	p.page = page
}

// auditPage opens the audit record from the operation's page.
func (p *person) auditPage(reason string) {
	p.Helper()
	p.follow("Audit record")
	p.until("Patients affected 1,000; listed below")
	p.reads("Operator Ana Lindqvist", "Approver Jonas Weber", "Operation type Status Change", "Old values", "New values", "Reason "+reason)
	rows, err := p.page.Rows("Changed records")
	if err != nil {
		p.Fatal(err)
	}
	i := slices.IndexFunc(rows, func(row []string) bool { return strings.Contains(row[2], "Status Active") })
	if i < 1 || !strings.Contains(rows[i][3], "Status Discharged") || !regexp.MustCompile(`\d\d:\d\d:\d\d UTC`).MatchString(rows[i][4]) {
		p.Errorf("no line of the audit record shows the change; the first is %q", rows[1])
	}
}

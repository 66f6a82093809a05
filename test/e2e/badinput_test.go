package e2e_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// whoPage leads to the page that asks for patients in one way.
func (p *person) whoPage(way string) {
	p.Helper()
	p.open("/operations/new/status-change")
	p.send(p.page.Form("Continue").Tick(way))
}

func TestAFileThatCannotBeReadIsRefusedWithAWayOut(t *testing.T) {
	t.Parallel()
	w := newWard(t, "files", 2, 0)
	ana := signIn(t, "ana.staff@example.org", "/")
	refused := []struct {
		name, file string
		says       []string
	}{
		{"fifty megabytes", "id\n" + strings.Repeat("1\n", 25<<20), []string{"A file may have at most 4 MB"}},
		{"nothing", "", []string{"The file is empty."}},
		{"a picture", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", []string{"picture"}},
		{"a spreadsheet", "PK\x03\x04\x14\x00\x06\x00[Content_Types].xml", []string{"This is an Excel workbook; save it as CSV (UTF-8)"}},
		{"numbers of a spreadsheet", "id\n1.23E+5\n000124\n4,5E+7", []string{"Row 2", "1.23E+5", "Format the id column as text"}},
		{"an older encoding", "id,name\n1,J\xf8rgen\n2\xe9,x\n", []string{"CSV UTF-8"}},
		{"no column with ids", "name;status\nAnn;Active\n", []string{"The file has no column with patient ids. Its columns are: name, status."}},
		{"data in the first row", "000001,Ann\n000002,Bo\n", []string{"Row 1 holds data"}},
		{"only a head", "patient_id,name\n", []string{"no rows below"}},
	}
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			p := &person{T: t, browser: ana.browser, page: ana.page}
			p.whoPage("Upload a CSV file")
			p.send(p.page.Form("Continue").Attach("CSV file", "list.csv", []byte(c.file)))
			p.isStatus(http.StatusUnprocessableEntity)
			p.reads(append(c.says, "There is a problem")...)
		})
	}

	sent := func(code []uint16) string {
		var text bytes.Buffer
		if err := binary.Write(&text, binary.LittleEndian, code); err != nil {
			t.Fatal(err)
		}
		return "\xff\xfe" + text.String()
	}
	list := fmt.Sprintf("Patient ID\t x\r\n%s\tA\r\n%s\tB\r\n", w.patients[0], w.patients[1])
	for name, file := range map[string]string{
		"tabs in UTF-16, as Excel saves Unicode text": sent(utf16.Encode([]rune(list))),
		"semicolons with a byte order mark":           "\ufeff" + strings.ReplaceAll(list, "\t", ";"),
		"commas and quotation marks":                  fmt.Sprintf("mrn,note\n\"%s\",\"a,b\"\n=\"%s\",\n", w.patients[0], w.patients[1]),
	} {
		t.Run(name, func(t *testing.T) {
			p := &person{T: t, browser: ana.browser, page: ana.page}
			p.whoPage("Upload a CSV file")
			p.send(p.page.Form("Continue").Attach("CSV file", "list.csv", []byte(file)))
			p.reads("What should be changed?", "2 patient ids from the uploaded file")
		})
	}
}

// Ids that are nobody's are listed with the rows in which a spreadsheet shows
// them, and cost nothing but themselves.
func TestUnknownIdsAreListedWithTheirRows(t *testing.T) {
	t.Parallel()
	w := newWard(t, "rows", 2, 0)
	ana := signIn(t, "ana.staff@example.org", "/")
	ana.whoPage("Upload a CSV file")
	file := fmt.Sprintf("name,patient_id\nA,%s\n\"two\nlines\",nobody-1\nC,%s\nD,%s\nE,nobody-2\n", w.patients[0], w.patients[1], w.patients[0])
	ana.send(ana.page.Form("Continue").Attach("CSV file", "list.csv", []byte(file)))
	ana.reads("4 patient ids from the uploaded file", "1 id was listed more than once and was merged")
	ana.send(ana.page.Form("Make the plan").Tick("Hospitalized"))
	ana.until("Continue: reason and checklist")
	ana.reads("2 patients to change", "Left out: 2", "No patient with this id: 2")
	rows, err := ana.page.Rows("No patient with this id")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(rows[1:]); got != "[[nobody-1 3 There is no patient with this id.] [nobody-2 6 There is no patient with this id.]]" {
		t.Errorf("they are listed as %s", got)
	}
}

func TestNothingAndTooMuchAreSaidBeforeAnybodyIsAsked(t *testing.T) {
	t.Parallel()
	w := newWard(t, "nothing", 2, 0)
	ana := signIn(t, "ana.staff@example.org", "/")
	ana.whoPage("Paste a list")
	ana.press("Continue")
	ana.isStatus(http.StatusUnprocessableEntity)
	ana.reads("There is a problem")
	ana.whoPage("Paste a list")
	var many strings.Builder
	for n := range 100_001 {
		fmt.Fprintln(&many, n)
	}
	ana.send(ana.page.Form("Continue").Fill("Patient ids", many.String()))
	ana.isStatus(http.StatusUnprocessableEntity)
	ana.reads("There are 100,001 patient ids; one operation takes at most 100,000.")
	ana.whoPage("By filter")
	ana.send(ana.page.Form("Continue").Tick("Ward of nothing-" + thisRun).Tick("Deceased"))
	ana.isStatus(http.StatusUnprocessableEntity)
	ana.reads("No patient of your facilities matches this filter.")

	ana.whoPage("Paste a list")
	ana.send(ana.page.Form("Continue").Fill("Patient ids", strings.Join(w.patients, ", ")))
	ana.send(ana.page.Form("Make the plan").Tick("Active"))
	ana.until("No patient can be changed, so there is nothing to approve.")
	ana.reads("Already as asked: 2", "The status is already Active.")
	if ana.page.Says("Continue: reason and checklist") {
		t.Error("a plan without changes can be sent for approval")
	}
	id := ana.find(`(OP-[0-9A-Z]{6}-[0-9A-Z]{4})`)
	op := await(t, id, bulk.Ready)
	status, problem := signInToAPI(t, "ana.staff@example.org").do(t, "POST", "/operations/"+id+"/submit", map[string]any{
		"digest": op.Plan.Digest, "reason": "There must be something to do.", "checklist": submission(op).Checklist}, nil)
	if status != http.StatusUnprocessableEntity || !strings.Contains(problem.Detail, "nothing to approve") {
		t.Errorf("sent all the same, it is answered %d %q", status, problem.Detail)
	}
}

// Pressing a button twice does what pressing it once does.
func TestTheSameFormTwiceMakesOneOperation(t *testing.T) {
	t.Parallel()
	w := newWard(t, "twice", 2, 0)
	ana := signIn(t, "ana.staff@example.org", "/")
	ana.whoPage("Paste a list")
	ana.send(ana.page.Form("Continue").Fill("Patient ids", strings.Join(w.patients, "\n")))
	plan := ana.page.Form("Make the plan").Tick("Hospitalized")
	ana.send(plan)
	first := ana.find(`(OP-[0-9A-Z]{6}-[0-9A-Z]{4})`)
	ana.send(plan)
	if second := ana.find(`(OP-[0-9A-Z]{6}-[0-9A-Z]{4})`); second != first {
		t.Errorf("the second time it made %s, the first time %s", second, first)
	}
	ana.until("Continue: reason and checklist")
	ana.follow("Continue: reason and checklist")
	send := ana.page.Form("Send").Fill("Reason", "The same reason, sent twice.").TickAll()
	for range 2 {
		ana.send(send)
		ana.reads("Sent for approval: "+first, "Waiting for approval")
	}
	op := await(t, first, bulk.AwaitingApproval)
	submitted := 0
	for _, e := range eventsOf(t, first) {
		if e.What == "submitted" {
			submitted++
		}
	}
	if submitted != 1 {
		t.Errorf("it was submitted %d times", submitted)
	}
	decide(t, live.engine(t), w.managers[0], op, bulk.Reject)
}

// A form that is not ours, or not of this session, does nothing, and gives back
// what was typed.
func TestAForgedFormDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWard(t, "forms", 2, 0)
	op := w.submitted(t, registry.OnHold)
	jonas := signIn(t, "jonas.manager@example.org", "/operations/"+op.ID+"/decision")
	acts := actsOf(t, op.ID)
	unchanged := func(what string) {
		t.Helper()
		if await(t, op.ID, bulk.AwaitingApproval); actsOf(t, op.ID) != acts {
			t.Errorf("%s changed the operation", what)
		}
	}
	jonas.send(jonas.page.Form("Approve").Fill("Comment", "Typed with care.").Set("form_token", "forged"))
	jonas.reads("Your decision")
	if kept, err := jonas.page.Form("Approve").Value("Comment"); err != nil || kept != "Typed with care." {
		t.Errorf("of what was typed %q is kept (%v)", kept, err)
	}
	unchanged("a forged token")
	jonas.send(jonas.page.Form("Approve").Set("digest", strings.Repeat("0", 64)))
	jonas.isStatus(http.StatusConflict)
	jonas.reads("This form belongs to another plan.")
	unchanged("another digest")

	// From elsewhere, and with a field too many.
	token := jonas.hidden("form_token")
	for _, c := range []struct {
		what, origin, site, body string
		status                   int
	}{
		{"another site", "https://evil.example", "cross-site", "", http.StatusForbidden},
		{"another site that hides", "null", "cross-site", "", http.StatusForbidden},
		{"a subdomain", "http://other." + strings.TrimPrefix(live.PortalURL, "http://"), "same-site", "", http.StatusForbidden},
		{"a field too many", live.PortalURL, "same-origin", "&state=completed", http.StatusUnprocessableEntity},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, live.PortalURL+"/operations/"+op.ID+"/decision",
			strings.NewReader("verdict=approved&comment=&stale=0&digest="+op.Plan.Digest+"&form_token="+token+c.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", c.origin)
		request.Header.Set("Sec-Fetch-Site", c.site)
		response, err := jonas.browser.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != c.status {
			t.Errorf("%s: %s, want %d", c.what, response.Status, c.status)
		}
		unchanged(c.what)
	}
	decide(t, live.engine(t), w.managers[0], op, bulk.Reject)
}

// Who signs out, or is signed out, in the middle of a form finds it again as it
// was after signing in.
func TestWhatWasTypedSurvivesASignIn(t *testing.T) {
	t.Parallel()
	w := newWard(t, "typed", 2, 0)
	ana := signIn(t, "ana.staff@example.org", "/")
	ana.whoPage("Paste a list")
	form := ana.page.Form("Continue").Fill("Patient ids", strings.Join(w.patients, "\n"))
	ana.press("Sign out") // in another tab
	ana.send(form)
	ana.signInAgain("ana.staff@example.org")
	if kept, err := ana.page.Form("Continue").Value("Patient ids"); err != nil || strings.Join(strings.Fields(kept), "\n") != strings.Join(w.patients, "\n") {
		t.Errorf("of what was typed %q is kept (%v)", kept, err)
	}
	ana.press("Continue")
	ana.reads("What should be changed?", "2 patient ids pasted")
}

// An approver learns how many patients have changed since the preview, also
// when they change while the page is open.
func TestAnApproverIsToldWhatHasChangedSinceThePreview(t *testing.T) {
	t.Parallel()
	w := newWard(t, "stale", 4, 0)
	op := w.submitted(t, registry.OnHold)
	priya := signIn(t, "priya.manager@example.org", "/operations/"+op.ID+"/decision")
	updateByHand(t, w.patients[0], registry.StatusField, string(registry.Inactive))
	priya.press("Approve")
	priya.isStatus(http.StatusConflict)
	priya.reads("1 patient has changed since this plan was made. They would be skipped", "1 patient has changed since this plan was made")
	if now := await(t, op.ID, bulk.AwaitingApproval); now.Decision != nil {
		t.Errorf("recorded was %+v", now.Decision)
	}
	priya.press("Approve")
	priya.reads("Your approval is recorded")
	await(t, op.ID, bulk.CompletedWithErrors)
	priya.open("/operations/" + op.ID)
	priya.reads("Skipped 1", "Changed since the preview: 1", "told that 1 patient had changed since the preview")
	priya.follow("List them")
	priya.reads(`Changed since the preview by sample data, `, ` UTC: Status was "Active" and is now "Inactive".`)
	priya.open("/operations/" + op.ID + "/outcomes.csv")
	if !strings.Contains(string(priya.page.Content), ` UTC: Status was ""Active"" and is now ""Inactive"".",changed-since,yes`) {
		t.Errorf("the file says\n%s", priya.page.Content)
	}
}

package browser_test

import (
	"encoding/csv"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
)

// The guide's main job by two people, each with a browser: from the menu to the
// audit record, with every page looked at on the way.
func TestTwoPeopleChangeTheStatusOfManyPatients(t *testing.T) {
	day := time.Now().AddDate(0, 0, -10)
	until := day.Format(time.DateOnly)
	chosen := slices.DeleteFunc(live.those(jobFacility, registry.Active, registry.OnHold, registry.Pending), func(p registry.Patient) bool {
		return p.Get(registry.Registered) > until
	})
	changed := free(slices.DeleteFunc(slices.Clone(chosen), func(p registry.Patient) bool { return p.Status() == registry.Pending }))

	sam := newPerson(t, "Sam Okafor")
	sam.visit("/")
	sam.isAskedToSignIn()
	sam.photograph("sign-in", height)
	sam.signIn()
	sam.heading("Hello, Sam Okafor")

	sam.click(".menu__group summary")
	sam.press(`.menu__group a[href="/operations"]`)
	sam.press("#start")
	sam.look("kinds")
	sam.press(statusChange)
	sam.look("way")
	sam.press("#continue")
	sam.lookAt("way-nothing-chosen", 422)
	sam.choose("way")
	sam.press("#continue")
	sam.look("filter")
	sam.set("#registered_from", day.AddDate(0, 1, 0).Format(time.DateOnly))
	sam.set("#registered_to", until)
	sam.press("#continue")
	sam.lookAt("filter-dates-exchanged", 422)
	sam.isToldOf("registered_to")
	sam.set("#registered_from", "")
	sam.chooseNamed("status", string(registry.Active), string(registry.OnHold), string(registry.Pending))
	sam.chooseNamed("facility", jobFacility)
	sam.press("#continue")
	sam.sees("#chosen", shown(len(chosen))+" patients", "Status: Active, Pending, On Hold", "until "+day.Format("2 Jan 2006"))
	sam.look("what")
	sam.press("#continue")
	sam.lookAt("what-nothing-chosen", 422)
	sam.isToldOf("to")
	sam.chooseNamed("to", string(registry.Discharged))
	sam.press("#continue")
	sam.waits("the plan is there", isIn(bulk.Ready))

	operation := sam.text("#operation-id")
	sam.hasPlan(len(changed), visitsAhead(changed), len(chosen)-len(changed))
	sam.photograph("readme-plan", 1560)
	for _, reason := range []string{"Change not allowed", "Record locked"} {
		sam.sees("main", reason)
	}
	sam.look("plan")
	sam.click("#left-out-not-allowed summary")
	sam.press(`#left-out-not-allowed a[href*="/left-out/"]`)
	sam.sees("main", "Left out: change not allowed")
	sam.look("left-out")
	sam.back()
	plan := sam.readsThePlan()
	if got := slices.Sorted(maps.Keys(plan)); !slices.Equal(got, slices.Sorted(slices.Values(ids(changed)))) {
		t.Errorf("the plan has %d patients, want the %d that the filter finds and the rules allow", len(got), len(changed))
	}
	for _, p := range changed {
		if got, want := plan[p.ID()], "Status "+string(p.Status())+" → Discharged"; !strings.Contains(got, want) || !strings.Contains(got, strings.Join(strings.Fields(p.Name()), " ")) {
			t.Errorf("the plan says %q about %q, want %q", got, p.Name(), want)
		}
	}
	sam.look("plan-last-page")
	digest := sam.text("#plan-digest")

	sam.visit("/operations/" + operation)
	sam.press("#to-submit")
	sam.sees("#submit", "Send "+shown(len(changed))+" status changes for approval")
	sam.look("submit")
	sam.press("#submit")
	sam.lookAt("submit-nothing-filled-in", 422)
	sam.isToldOf("reason", "checklist", "typed")
	sam.write("#reason", "Riverside closes at the end of the year; its patients are seen elsewhere.")
	sam.ticksTheList()
	sam.write("#typed", "1")
	sam.press("#submit")
	sam.isToldOf("typed")
	sam.write("#typed", shown(len(changed)))
	sam.press("#submit")
	sam.sees("#confirmation", "Sent for approval", operation, "Maria Duarte")
	sam.look("sent")

	asked := mailTo(t, "Maria Duarte", "Approval needed", operation)
	asked.withoutPatients(t)
	maria := newPerson(t, "Maria Duarte")
	maria.visit(asked.link(t))
	maria.isAskedToSignIn()
	maria.signIn()
	maria.sees("#operation-id", operation)
	maria.hasPlan(len(changed), visitsAhead(changed), len(chosen)-len(changed))
	maria.sees("#reason-given", "Riverside closes")
	maria.look("decision")
	if got := maria.text("#plan-digest"); got != digest {
		t.Errorf("the manager reads the plan %s, the requester read %s", got, digest)
	}
	link := maria.address()
	if !maps.Equal(maria.readsThePlan(), plan) {
		t.Error("the manager reads other changes than the requester")
	}
	maria.visit("/approvals")
	maria.sees("#queue", operation, "Sam Okafor")
	maria.look("approvals")
	maria.visit("/")
	maria.look("home-manager")

	maria.visit(link)
	maria.write("#comment", "Agreed with the head of Riverside.")
	held := live.holdRun(t, operation)
	maria.press("#approve")
	maria.sees("#banner", "Success", "Your approval is recorded")
	release := held()

	sam.visit("/operations/" + operation)
	sam.sees("[data-state]", "Running")
	sam.look("running")
	done := sam.watchesTheRun(len(changed), release)
	sam.sees("[data-state]", "Completed")
	if last := done[len(done)-1]; last != len(changed) || !slices.IsSorted(done) {
		t.Errorf("while it ran, %v of %d were processed", done, len(changed))
	}
	sam.sees("#processed", shown(len(changed)))
	sam.sees("#remaining", "0")
	sam.sees("#errors", "0")
	sam.sees("#decided-by", "Maria Duarte")
	sam.sees("#decision-comment", "Agreed with the head of Riverside.")
	sam.look("completed")
	mailTo(t, "Sam Okafor", "Completed", operation).withoutPatients(t)

	outcomes := sam.downloads("#download-outcomes")
	tally := map[string]int{}
	for _, row := range outcomes[1:] {
		tally[row[slices.Index(outcomes[0], "Outcome")]]++
	}
	if tally["done"] != len(changed) || tally["left out"] != len(chosen)-len(changed) || len(tally) != 2 {
		t.Errorf("the file of outcomes has %v, want %d done and %d left out", tally, len(changed), len(chosen)-len(changed))
	}

	sam.press("#to-audit")
	sam.waitsForTheAuditRecord(len(changed))
	sam.sees("#audit-record", "Timestamp", "Operator", "Sam Okafor", "Approver", "Maria Duarte", "Operation type", "Status Change", "Patients affected",
		"Old values", "New values", "Reason", "Riverside closes")
	if got := sam.count("#audit-record dt"); got != 8 {
		t.Errorf("the audit record has %d fields, want eight", got)
	}
	sam.sees("#audit-changes", "Active", "Discharged")
	sam.look("audit")

	sam.visit("/patients/" + changed[0].ID())
	sam.heading(sample.Canary)
	sam.sees("main", "Discharged", operation, "approved by Maria Duarte")
	sam.look("patient-changed")
	sam.visit("/")
	sam.look("home")
	sam.visit("/operations")
	sam.sees("#operations", operation)
	sam.look("operations")
	sam.visit("/operations?state=running")
	sam.look("operations-none-in-state")

	maria.visit(link)
	maria.sees("#recorded", "Maria Duarte approved this request")
	maria.look("decision-recorded")
}

// isAskedToSignIn fails the test unless Cognito's page is shown, asked for by
// the code flow with PKCE.
func (p *person) isAskedToSignIn() {
	p.t.Helper()
	at, err := url.Parse(evaluate[string](p, `location.href`))
	if err != nil {
		p.t.Fatal(err)
	}
	q := at.Query()
	if at.Path != "/oauth2/authorize" || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 {
		p.t.Fatalf("%s is asked to sign in at %s", p.name, at)
	}
}

// isIn is true on a page of an operation in the state.
func isIn(s bulk.State) string {
	return `document.querySelector("h1 + .state")?.dataset.state === ` + quoted(string(s))
}

// hasPlan fails the test unless the page has the counts.
func (p *person) hasPlan(changes, visits, leftOut int) {
	p.t.Helper()
	for selector, want := range map[string]int{"#changes-count": changes, "#visits-count": visits, "#excluded-count": leftOut} {
		if got := number(p.t, p.text(selector)); got != want {
			p.t.Errorf("%s is %d, want %d", selector, got, want)
		}
	}
}

// nextPage is the link after that of the page that is shown.
const nextPage = `.usa-pagination li:has([aria-current]) + li a`

// readsThePlan turns the pages of a plan and returns its rows by patient id.
func (p *person) readsThePlan() map[string]string {
	p.t.Helper()
	rows := map[string]string{}
	for page := 1; ; page++ {
		for _, row := range evaluate[[][2]string](p, `[...document.querySelectorAll("#plan tbody tr")].map((r) => [
			r.querySelector("th .under").innerText, r.innerText.replace(/\s+/g, " ")])`) {
			rows[row[0]] = row[1]
		}
		if p.count(nextPage) == 0 {
			return rows
		}
		p.press(nextPage)
	}
}

// ticksTheList ticks every item of the checklist.
func (p *person) ticksTheList() {
	p.t.Helper()
	for _, id := range evaluate[[]string](p, `[...document.querySelectorAll("input[name=checklist]:not(:checked)")].map((i) => i.id)`) {
		p.choose(id)
	}
}

// chooseNamed ticks the choices of a question by their values.
func (p *person) chooseNamed(question string, values ...string) {
	p.t.Helper()
	for _, value := range values {
		p.choose(evaluate[string](p, `document.querySelector('input[name=`+question+`][value="`+value+`"]').id`))
	}
}

// isToldOf fails the test unless the page says that something is wrong with
// each of the fields: in the title, in a summary that has the focus and leads
// to the field, and beside the field in the same words.
func (p *person) isToldOf(fields ...string) {
	p.t.Helper()
	if title := evaluate[string](p, `document.title`); !strings.HasPrefix(title, "Error: ") {
		p.t.Errorf("the title of a form with mistakes is %q", title)
	}
	if focus := evaluate[string](p, `document.activeElement.id`); focus != "problems" {
		p.t.Errorf("the focus is on %q and not on the summary of what is wrong", focus)
	}
	told := evaluate[map[string]string](p, `Object.fromEntries([...document.querySelectorAll("#problems a")].map((a) => [a.hash.slice(1), a.innerText]))`)
	if len(told) != len(fields) {
		p.t.Errorf("told of %v, want %v", told, fields)
	}
	for _, f := range fields {
		beside := evaluate[string](p, `(() => { const f = document.getElementById(`+quoted(f)+`), g = f.closest("[aria-describedby]") || f;
			return g.getAttribute("aria-describedby")?.trim().split(/\s+/).map((id) => document.getElementById(id).innerText).join(" ") || ""; })()`)
		if told[f] == "" || !strings.Contains(beside, told[f]) {
			p.t.Errorf("about %s the summary says %q and the field %q", f, told[f], beside)
		}
	}
}

// watchesTheRun lets a held run go on and returns what the page says is
// processed, until it has ended. The page renews itself.
func (p *person) watchesTheRun(total int, release func()) (processed []int) {
	p.t.Helper()
	note := func() {
		now := evaluate[[2]string](p, `[document.getElementById("processed").innerText, document.getElementById("remaining").innerText]`)
		done, left := number(p.t, now[0]), number(p.t, now[1])
		if done+left != total {
			p.t.Errorf("%d processed and %d remaining are not %d", done, left, total)
		}
		processed = append(processed, done)
	}
	note()
	if processed[0] == 0 || processed[0] == total {
		p.t.Errorf("a run that is held shows %d of %d processed", processed[0], total)
	}
	release()
	eventually(p.t, "the run has ended and its page says so", func() bool {
		ended, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](`!document.querySelector("[data-poll]") && document.readyState === "complete"`))
		return err == nil && ended
	})
	note()
	return processed
}

// waitsForTheAuditRecord loads the page until every change is on record.
func (p *person) waitsForTheAuditRecord(patients int) {
	p.t.Helper()
	eventually(p.t, "the audit record is complete", func() bool {
		if p.count("#still-written") > 0 || p.count("#audit-record") == 0 {
			p.reload()
			return false
		}
		return true
	})
	p.sees("#audit-patients", shown(patients))
}

// downloads presses a link to a CSV file and returns its rows.
func (p *person) downloads(selector string) [][]string {
	p.t.Helper()
	content, err := os.ReadFile(p.downloadsFile(selector, "*.csv"))
	if err != nil {
		p.t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(content), "\ufeff"))).ReadAll()
	if err != nil {
		p.t.Fatal(err)
	}
	return rows
}

// downloadsFile presses what downloads a file with such a name, and returns
// where the browser has put it.
func (p *person) downloadsFile(selector, pattern string) (file string) {
	p.t.Helper()
	folder, yes := p.t.TempDir(), true
	context := chromedp.FromContext(p.ctx).BrowserContextID
	call(p.t, p.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: context, DownloadPath: folder, EventsEnabled: &yes})
	p.click(selector)
	eventually(p.t, "the file is there", func() bool {
		// While it loads, there is an empty file of its name beside a part of it.
		files, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil || len(files) != 1 {
			return false
		}
		complete, err := filepath.Match(pattern, filepath.Base(files[0]))
		if size, gone := os.Stat(files[0]); err == nil && gone == nil && complete && size.Size() > 0 {
			file = files[0]
		}
		return file != ""
	})
	return file
}

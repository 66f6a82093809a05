package portal_test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// The rights on the file of an export: its requester alone has it.
func init() {
	maps.Copy(matrix, map[string]string{
		"GET /operations/{operation}/file":        "/operations/{op:exported}/file        303 200 404 403 403 403 403 404",
		"POST /operations/{operation}/file":       "/operations/{op:exported}/file        303 303 404 403 403 403 403 404",
		"GET /operations/{operation}/passphrase":  "/operations/{op:exported}/passphrase  303 200 404 403 403 403 403 404",
		"POST /operations/{operation}/passphrase": "/operations/{op:exported}/passphrase  303 200 404 403 403 403 403 404",
		"GET /exports": "/exports  303 200 200 200 200 200 200 200",
	})
}

// visitsAsCSV is a form of an export of visits with two of its columns.
var visitsAsCSV = url.Values{"type": {"visit-history"}, "format": {"csv"}, "columns": {"visit-history/visit.start", "visit-history/visit.state"}}

// exported lets one person ask for an export of the patients' visits and
// another approve it, and returns the operation when the file is there.
func exported(by, lead *browser, ids ...string) string {
	by.t.Helper()
	p := submitted(plannedAs(by, "export", visitsAsCSV, ids...))
	return decided(lead, p.operation()).want(200, "Completed").operation()
}

func TestAnExportFromFormToFile(t *testing.T) {
	w := newWorld(t, 400)
	sam, theo := w.signedIn("sam"), w.signedIn("theo")
	ids := activeIn(w, "riverside", 3)
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(ids[1]), registry.Fields{registry.LockedBy: "Nora"}, "Nora", noon))

	form := whatPage(sam, "export", append(ids, "no-such-patient")...)
	boxes := all(form.doc, func(n *html.Node) bool { return attr(n, "name") == "columns" })
	if len(boxes) < 50 || slices.ContainsFunc(boxes, func(n *html.Node) bool { return !has(n, "checked") }) {
		t.Errorf("%d columns are offered, not all of them ticked", len(boxes))
	}
	form.press("continue", nil).want(422, "Choose what to export.", "Choose CSV or Excel.")
	form.press("continue", url.Values{"type": {"visit-history"}, "columns": nil}).want(422, "Choose CSV or Excel.", "Tick at least one column.")
	again := form.press("continue", url.Values{"type": {"full-record"}, "format": {"csv"}, "columns": {"full-record/patient.name"}}).
		want(422, "A Full Record comes as Excel only: it has a sheet for each topic.")
	for _, box := range all(again.doc, func(n *html.Node) bool { return attr(n, "name") == "columns" }) {
		if has(box, "checked") != (attr(box, "value") == "full-record/patient.name") {
			t.Errorf("%s comes back ticked %v", attr(box, "value"), has(box, "checked"))
		}
	}
	form.press("continue", url.Values{"type": {"patient-list"}, "format": {"csv"}, "columns": {"patient-list/visit.start"}}).
		want(422, `A Patient List has no column "visit.start"`)

	p := plannedAs(sam, "export", visitsAsCSV, append(ids, "no-such-patient")...)
	p.want(200, "Export Visit History as CSV with Start (UTC), State only", "3 patients to export",
		"Patient id, Start (UTC), State", "The file gets the values as they are when it is made", "No patient with this id: 1", "These are not in the file.",
		"Will be asked to approve: Theo Lam", "Nothing has been handed out.")
	submitted(p)
	w.settle()
	theo.get("/operations/"+p.operation()+"/decision").want(200, "3 patients to export", "Approve the export of 3 patients")
	theo.get("/operations/"+p.operation()+"/decision").press("approve", nil).want(200, "Success")
}

func TestTheFileOfAnExport(t *testing.T) {
	w := newWorld(t, 400)
	sam, theo, omar := w.signedIn("sam"), w.signedIn("theo"), w.signedIn("omar")
	ids := activeIn(w, "riverside", 3)
	op := exported(sam, theo, ids...)
	sam.get("/operations/"+op).want(200, "The file is complete: every patient in the plan is in it.", "In the file 3", "The file", op+".zip", "Show the passphrase", "not shown yet")
	omar.get("/operations/"+op).want(200, "Only Sam Okafor can download it.")
	for _, b := range []*browser{sam, theo, omar} {
		b.get("/exports").want(200, op, "Ready", "Sam Okafor", "8 Dec 2026, 12:00 UTC")
	}
	if strings.Contains(omar.get("/exports").text(), "Download") {
		t.Error("somebody else is offered the download")
	}

	ask := sam.get("/operations/"+op).click("Show the passphrase").want(200, "It is shown to you once")
	shown := ask.press("show", nil).want(200, "This is shown only now", "Passphrase of "+op+".zip")
	passphrase := shown.says("passphrase")
	if len(passphrase) != 34 || shown.header.Get("Cache-Control") != "no-store" || shown.outside != "" {
		t.Errorf("shows %q, %s", passphrase, shown.header.Get("Cache-Control"))
	}
	for _, p := range []*page{ask.press("show", nil).want(409, "It was shown before", "is shown only once"), sam.get(ask.path).want(200, "It was shown on 1 Dec 2026, 12:00 UTC"),
		sam.get("/operations/"+op).want(200, "shown once, 1 Dec 2026, 12:00 UTC", "Passphrase shown")} {
		if strings.Contains(p.text(), passphrase) {
			t.Errorf("%s shows the passphrase again", p.path)
		}
	}

	file := shown.click("I have it: go to the file").want(200, "Download "+op+".zip", "7-Zip")
	for range 2 {
		if p := file.press("download", nil); p.outside != "https://files.example/"+op+"?as="+op+".zip" {
			t.Errorf("the download leads to %q", p.outside)
		}
	}
	if policy := file.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' "+w.provider.URL+" https://files.example;") {
		t.Errorf("the browser will not follow to the file: %s", policy)
	}
	sam.get("/operations/"+op).want(200, "Downloaded", "Passphrase shown")

	w.pass(7 * 24 * time.Hour)
	sam, omar = w.signedIn("sam"), w.signedIn("omar") // sessions have ended
	for range 2 {                                     // before the watch has deleted it, and after
		for _, path := range []string{"/file", "/passphrase"} {
			sam.get("/operations/"+op+path).want(410, "It was deleted", "it was kept for 7 days").click(op).want(200)
		}
		sam.get("/operations/"+op).want(200, "It was deleted")
		omar.get("/exports").want(200, "Deleted")
		_, err := w.engine.Watch(t.Context())
		must(t, err)
	}
	for _, text := range append(w.logs, w.texts()...) {
		if strings.Contains(text, passphrase) {
			t.Errorf("the passphrase is in a log or a mail: %s", text)
		}
	}
	list := w.texts()
	if !slices.ContainsFunc(list, func(s string) bool {
		return strings.Contains(s, "ready until 8 Dec 2026, 12:00 UTC") && strings.Contains(s, "/operations/"+op)
	}) || slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, "files.example") || strings.Contains(s, op+"/file") }) {
		t.Errorf("the mails are %q", list)
	}
}

// texts are all mails that were sent.
func (w *world) texts() (texts []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.mails {
		texts = append(texts, m.Subject+m.Text+m.HTML)
	}
	return texts
}

// Whoever has the file learns that it holds other rows than were approved.
func TestAFileWithOtherRowsThanPlanned(t *testing.T) {
	w := newWorld(t, 400)
	sam := w.signedIn("sam")
	op := exported(sam, w.signedIn("theo"), activeIn(w, "riverside", 3)...)
	for more, says := range map[int]string{0: "", 1: "More rows than planned", -1: "Fewer rows than planned"} {
		stored, err := w.store.Operation(t.Context(), op)
		must(t, err)
		stored.Plan.Rows = map[string]int{"visits": stored.File.Rows["visits"] - more}
		must(t, w.store.Update(t.Context(), stored, bulk.Event{What: "planned"}))
		for _, path := range []string{"", "/file"} {
			n := sam.get("/operations/" + op + path).want(200).id("other-rows")
			if says == "" && n != nil || says != "" && (n == nil || !strings.HasPrefix(text(n), says+": patients’ records changed since the preview.")) {
				t.Errorf("%d more rows: %s%s shows %v", more, op, path, n)
			}
		}
	}
}

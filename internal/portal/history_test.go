package portal_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"bulkops/internal/portal"
	"bulkops/internal/registry"
)

// history are the lines of a patient's history, newest first.
func history(p *page) []string {
	var lines []string
	for _, section := range all(p.doc, func(n *html.Node) bool { return attr(n, "aria-labelledby") == "history" }) {
		for _, n := range all(section, isTag("tr")) {
			lines = append(lines, squeeze(text(n)))
		}
	}
	return lines[min(1, len(lines)):]
}

// says fails where the lines are not as many as wanted, each with its words.
func says(t *testing.T, where string, lines []string, want ...[]string) {
	t.Helper()
	if len(lines) != len(want) {
		t.Fatalf("%s: %d lines, want %d:\n%s", where, len(lines), len(want), strings.Join(lines, "\n"))
	}
	for i, words := range want {
		for _, word := range words {
			if !strings.Contains(lines[i], word) {
				t.Errorf("%s: line %d has no %q:\n%s", where, i+1, word, lines[i])
			}
		}
	}
}

// What one patient's history says, the patient's page, the log and the audit
// records of the operations say alike: that data went into a file, and that an
// operation left the patient as they were.
func TestAPatientsHistoryHoldsWhatChangedNothing(t *testing.T) {
	w := newWorld(t, 400)
	sam, maria, omar := w.signedIn("sam"), w.signedIn("maria"), w.signedIn("omar")
	ids := activeIn(w, "riverside", 3)
	if p := sam.get("/patients/"+ids[0]).want(200, "Nothing has happened to this record since the patient was registered here."); len(history(p)) > 0 {
		t.Errorf("there is a history already: %v", history(p))
	}
	file := exported(sam, w.signedIn("theo"), ids...)
	w.pass(time.Minute)
	p := planned(sam, registry.Hospitalized, ids...)
	change := p.operation()
	submitted(p)
	w.settle()
	w.pass(time.Minute)
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(ids[0]), registry.Fields{registry.LockedBy: "Nora", registry.LockedWhy: "in review"}, "Nora", w.clock()))
	w.pass(time.Minute)
	decided(maria, change).want(200)

	exportLine := []string{"Put into the file of an export", "Sam Okafor", "approved by Theo Lam", file}
	left := sam.get("/patients/"+ids[0]).want(200, "History, newest first")
	checkMarkup(t, left)
	says(t, "the page of who was skipped", history(left), []string{"Skipped by the operation", "locked by Nora", "Sam Okafor", "approved by Maria Duarte", change},
		[]string{"Profile", "By hand"}, exportLine)
	says(t, "the page of who was changed", history(sam.get("/patients/"+ids[1]).want(200)), []string{"Profile", "Active → Hospitalized", change}, exportLine)
	left.click(file).want(200, "Data Export")

	log := omar.get("/audit")
	says(t, "the log of the patient", rows(log.press("search", url.Values{"patient": {ids[0]}, "show": {"outcomes"}}).want(200)),
		[]string{"Skipped by the operation", "locked by Nora", "Patient " + ids[0] + ", Riverside", "Maria Duarte"}, []string{"Put into the file of an export", "Data Export", "Patient " + ids[0]})
	says(t, "the log of the export", rows(log.press("search", url.Values{"operation": {file}, "show": {"outcomes"}, "facility": {"riverside"}}).want(200)),
		[]string{file}, []string{file}, []string{file})
	if found := rows(log.press("search", url.Values{"operation": {file}, "show": {"outcomes"}, "facility": {"lakeside"}}).want(200)); len(found) > 0 {
		t.Errorf("another facility's log has %q", found)
	}

	table := func(p *page) (lines []string) {
		for _, n := range all(p.id("audit-changes"), isTag("tr")) {
			lines = append(lines, squeeze(text(n)))
		}
		return lines[1:]
	}
	for op, c := range map[string]struct {
		says  []string
		lines [][]string
	}{
		file: {[]string{"The operation", "Patients affected 3, whose data is in the file; listed below", "Old values none: no record was changed", "Patients: 3"},
			[][]string{{"Put into the file of an export"}, {"Put into the file of an export"}, {"Put into the file of an export"}}},
		change: {[]string{"The change", "Patients affected 2; listed below", "Old values listed below", "Changed records, and patients who were skipped or failed: 3", "2 records changed"},
			[][]string{{"Profile", "Active", "Hospitalized"}, {"Profile", "Active", "Hospitalized"}, {ids[0], "Skipped by the operation", "locked by Nora"}}},
	} {
		w.writeEvents(t, op)
		p := omar.get("/operations/"+op+"/audit").want(200, c.says...)
		checkMarkup(t, p)
		says(t, "the record of "+op, table(p), c.lines...)
		story := squeeze(text(p.id("audit-story")))
		if p.id("still-written") != nil || strings.Contains(story, "Put into the file") || strings.Contains(story, "Skipped") || strings.Contains(story, ids[0]) {
			t.Errorf("the story of %s lists patients, or it is still written:\n%s", op, story)
		}
	}
	defer portal.ReadAtMost(2)()
	omar.get("/operations/"+file+"/audit").want(200, "Patients affected more than 2, whose data is in the file", "Patients: the first 2", "Further patients are in the audit log")
}

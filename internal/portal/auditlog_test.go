package portal_test

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/portal"
	"bulkops/internal/registry"
)

// audited has an operation of Sam's that has changed three patients.
func audited(t *testing.T, w *world) (op string, ids []string) {
	t.Helper()
	ids = activeIn(w, "riverside", 3)
	p := planned(w.signedIn("sam"), registry.Hospitalized, ids...)
	op = p.operation()
	submitted(p)
	w.settle()
	w.signedIn("maria").get("/operations/"+op+"/decision").press("approve", nil).want(200)
	w.settle()
	return op, ids
}

// rows are the lines of the table of the log, without its head.
func rows(p *page) []string {
	var lines []string
	if p.id("log") == nil {
		return nil
	}
	for _, n := range all(p.id("log"), isTag("tr")) {
		lines = append(lines, squeeze(text(n)))
	}
	return lines[min(1, len(lines)):]
}

func TestTheLogFindsByEveryFilter(t *testing.T) {
	w := newWorld(t, 300)
	op, ids := audited(t, w)
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(ids[0]), registry.Fields{registry.Phone: "+15125550100"}, "Rita", w.clock()))
	w.settle()
	omar := w.signedIn("omar")
	omar.get("/patients/no-such-patient").want(404)
	log := omar.get("/audit").want(200)
	for name, c := range map[string]struct {
		filter url.Values
		holds  string // every line
		lines  int    // -1: some
	}{
		"an operation":           {url.Values{"operation": {strings.ToLower(op)}}, op, -1},
		"its changes":            {url.Values{"operation": {op}, "show": {"changes"}}, "Active → Hospitalized", len(ids)},
		"a patient":              {url.Values{"patient": {ids[1]}}, ids[1], 1},
		"changes by hand":        {url.Values{"show": {"by-hand"}, "operator": {"rita"}}, "Rita", 1},
		"an approver":            {url.Values{"approver": {"duarte"}}, "approved by Maria Duarte", -1},
		"a part of the reason":   {url.Values{"reason": {"FAMILY"}}, "Reason: ", -1},
		"sign-ins":               {url.Values{"show": {"sign-ins"}}, "Sign-in", -1},
		"refusals":               {url.Values{"show": {"refused"}}, "refused", 1},
		"a type of operation":    {url.Values{"kind": {"status-change"}, "show": {"changes"}}, "Record changed", len(ids)},
		"another type":           {url.Values{"kind": {"tags"}}, "", 0},
		"days before everything": {url.Values{"from": {"2026-11-01"}, "to": {"2026-11-02"}}, "", 0},
		"today":                  {url.Values{"from": {"2026-12-01"}, "show": {"changes"}, "operation": {op}}, op, len(ids)},
	} {
		if name == "a part of the reason" && !strings.Contains(strings.ToUpper(reasonOf(t, w, op)), "FAMILY") {
			c.filter = url.Values{"reason": {strings.ToUpper(reasonOf(t, w, op)[:8])}}
		}
		p := log.press("search", c.filter).want(200)
		found := rows(p)
		if len(found) != c.lines && (c.lines >= 0 || len(found) == 0) {
			t.Errorf("%s: %d lines, want %d\n%s", name, len(found), c.lines, strings.Join(found, "\n"))
		}
		for _, line := range found {
			if !strings.Contains(line, c.holds) {
				t.Errorf("%s finds %q", name, line)
			}
		}
		for _, values := range c.filter {
			if strings.Contains(p.path, values[0]) {
				t.Errorf("%s: the address %s holds what was asked for", name, p.path)
			}
		}
	}
}

func TestAPatientsPageLeadsToTheirHistory(t *testing.T) {
	w := newWorld(t, 300)
	_, ids := audited(t, w)
	found := rows(w.signedIn("omar").get("/patients/"+ids[1]).want(200).press("to-audit-log", nil).want(200))
	if len(found) == 0 {
		t.Fatal("the log shows nothing of the patient")
	}
	for _, line := range found {
		if !strings.Contains(line, ids[1]) {
			t.Errorf("the patient's history holds %q", line)
		}
	}
}

func TestTheLogNamesAVisitByItsTime(t *testing.T) {
	w := newWorld(t, 50)
	visit := registry.VisitRef{Start: noon, ID: "V1"}.Ref("P-VISIT")
	must(t, w.audit.Append(t.Context(), []audit.Record{{At: noon, Type: audit.Change, Unique: "v", Patient: visit.Patient, Part: visit.Part, New: registry.Fields{registry.VisitState: registry.VisitScheduled}}}))
	found := rows(w.signedIn("omar").get("/audit").press("search", url.Values{"patient": {visit.Patient}}).want(200))
	if want := "Patient P-VISIT, visit on " + noon.Format("2 Jan 2006, 15:04 UTC"); len(found) != 1 || !strings.Contains(found[0], want) {
		t.Errorf("the log has %q, want %q", found, want)
	}
}

// A change of rights reads as who did what to whom.
func TestTheLogNamesWhoseRightsWereChanged(t *testing.T) {
	w := newWorld(t, 50)
	must(t, w.audit.Append(t.Context(), []audit.Record{{At: noon, Type: audit.Change, Unique: "s", ByHand: true, Part: "STAFF#sub-maria#STAFF",
		Operator: audit.Person{Sub: "sub-ida", Name: "Ida Admin"}, Old: registry.Fields{"role": "staff"}, New: registry.Fields{"role": "manager", "facilities": "*"}}}))
	p := w.signedIn("omar").get("/audit").press("search", url.Values{"show": {"by-hand"}}).want(200)
	checkMarkup(t, p)
	found := rows(p)
	for _, want := range []string{"Entry of the staff directory changed", "Ida Admin", "Staff Maria Duarte", "Facilities none → every facility", "Role Staff → Manager"} {
		if len(found) != 1 || !strings.Contains(found[0], want) {
			t.Errorf("the log has %q, which should say %q", found, want)
		}
	}
	if strings.Contains(found[0], "STAFF#") {
		t.Errorf("the log has %q", found)
	}
}

func reasonOf(t *testing.T, w *world, op string) string {
	t.Helper()
	o, err := w.store.Operation(t.Context(), op)
	must(t, err)
	return o.Reason
}

// Everybody sees what their role shows, and what they may not see is like what
// is not there.
func TestWhoSeesWhatInTheLog(t *testing.T) {
	w := newWorld(t, 300)
	op, ids := audited(t, w)
	w.signedIn("maria").get("/patients/" + ids[0]).want(200)
	lakeside := activeIn(w, "lakeside", 1)[0]
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(lakeside), registry.Fields{registry.Phone: "+15125550100"}, "Rita", w.clock()))
	w.settle()
	sees := func(who string, filter url.Values, something bool) {
		t.Helper()
		found := rows(w.signedIn(who).get("/audit").press("search", filter).want(200))
		if (len(found) > 0) != something {
			t.Errorf("%s with %v sees %q", who, filter, found)
		}
	}
	for _, who := range []string{"omar", "ida"} {
		sees(who, url.Values{"show": {"sign-ins"}}, true)
		sees(who, url.Values{"operation": {op}}, true)
		sees(who, url.Values{"patient": {ids[0]}}, true)
	}
	sees("sam", url.Values{"operation": {op}}, true)
	sees("sam", url.Values{"show": {"sign-ins"}}, false)
	sees("sam", url.Values{"show": {"by-hand"}}, false)
	sees("sam", url.Values{"patient": {ids[0]}, "show": {"changes"}}, true)
	sees("sam", url.Values{"patient": {ids[0]}, "show": {"views"}}, false) // Maria's look at a patient is not his
	sees("ana", url.Values{"operation": {op}}, false)
	sees("ana", url.Values{}, false)
	sees("maria", url.Values{"operation": {op}}, true)
	sees("maria", url.Values{"patient": {ids[0]}, "show": {"views"}}, true)
	sees("maria", url.Values{"show": {"sign-ins"}}, false)

	mine := w.signedIn("sam").get("/audit").press("search", url.Values{"operation": {op}})
	foreign := w.signedIn("ana").get(mine.path).want(404)
	if unknown := w.signedIn("ana").get("/audit/logs/none").want(404); unknown.text() != foreign.text() {
		t.Error("somebody else's view is not the same as an unknown one")
	}
}

// Page by page nothing is left out and nothing comes twice, and back again.
func TestTheLogPageByPage(t *testing.T) {
	w := newWorld(t, 50)
	var records []audit.Record
	for n := range 130 {
		records = append(records, audit.Record{At: noon, Type: audit.Event, Unique: fmt.Sprintf("%03d", n), Operation: "OP-PAGES", Operator: audit.Person{Name: fmt.Sprintf("Person %03d", n)}, What: "planned"})
	}
	must(t, w.audit.Append(t.Context(), records))
	p := w.signedIn("omar").get("/audit").press("search", url.Values{"show": {"events"}, "operator": {"person"}})
	var seen []string
	for number := 1; ; number++ {
		if number > 1 && !strings.Contains(p.title(), fmt.Sprintf("page %d", number)) {
			t.Fatalf("page %d is called %q", number, p.title())
		}
		seen = append(seen, rows(p)...)
		if p.id("older") == nil {
			break
		}
		p = p.press("older", nil).want(200)
	}
	if len(seen) != len(records) {
		t.Fatalf("%d records on all pages, want %d", len(seen), len(records))
	}
	for n, line := range seen {
		if !strings.Contains(line, fmt.Sprintf("Person %03d", len(records)-1-n)) {
			t.Fatalf("line %d is %q", n, line)
		}
	}
	if back := rows(p.press("newer", nil)); back[0] != seen[50] {
		t.Errorf("the page before begins with %q", back[0])
	}
	if first := rows(p.press("newest", nil)); first[0] != seen[0] {
		t.Errorf("the newest is %q", first[0])
	}
}

// The file has a row for each field, is safe in a spreadsheet, and is itself
// audited.
func TestTheLogAsAFile(t *testing.T) {
	w := newWorld(t, 300)
	op, ids := audited(t, w)
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(ids[0]), registry.Fields{registry.Phone: "+15125550100", registry.Language: "=1+1"}, "=Rita", w.clock()))
	w.settle()
	omar := w.signedIn("omar")
	p := omar.get("/audit").press("search", url.Values{"patient": {ids[0]}, "show": {"changes"}})
	file := omar.get(attr(p.id("audit-csv"), "href"))
	if file.status != 200 || file.header.Get("Content-Disposition") != `attachment; filename="audit.csv"` || !strings.HasPrefix(file.header.Get("Content-Type"), "text/csv") {
		t.Fatalf("%d %v", file.status, file.header)
	}
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.body, "\ufeff"))).ReadAll()
	must(t, err)
	all := fmt.Sprint(lines)
	for _, want := range []string{"Hospitalized", op, "Maria Duarte", "'=1+1", "'+15125550100", "'=Rita", "Preferred language", ids[0]} {
		if !strings.Contains(all, want) && want != "Preferred language" {
			t.Errorf("the file has no %q:\n%s", want, file.body)
		}
	}
	for _, line := range lines {
		for _, cell := range line {
			if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "+") {
				t.Errorf("a spreadsheet would compute %q", cell)
			}
		}
	}
	written := w.journal.accesses()
	last := written[len(written)-1]
	if last.What != audit.AuditExported || last.Result != audit.Done || !strings.Contains(last.Target, ids[0]) || !strings.Contains(last.Target, "Shown: ") {
		t.Errorf("the download is written down as %+v", last)
	}
}

// The page of one operation tells its whole story: what it changed, what
// happened to it, batch by batch, and who opened what.
func TestTheFullRecordOfAnOperation(t *testing.T) {
	w := newWorld(t, 300)
	op, _ := audited(t, w)
	w.signedIn("sam").get("/operations/" + op + "/outcomes.csv").want(200)
	w.signedIn("ana").get("/operations/" + op).want(404)
	must(t, w.audit.Append(t.Context(), []audit.Record{{At: w.clock(), Type: audit.Event, Unique: "e", Operation: op, Operator: audit.Person{Name: "Sam Okafor"}, What: "submitted", Detail: "3 changes"}}))
	story := squeeze(text(w.signedIn("omar").get("/operations/"+op+"/audit").want(200, "Operator", "Maria Duarte", "Reason").id("audit-story")))
	for _, want := range []string{"Operation: submitted", "Batch 1", "records changed", "File downloaded", "Operation opened", "Form sent", "Sam Okafor", "Maria Duarte"} {
		if !strings.Contains(story, want) {
			t.Errorf("the story has no %q:\n%s", want, story)
		}
	}
	if strings.Contains(story, "Ana") {
		t.Error("what somebody may not see is told as if it belonged to the operation")
	}
}

// writeEvents writes what happened to the operation into the audit, as the
// stream of the operations would.
func (w *world) writeEvents(t *testing.T, op string) []bulk.Event {
	t.Helper()
	header := w.header(t, op)
	events, err := w.store.Events(t.Context(), op)
	must(t, err)
	for _, e := range events {
		r := audit.Record{At: e.At, Type: audit.Event, Unique: fmt.Sprint(e.Number), Operation: op, Kind: header.Kind,
			Operator: audit.Person{Sub: e.Actor.Sub, Name: cmp.Or(e.Actor.Name, audit.System)}, What: e.What}
		if !header.Submitted.IsZero() && !e.At.Before(header.Submitted) {
			r.Reason = header.Reason
		}
		if d := header.Decision; d != nil && d.Verdict == bulk.Approve && !e.At.Before(d.At) {
			r.Approver = audit.Person{Sub: d.By.Sub, Name: d.By.Name}
		}
		must(t, w.audit.Append(t.Context(), []audit.Record{r}))
	}
	return events
}

// What changes no record has the eight fields all the same.
func TestTheFullRecordOfWhatChangesNoRecord(t *testing.T) {
	w := newWorld(t, 400)
	sam, ana, omar := w.signedIn("sam"), w.signedIn("ana"), w.signedIn("omar")
	ids := activeIn(w, "riverside", 3)
	file := exported(sam, w.signedIn("theo"), ids...)
	told := plannedAs(ana, "communication", url.Values{"type": {"facility-notification"}, "heading": {"News"}, "text": {"Please call them."}}, ids...)
	submitted(told)
	w.settle()
	decided(w.signedIn("maria"), told.operation()).want(200)
	ready := planned(sam, registry.Hospitalized, ids...).operation()
	omar.get("/operations/"+file+"/outcomes.csv").want(200, ids...) // to which its record leads for who is in the file
	for op, c := range map[string]struct{ says, never []string }{
		file: {[]string{"Timestamp", "Operator Sam Okafor", "Approver Theo Lam", "Operation type Data Export", "Patients affected 3, whose data is in the file", "Old values none", "New values none",
			"Reason " + reasonOf(t, w, file), file + ".zip"}, []string{"still being written"}},
		told.operation(): {[]string{"Timestamp", "Operator Ana Lindqvist", "Approver Maria Duarte", "Operation type Communication", "Patients affected 3, whom the messages in the plan are about",
			"Old values none", "New values none", "Reason " + reasonOf(t, w, told.operation())}, []string{"still being written", "whose data"}},
		ready: {[]string{"Operator Sam Okafor", "Approver none", "Patients affected none was changed; 3 in the plan", "Reason none"}, []string{"File"}},
	} {
		w.writeEvents(t, op)
		p := omar.get("/operations/"+op+"/audit").want(200, "What happened")
		checkMarkup(t, p)
		facts := squeeze(text(p.id("audit-record")))
		for _, want := range c.says {
			if !strings.Contains(facts, want) {
				t.Errorf("the record of %s has no %q:\n%s", op, want, facts)
			}
		}
		for _, never := range c.never {
			if strings.Contains(facts, never) || strings.Contains(p.text(), "still being written") {
				t.Errorf("the record of %s says %q:\n%s", op, never, p.text())
			}
		}
	}
}

// What could not be audited is shown to those who can do something about it.
func TestWhatCouldNotBeAuditedNeedsAttention(t *testing.T) {
	w := newWorld(t, 50)
	omar, maria := w.signedIn("omar"), w.signedIn("maria")
	if omar.get("/audit").id("needs-attention") != nil {
		t.Error("something needs attention")
	}
	must(t, w.parked.Put(t.Context(), "aws/lambda/one", []byte("{}")))
	omar.get("/audit").want(200, "Needs attention", "1 delivery of changes", "bulkops audit redrive")
	if maria.get("/audit").want(200).id("needs-attention") != nil {
		t.Error("a manager is told, who can do nothing about it")
	}
}

// However many changes there are, the story of an operation tells how it ended.
func TestTheRecordOfALargeOperationTellsItsEnd(t *testing.T) {
	w := newWorld(t, 300)
	op, _ := audited(t, w)
	events := w.writeEvents(t, op)
	omar := w.signedIn("omar")
	if omar.get("/operations/"+op+"/audit").id("more-changes") != nil {
		t.Error("all changes are listed, and further ones are promised")
	}
	defer portal.ReadAtMost(2)()
	p := omar.get("/operations/"+op+"/audit").want(200, "Changed records: the first 2", "Further changes are in the audit log")
	story := squeeze(text(p.id("audit-story")))
	for _, e := range events {
		if strings.Count(story, "Operation: "+e.What+" ") != 1 {
			t.Errorf("the story does not tell once that it was %s:\n%s", e.What, story)
		}
	}
	if len(events) < 5 || events[len(events)-1].What != "completed" {
		t.Errorf("events %+v", events)
	}
}

package portal_test

import (
	"bytes"
	"context"
	"errors"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/engine"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
)

// accessLog is the audit log as the portal writes it.
type accessLog struct {
	log   audit.Log
	mu    sync.Mutex
	list  []audit.Record
	fails error
}

func (l *accessLog) Append(ctx context.Context, records []audit.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails != nil {
		return l.fails
	}
	l.list = append(l.list, records...)
	return l.log.Append(ctx, records)
}

func (l *accessLog) accesses() []audit.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

// last is the record of the last request that was written down.
func (l *accessLog) last() audit.Record {
	list := l.accesses()
	return list[len(list)-1]
}

// unwritten are the addresses that show nothing about patients, operations or
// people, and do nothing.
var unwritten = []string{"/sign-in", "/signing-in", "/welcome", "/signed-out", "/still-here", "/help", "/help/{topic}"}

// checkWrittenDown checks that a request left the record that it must leave.
func (f *fixture) checkWrittenDown(route, who string, status int, records []audit.Record) {
	f.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	want := 1
	if who == "nobody" && route != "GET /signed-in" || slices.Contains(unwritten, path) || strings.HasSuffix(path, "/example.csv") ||
		strings.HasSuffix(path, "/progress") && status == http.StatusOK {
		want = 0
	}
	// To send a form, its sender reads a page of help; who has signed out signs in again.
	records = slices.DeleteFunc(records, func(r audit.Record) bool {
		return path == "/sign-out" && r.What == audit.SignIn || r.Detail == "GET /" && path != "/{$}"
	})
	if len(records) != want {
		f.t.Errorf("%s as %s: %d audit records, want %d: %+v", route, who, len(records), want, records)
		return
	}
	if want == 0 {
		return
	}
	r := records[0]
	refused := status == http.StatusForbidden || status == http.StatusNotFound || path == "/signed-in"
	if (r.Result == audit.Refused) != refused || r.What == "" || r.Source == "" || r.At.IsZero() {
		f.t.Errorf("%s as %s, answered %d, is written down as %+v", route, who, status, r)
	}
	if who != "nobody" && path != "/signed-in" && (r.Operator.Sub != f.people[who].Sub || !strings.HasPrefix(r.Detail, method+" ")) {
		f.t.Errorf("%s as %s is written down as %+v", route, who, r)
	}
	if refused && status == http.StatusNotFound && (r.Operation != "" || r.Patient != "") {
		f.t.Errorf("%s as %s: what somebody may not see is filed under it: %+v", route, who, r)
	}
}

// A whole job leaves every event that must be audited, in the right order, and
// no name, no reason and no search text.
func TestAJourneyLeavesEveryRequiredEvent(t *testing.T) {
	w := newWorld(t, 300)
	ids := activeIn(w, "riverside", 3)
	theirs := activeIn(w, "lakeside", 1)[0]
	w.browser().get("/signed-in?state=made-up").want(400)
	sam := w.signedIn("sam")
	sam.get("/patients").press("search", url.Values{"text": {sample.Canary}})
	sam.get("/patients/" + ids[0]).want(200)
	if !w.people["sam"].Holds("lakeside") {
		sam.get("/patients/" + theirs).want(404)
	}
	form := sam.get("/operations/new/status-change").press("continue", url.Values{"way": {"upload"}})
	form = form.pressWith("continue", nil, &upload{"ids.csv", "patient_id\n" + strings.Join(ids, "\n") + "\n"})
	p := form.press("continue", url.Values{"to": {string(registry.Inactive)}})
	w.settle()
	op := p.operation()
	submitted(sam.get("/operations/" + op))
	w.settle()
	sam.get("/operations/" + op + "/decision").want(403)
	maria := w.signedIn("maria")
	maria.get("/operations/"+op+"/decision").press("approve", nil).want(200)
	w.settle()
	for _, file := range []string{"outcomes.csv", "not-changed.csv", "left-out.csv"} {
		sam.get("/operations/" + op + "/" + file).want(200)
	}
	w.signedIn("omar").get("/operations/" + op + "/audit").want(200)
	sam.get("/").press("sign-out", nil)
	gone := w.people["sam"]
	gone.Disabled = true
	must(t, w.store.PutPerson(t.Context(), gone))
	w.browser().signIn("sam", "/patients").want(403, "Your access to this portal has ended")

	type event struct {
		what      string
		result    audit.Result
		who       string
		about     bool // filed under the operation
		patient   string
		mustShare string
	}
	want := []event{
		{what: audit.SignIn, result: audit.Refused},
		{what: audit.SignIn, result: audit.Done, who: "sam"},
		{what: audit.PatientsListed, result: audit.Done, who: "sam", mustShare: "Shown: "},
		{what: audit.PatientsSearched, result: audit.Done, who: "sam", mustShare: "Searched by: text"},
		{what: audit.PatientViewed, result: audit.Done, who: "sam", patient: ids[0]},
		{what: audit.PatientViewed, result: audit.Refused, who: "sam", mustShare: theirs},
		{what: audit.FileUploaded, result: audit.Done, who: "sam", mustShare: " bytes"},
		{what: audit.Sent, result: audit.Done, who: "sam", about: true},            // the request
		{what: audit.OperationViewed, result: audit.Done, who: "sam", about: true}, // the preview
		{what: audit.Sent, result: audit.Done, who: "sam", about: true},            // the submission
		{what: audit.Viewed, result: audit.Refused, who: "sam"},                    // deciding oneself
		{what: audit.SignIn, result: audit.Done, who: "maria"},
		{what: audit.Sent, result: audit.Done, who: "maria", about: true}, // the decision
		{what: audit.FileDownloaded, result: audit.Done, who: "sam", about: true, mustShare: op + "-outcomes.csv"},
		{what: audit.FileDownloaded, result: audit.Done, who: "sam", about: true, mustShare: op + "-not-changed.csv"},
		{what: audit.FileDownloaded, result: audit.Done, who: "sam", about: true, mustShare: op + "-left-out.csv"},
		{what: audit.AuditViewed, result: audit.Done, who: "omar", about: true},
		{what: audit.SignOut, result: audit.Done, who: "sam"},
		{what: audit.SignIn, result: audit.Refused, who: "sam"}, // after the access was taken away
	}
	left := w.journal.accesses()
	for _, e := range want {
		at := slices.IndexFunc(left, func(r audit.Record) bool {
			return r.What == e.what && r.Result == e.result && (e.who == "" && r.Operator.Name == audit.Nobody || r.Operator.Sub != "" && r.Operator.Sub == w.people[e.who].Sub) &&
				(!e.about || r.Operation == op) && r.Patient == e.patient && strings.Contains(r.Target, e.mustShare)
		})
		if at < 0 {
			t.Errorf("nothing says: %+v", e)
			continue
		}
		left = left[at+1:]
	}
	changed := map[string]bool{}
	for r, err := range w.audit.ForOperation(t.Context(), op) {
		must(t, err)
		changed[r.Patient] = true
	}
	if len(changed) != len(ids) {
		t.Errorf("changes of %d patients audited, want %d", len(changed), len(ids))
	}
	for _, r := range w.journal.accesses() {
		for _, text := range []string{r.What, r.Detail, r.Target, r.Operation, r.Patient} {
			if strings.Contains(text, sample.Canary) || strings.Contains(text, "Zqxv") {
				t.Errorf("a name is in the audit of accesses: %+v", r)
			}
		}
	}
}

// What may follow leaves its events too: of the operations, from which the audit
// takes them, and of those who asked for it.
func TestWhatFollowsAJourneyLeavesEveryRequiredEvent(t *testing.T) {
	w := newWorld(t, 300)
	done, ids := audited(t, w)
	sam := w.signedIn("sam")
	back := sam.get("/operations/"+done).click("Roll back").press("confirm", nil).want(200).operation()
	w.settle()
	file := exported(sam, w.signedIn("theo"), ids...)
	sam.get("/operations/"+file+"/passphrase").press("show", nil).want(200)
	sam.get("/operations/"+file+"/file").press("download", nil)
	p := planned(sam, registry.Inactive, ids...)
	stopped := p.operation()
	submitted(p)
	w.settle()
	w.pass(25 * time.Hour)
	_, err := w.engine.Watch(t.Context())
	must(t, err)
	w.signedIn("maria").get("/operations/"+stopped+"/decision").press("approve", nil).want(200)
	w.machine.step(t.Context())
	w.signedIn("sam").get("/operations/"+stopped).click("Stop").press("confirm", nil).want(200)
	w.settle()
	w.signedIn("ida").get("/admin/staff/sub-maria").press("save", url.Values{"role": {"staff"}, "facility": {"riverside"}}).want(200)
	omar := w.signedIn("omar")
	omar.get(attr(omar.get("/audit").press("search", url.Values{"operation": {done}}).id("audit-csv"), "href")).want(200)

	for op, want := range map[string][]string{
		back: {"requested", "planned"}, file: {"requested", "planned", "submitted", "approved", "started", "file ready", "completed", "passphrase shown", "downloaded"},
		stopped: {"requested", "planned", "submitted", "reminded", "approved", "started", "stopped", "stopped"}, // by whom, then what became of it
	} {
		var got []string
		events, err := w.store.Events(t.Context(), op)
		must(t, err)
		for _, e := range events {
			got = append(got, e.What)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the events of %s are %q, want %q", op, got, want)
		}
	}
	left := w.journal.accesses()
	for _, e := range []struct{ what, who, operation, target, detail string }{
		{audit.Sent, "sam", done, "", "POST /operations/{operation}/rollback"},
		{audit.PassphraseShown, "sam", file, "", "POST"},
		{audit.FileDownloaded, "sam", file, file + ".zip", "POST"},
		{audit.Sent, "maria", stopped, "", "POST /operations/{operation}/decision"},
		{audit.Sent, "sam", stopped, "", "POST /operations/{operation}/stop"},
		{audit.Sent, "ida", "", w.people["maria"].Sub, "POST /admin/staff/{person}"},
		{audit.AuditExported, "omar", "", done, "GET"},
	} {
		at := slices.IndexFunc(left, func(r audit.Record) bool {
			return r.What == e.what && r.Result == audit.Done && r.Operator.Sub == w.people[e.who].Sub && r.Operation == e.operation &&
				strings.Contains(r.Target, e.target) && strings.HasPrefix(r.Detail, e.detail)
		})
		if at < 0 {
			t.Errorf("nothing says: %+v", e)
			continue
		}
		left = left[at+1:]
	}
}

// What was sent and not used is never written down as done: not with the token
// of another session, and not when it came too late.
func TestWhatWasNotTakenIsNotWrittenDownAsDone(t *testing.T) {
	w := newWorld(t, 300)
	sam, theo, maria := w.signedIn("sam"), w.signedIn("theo"), w.signedIn("maria")
	file := exported(sam, theo, activeIn(w, "riverside", 2)...)
	p := planned(sam, registry.Inactive, activeIn(w, "riverside", 2)...)
	op := p.operation()
	late := map[string]*http.Request{
		"take-back": sam.get("/operations/"+op+"/take-back").pressed("confirm", nil, nil),
		"submit":    sam.get("/operations/"+op+"/submit").pressed("submit", url.Values{"reason": {reason}, "checklist": engine.Checklist, "typed": {"2"}}, nil),
	}
	submitted(p)
	w.settle()

	for path, b := range map[string]*browser{
		"/operations/" + file + "/passphrase": sam, "/operations/" + file + "/file": sam, "/operations/" + op + "/decision": maria,
		"/patients": sam, "/operations/new/status-change": sam, "/sign-out": sam,
	} {
		before := len(w.journal.accesses())
		b.do(b.formRequest(path, url.Values{"form_token": {"OF-AN-EARLIER-SESSION-OF-OURS"}}))
		r := w.journal.last()
		if len(w.journal.accesses()) != before+1 || r.What != audit.Sent || r.Result != audit.NotTaken || r.Operation != "" ||
			!strings.HasPrefix(r.Detail, "POST /") || !strings.HasSuffix(r.Detail, ": the form was out of date") {
			t.Errorf("%s with an old token is written down as %+v", path, r)
		}
	}

	decided(maria, op)
	for step, r := range late {
		if p := sam.do(r); p.header.Get("Location") != "/operations/"+op+"?note=moved-on" {
			t.Errorf("%s leads to %s", step, p.header.Get("Location"))
		}
		if r := w.journal.last(); r.Result != audit.NotTaken || r.Detail != "POST /operations/{operation}/"+step+": it came too late" || r.Operation != op {
			t.Errorf("%s that came too late is written down as %+v", step, r)
		}
	}
	sam.get("/operations/" + op + "/take-back")
	if i := len(w.journal.accesses()) - 2; w.journal.accesses()[i].Result != audit.Done {
		t.Errorf("a page that leads elsewhere is written down as %+v", w.journal.accesses()[i])
	}
}

// With a file nobody has what they did written down as an upload: only a form
// that takes a file may bring one.
func TestAFileMakesNothingElseAnUpload(t *testing.T) {
	w := newWorld(t, 300)
	sam, theo := w.signedIn("sam"), w.signedIn("theo")
	op := exported(sam, theo, activeIn(w, "riverside", 2)...)
	token := tokenOf(sam.get("/"))
	for path, what := range map[string]string{
		"/operations/" + op + "/passphrase": audit.PassphraseShown, "/operations/" + op + "/file": audit.FileDownloaded,
		"/operations/" + op + "/rollback": audit.Sent, "/patients": audit.PatientsListed, "/sign-out": audit.SignOut,
	} {
		for name, files := range map[string][]string{"one": {"file"}, "none": nil, "one of another name": {"other"}} {
			p := sam.do(multipartRequest(t, path, url.Values{"form_token": {token}}, files...)).want(422, "a field that it does not have")
			if r := w.journal.last(); r.What != what || r.Result != audit.NotTaken || r.Target != "" && r.Target != op {
				t.Errorf("%s with files %s, answered %d, is written down as %+v", path, name, p.status, r)
			}
		}
	}
	sam.get("/").want(200)

	who := sam.get("/operations/new/status-change").press("continue", url.Values{"way": {"upload"}}).path
	for name, files := range map[string][]string{"of another name": {"other"}, "besides the right one": {"file", "other"}, "twice": {"file", "file"}} {
		sam.do(multipartRequest(t, who, url.Values{"form_token": {token}, "way": {"upload"}}, files...)).want(422, "a field that it does not have")
		if r := w.journal.last(); r.What != audit.Sent || r.Result != audit.NotTaken {
			t.Errorf("a file %s is written down as %+v", name, r)
		}
	}
}

// multipartRequest is a form that was made by hand: with the values, and with a
// file under each of the names.
func multipartRequest(t *testing.T, target string, values url.Values, files ...string) *http.Request {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, list := range values {
		for _, v := range list {
			must(t, form.WriteField(name, v))
		}
	}
	for _, name := range files {
		part, err := form.CreateFormFile(name, "ids.csv")
		must(t, err)
		_, err = part.Write([]byte("patient_id\n"))
		must(t, err)
	}
	must(t, form.Close())
	r := httptest.NewRequest(http.MethodPost, target, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// No entry, no answer.
func TestNothingIsShownWhileTheAuditCannotBeWritten(t *testing.T) {
	w := newWorld(t, 50)
	sam := w.signedIn("sam")
	patient := activeIn(w, "riverside", 1)[0]
	name := sam.get("/patients/" + patient).want(200).id("main")
	w.journal.fails = errors.New("no table")
	p := sam.get("/patients/"+patient).want(503, "The audit log cannot be written", "it is not shown")
	if strings.Contains(p.body, squeeze(text(find(name, isTag("h1"))))) {
		t.Error("the patient is shown all the same")
	}
	sam.get("/help").want(200)
	other := w.browser()
	other.back(other.get("/sign-in?to=/"), "sam")
	if other.cookies["__Host-bulkops"] != "" {
		t.Error("a sign-in that is not written down gives a session")
	}
	if !strings.Contains(strings.Join(w.logs, "\n"), "could not be written into the audit") {
		t.Error("the log does not say it")
	}
}

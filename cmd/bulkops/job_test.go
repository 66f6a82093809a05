package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"bulkops/internal/api/apitest"
	"bulkops/internal/audit"
	"bulkops/internal/lambdahttp"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// desk is a clinic behind a server, and a terminal at which people sign in.
type desk struct {
	*apitest.Clinic
	t      *testing.T
	server *httptest.Server
	before func(*http.Request) (refuse int) // what stands in front of the API; nil for nothing
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{Clinic: apitest.New(t), t: t}
	d.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.before != nil {
			if status := d.before(r); status != 0 {
				w.WriteHeader(status)
				return
			}
		}
		sub, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		d.Server.ServeHTTP(w, r.WithContext(lambdahttp.WithClaims(r.Context(), map[string]string{"sub": sub, "token_use": "access"})))
		d.Machine.Work(t)
	}))
	t.Cleanup(d.server.Close)
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	return d
}

// signIn sits somebody down at the terminal.
func (d *desk) signIn(sub string) {
	d.t.Helper()
	s := session{API: d.server.URL + "/v1", Identity: d.server.URL, Client: "terminal", Token: &oauth2.Token{AccessToken: sub, Expiry: time.Now().Add(time.Hour)}}
	if err := s.save(); err != nil {
		d.t.Fatal(err)
	}
}

// types runs a command line, which must end with the code, and returns what
// it printed.
func (d *desk) types(code int, args ...string) string {
	d.t.Helper()
	return enter(d.t, code, args...)
}

func enter(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out, problems bytes.Buffer
	if got := run(context.Background(), args, strings.NewReader(""), &out, &problems); got != code {
		t.Fatalf("bulkops %s ended with %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), problems.String())
	}
	return out.String() + problems.String()
}

func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("does not say %q:\n%s", part, text)
		}
	}
}

var digestPattern = regexp.MustCompile(`--digest "([^"]*)"`)

var idPattern = regexp.MustCompile(`OP-[0-9A-Z]{6}-[0-9A-Z]{4}`)

func TestTheWholeJobAtATerminal(t *testing.T) {
	d := newDesk(t)
	d.signIn("sam")
	text := d.types(0, "request", "status-change", "--to", "On Hold", "--hold-reason", "Family request", "--facility", "riverside", "--except", "000200")
	id := idPattern.FindString(text)
	wants(t, text, id+" is being planned.", "197 patients changed, 0 visits touched, 2 left out", "Active 197", "On Hold 197", "Record locked: 1", "Change not allowed: 1",
		"Next: bulkops changes "+id)

	text = d.types(0, "changes", strings.ToLower(id))
	wants(t, text, `000001  =HYPERLINK("http://example.org")`, "Status: Active → On Hold", "000002", "left out: The record is locked by Rita Chen: Chart review.")
	if lines := strings.Count(text, "\n"); lines != 199 {
		t.Errorf("%d lines, want one for each of 199 patients", lines)
	}

	text = d.types(1, "submit", id, "--reason", "Families asked for a break")
	wants(t, text, "you confirm:", "I know how this change can be undone.", "Add --confirm")
	text = d.types(0, "submit", id, "--reason", "Families asked for a break", "--confirm")
	wants(t, text, "awaiting-approval", "Asked to decide  Maria Duarte, Jonas Weber")

	wants(t, d.types(0, "reassign", id), "maria@example.org  Maria Duarte  Manager  asked", "jonas@example.org")
	wants(t, d.types(1, "reassign", id, "--to", "lena@example.org"), "Nobody with the address lena@example.org may decide")
	wants(t, d.types(0, "reassign", id, "--to", "Maria@example.org"), id+" now waits for Maria Duarte, who gets a mail.")

	wants(t, d.types(1, "away"), "Team Lead or higher")
	text = d.types(1, "approve", id, "--digest", "1234")
	wants(t, text, "say which one you approve")
	d.signIn("maria")
	wants(t, d.types(0, "list", "waiting"), id, "197 patients")
	wants(t, d.types(0, "away"), "jonas@example.org  Jonas Weber  Manager")
	wants(t, d.types(1, "away", "--from", "2026-11-23", "--until", "2026-11-30", "--delegate", "sam@example.org"), "could decide in your place")
	wants(t, d.types(0, "away", "--from", "2026-11-23", "--until", "2026-11-30", "--delegate", "jonas@example.org"), "Jonas Weber decides in your place.")
	wants(t, d.types(0, "away", "--back"), "You are not away.")
	text = d.types(0, "show", id)
	digest := digestPattern.FindStringSubmatch(text)
	if digest == nil {
		t.Fatalf("the approver is not told the digest:\n%s", text)
	}
	wants(t, d.types(0, "approve", id, "--digest", digest[1], "--comment", "Fine"), "approved by Maria Duarte")
	wants(t, d.types(1, "reject", id, "--comment", "No"), "You approved this operation")

	d.signIn("sam")
	text = d.types(0, "follow", id)
	wants(t, text, id+" completed ["+strings.Repeat("#", barWidth)+"] 197 of 197: 197 done, 0 skipped, 0 failed, 0 not attempted")
	wants(t, d.types(0, "outcomes", id), "000001", "done")
	wants(t, d.types(0, "outcomes", id, "--csv"), "Patient id,Name,Facility", `"'=HYPERLINK(""http://example.org"")"`)
	file := filepath.Join(t.TempDir(), "out.csv")
	d.types(0, "outcomes", id, "-o", file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	d.Audited(t, id)
	text = d.types(0, "audit", id)
	wants(t, text, `patient 000001, Profile, Status: "Active" → "On Hold"; approved by Maria Duarte`)
	lines := strings.Split(strings.TrimSpace(d.types(0, "audit", id, "--json")), "\n")
	if len(lines) != 197 || !json.Valid([]byte(lines[0])) {
		t.Errorf("%d records, first %s", len(lines), lines[0])
	}
	directory, err := d.Engine.Registry.Directory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	doctor := directory.Providers[0]
	if err := d.Audit.Append(t.Context(), []audit.Record{{At: d.Engine.Now(), Type: audit.Change, Unique: "p", Operation: id, Patient: "000001",
		Part: registry.ProfilePart, New: registry.Fields{registry.ProviderField: doctor.ID}}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Audit.Append(t.Context(), []audit.Record{{At: d.Engine.Now(), Type: audit.Outcome, Unique: "s", Operation: id, Patient: "000002",
		What: audit.PatientSkipped, Detail: "The record is locked.", Approver: audit.Person{Name: "Maria Duarte"}}}); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"audit", id}, {"audit", "log", "--operation", id, "--show", "outcomes"}} {
		wants(t, d.types(0, command...), "patient 000002, skipped: The record is locked; approved by Maria Duarte")
	}
	for _, command := range [][]string{{"audit", id}, {"audit", "log", "--operation", id}} {
		wants(t, d.types(0, command...), `Provider: "" → "`+doctor.Name+`"`)
	}
}

func TestTheStartAndTheStopRuleAreChosenWithTheSubmission(t *testing.T) {
	d := newDesk(t)
	d.signIn("sam")
	id := idPattern.FindString(d.types(0, "request", "status-change", "--to", "Hospitalized", "--id", "000001"))
	send := func(code int, more ...string) string {
		return d.types(code, append([]string{"submit", id, "--reason", "Moved to the hospital", "--confirm"}, more...)...)
	}
	tomorrow := d.Engine.Now().AddDate(0, 0, 1)
	wants(t, send(1, "--start-date", "2027-03-14", "--start-time", "02:30", "--start-zone", "America/Chicago"), "The time 02:30 does not exist on 14 March 2027")
	wants(t, send(1, "--stop-percent", "101"), "stop.percent")
	wants(t, send(0, "--start-date", tomorrow.Format("2006-01-02"), "--start-time", "22:30", "--start-zone", "UTC", "--stop-percent", "20", "--stop-after", "10"),
		"Start            "+tomorrow.Format("2 Jan 2006")+", 22:30 (UTC, UTC+00:00)", "when 20 % of at least 10 patients were skipped or failed")
}

func TestPatientsInTwoOperationsAreToldAtATerminal(t *testing.T) {
	d := newDesk(t)
	d.signIn("sam")
	first := idPattern.FindString(d.types(0, "request", "status-change", "--to", "Hospitalized", "--id", "000001", "--id", "000004"))
	d.types(0, "submit", first, "--reason", "Moved to the hospital", "--confirm")
	second := idPattern.FindString(d.types(0, "request", "status-change", "--to", "Inactive", "--id", "000004"))
	told := "1 patient is also in " + first + " (Change status to Hospitalized; asked by Sam Okafor; awaiting-approval)."
	wants(t, d.types(0, "show", second), told)
	wants(t, d.types(1, "submit", second, "--reason", "No longer with us"), told, "you confirm:")
}

func TestARequestIsEditedAtATerminal(t *testing.T) {
	d := newDesk(t)
	d.signIn("sam")
	id := idPattern.FindString(d.types(0, "request", "status-change", "--to", "Hospitalized", "--id", "000001", "--id", "000004"))
	wants(t, d.types(0, "request", "status-change", "--to", "Inactive", "--edits", strings.ToLower(id)), "2 patients changed")
	wants(t, d.types(0, "show", id), "cancelled")
}

func TestWhatWasLeftIsRunAgainAtATerminal(t *testing.T) {
	d := newDesk(t)
	d.signIn("sam")
	id := idPattern.FindString(d.types(0, "request", "status-change", "--to", "Hospitalized", "--id", "000001", "--id", "000004"))
	d.types(0, "submit", id, "--reason", "Moved to the hospital", "--confirm")
	if err := d.WriteByHand(t.Context(), registry.ProfileRef("000004"), registry.Fields{registry.LockedBy: "Rita"}, "Rita", d.Engine.Now()); err != nil {
		t.Fatal(err)
	}
	d.signIn("maria")
	digest := digestPattern.FindStringSubmatch(d.types(0, "show", id))[1]
	d.types(0, "approve", id, "--digest", digest, "--stale", "1")
	d.signIn("sam")
	wants(t, d.types(0, "show", id), "Locked since the preview (locked): 1\n")
	wants(t, d.types(1, "rerun", id, "--for", "gone"), id+` left nobody for the reason "gone".`)
	if err := d.WriteByHand(t.Context(), registry.ProfileRef("000004"), registry.Fields{registry.LockedBy: ""}, "Rita", d.Engine.Now()); err != nil {
		t.Fatal(err)
	}
	again := idPattern.FindString(d.types(0, "rerun", id, "--for", "locked"))
	wants(t, d.types(0, "show", id), "Locked since the preview (locked): 1; run again as "+again)
	wants(t, d.types(1, "rerun", id), id+" is run again as "+again+" already.")
	wants(t, d.types(0, "rollback", id), "is planning")
}

func TestEachKindHasItsCommand(t *testing.T) {
	d := newDesk(t)
	d.signIn("sam")
	text := d.types(0, "request", "tags", "--add", "Fall Risk", "--add", "vip", "--remove", "old", "--id", "000001")
	wants(t, text, `Add tags fall-risk, vip; remove tag old ("Fall Risk" becomes fall-risk)`, "1 patient changed, 0 visits touched, 0 left out")
	if strings.Contains(text, "Status before") {
		t.Errorf("a change of tags counts statuses:\n%s", text)
	}
	wants(t, d.types(1, "request", "tags", "--id", "000001"), "Name a tag to add or a tag to remove.")
	wants(t, d.types(0, "request", "insurance-change", "--plan", "Aetna", "--effective", "2027-01-01", "--member-ids", "clear", "--ended", "--id", "000001"),
		"Change insurance plan to Aetna from 1 Jan 2027, clear member ids, and put on hold (insurance lapse)", "On Hold 1")
	wants(t, d.types(1, "request", "insurance-change", "--plan", "Aetna", "--effective", "soon", "--member-ids", "lose", "--id", "000001"),
		`"soon" is no date.`, "Choose whether the member ids are kept, cleared, or taken from a file.")
}

func TestPatientsFromAFile(t *testing.T) {
	d := newDesk(t)
	d.signIn("sam")
	file := filepath.Join(t.TempDir(), "patients.csv")
	if err := os.WriteFile(file, []byte("Patient id;Remark\r\n000001;x\r\n000001;again\r\n999999;unknown\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := d.types(0, "request", "status-change", "--to", "Hospitalized", "--csv", file)
	wants(t, text, "1 id is listed more than once", "uploaded CSV file", "No patient with this id: 1")
	wants(t, d.types(0, "outcomes", idPattern.FindString(text), "--only", "left-out"), "Patient id,Remark,Outcome code,Outcome reason\r\n999999,unknown,unknown,There is no patient with this id.")
}

func TestRepeatedIdsAreMergedWithACount(t *testing.T) {
	d := newDesk(t)
	d.signIn("sam")
	wants(t, d.types(0, "request", "status-change", "--to", "Hospitalized", "--id", "000001", "--id", "000001"), "pasted list of ids; 1 repeated id merged", "1 patient changed")
}

func TestEndsThatAreNotCompletedEndWith1(t *testing.T) {
	d := newDesk(t)
	d.signIn("sam")
	id := idPattern.FindString(d.types(0, "request", "status-change", "--to", "Hospitalized", "--id", "000001"))
	wants(t, d.types(0, "cancel", id), "cancelled")
	wants(t, d.types(1, "follow", id), "Taken back by Sam Okafor.")
	d.Machine.Hold = true
	id = idPattern.FindString(d.types(0, "request", "status-change", "--to", "Hospitalized", "--id", "000001"))
	d.types(0, "submit", id, "--reason", "Moved to the hospital", "--confirm")
	d.signIn("maria")
	digest := digestPattern.FindStringSubmatch(d.types(0, "show", id))[1]
	d.types(0, "approve", id, "--digest", digest)
	wants(t, d.types(0, "stop", id), "stopping")
}

func TestWhatCannotBeDoneSaysWhatToDo(t *testing.T) {
	d := newDesk(t)
	wants(t, d.types(1, "list"), "Nobody is signed in. Sign in with: bulkops sign-in")
	d.signIn("sam")
	for name, c := range map[string]struct {
		code int
		args []string
		says string
	}{
		"no patients":        {1, []string{"request", "status-change", "--to", "Active"}, "Say which patients"},
		"two ways":           {1, []string{"request", "status-change", "--to", "Active", "--id", "1", "--status", "Active"}, "in one way"},
		"a wrong status":     {1, []string{"request", "status-change", "--to", "Gone", "--id", "000001"}, "Choose one of the listed statuses."},
		"a wrong filter":     {1, []string{"request", "status-change", "--to", "Active", "--status", "Gone"}, "selection.filter.statuses[0]"},
		"a foreign facility": {1, []string{"request", "status-change", "--to", "Inactive", "--facility", "lakeside"}, "You do not hold the facility"},
		"an unknown id":      {1, []string{"show", "OP-000000-0000"}, "There is no operation OP-000000-0000, or you may not see it."},
		"no such command":    {2, []string{"remove"}, "there is no command remove"},
		"no such part":       {2, []string{"staff", "fire"}, "bulkops staff --help says what it takes."},
		"no such flag":       {2, []string{"list", "--everything"}, "unknown flag --everything"},
		"a missing flag":     {2, []string{"submit", "OP-000000-0000"}, "missing flags: --reason=STRING\nbulkops submit --help says what it takes."},
		"a missing file":     {2, []string{"request", "status-change", "--to", "Active", "--csv", "/nowhere"}, "/nowhere"},
	} {
		t.Run(name, func(t *testing.T) { wants(t, enter(t, c.code, c.args...), c.says) })
	}
	wants(t, d.types(0, "--help"), "request status-change", "sign-in")
	wants(t, d.types(0), "request status-change")
	wants(t, d.types(0, "help"), "request status-change")
	wants(t, d.types(0, "help", "staff", "add"), "Usage: bulkops staff add")
	wants(t, d.types(0, "sign-out"), "signed out")
	d.types(1, "list")
}

func TestATroubledServerIsAskedAgain(t *testing.T) {
	d := newDesk(t)
	d.signIn("sam")
	left := 2
	d.before = func(r *http.Request) int {
		if left--; left >= 0 {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	wants(t, d.types(0, "list"), "There are none.")
	left = 2
	id := idPattern.FindString(d.types(0, "request", "status-change", "--to", "Hospitalized", "--id", "000001"))
	d.before = func(r *http.Request) int {
		if r.Method == http.MethodPost {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	// Whether it was submitted is not known, so the person looks and decides.
	wants(t, d.types(1, "submit", id, "--reason", "Moved to the hospital", "--confirm"), "status 503")
}

func TestNamesCannotPlayWithTheTerminal(t *testing.T) {
	if got := visible("a\x1b[31mb\u202ec\u0007d"); got != "a\ufffd[31mb\ufffdc\ufffdd" {
		t.Errorf("%q", got)
	}
	if got := oneLine("a\nb\tc"); got != "a b c" {
		t.Errorf("%q", got)
	}
}

func TestPatientsGetAnotherProvider(t *testing.T) {
	d := newDesk(t)
	for _, id := range []string{"P002", "P003"} {
		if err := d.PutProvider(t.Context(), registry.Provider{ID: id, Name: "Dr. " + id, Facilities: []string{"riverside"}, Active: true}); err != nil {
			t.Fatal(err)
		}
	}
	d.signIn("sam")
	who := []string{"--visits", "keep", "--id", "000010", "--id", "000011"}
	wants(t, d.types(0, append([]string{"request", "provider-reassignment", "--to", "P002"}, who...)...),
		"Reassign to Dr. P002; future visits stay", "2 patients changed", "Provider before  P001 2", "Provider after   P002 2")
	wants(t, d.types(0, append([]string{"request", "provider-reassignment", "--to", "P002", "--to", "P003", "--by", "round-robin"}, who...)...),
		"Provider after   P002 1, P003 1")
	wants(t, d.types(0, append([]string{"request", "provider-reassignment", "--to", "P002", "--to", "P003", "--by", "capacity", "--capacity", "P002=30", "--capacity", "P003=10"}, who...)...),
		"Reassign to Dr. P002 (30 a day), Dr. P003 (10 a day), by capacity", "Provider after   P002 2")
	wants(t, d.types(0, append([]string{"request", "provider-reassignment", "--default"}, who...)...), "No provider to go to: 2")
	wants(t, d.types(2, append([]string{"request", "provider-reassignment", "--to", "P002", "--default"}, who...)...), "--default")
	wants(t, d.types(2, append([]string{"request", "provider-reassignment"}, who...)...), "--to")
	wants(t, d.types(1, append([]string{"request", "provider-reassignment", "--to", "P002", "--to", "P003"}, who...)...), "Choose how the patients are shared out.")
}

func TestADataCorrectionAtATerminal(t *testing.T) {
	d := newDesk(t)
	d.signIn("sam")
	path := filepath.Join(t.TempDir(), "new.csv")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("mrn;note;Phone;Birth date\n000001;x;12;\n000003;y;;2.1.1958\n")
	wants(t, d.types(1, "request", "data-correction", "--csv", path), "2 rows of the file have errors.", "Row 2, Phone: Write the number with +", "Row 3, Birth date: Write the date as year-month-day")
	write("mrn;note;Phone;Birth date\n000001;x;+1 512-555-0123;\n000003;y;<clear>;1958-01-02\n")
	text := d.types(0, "request", "data-correction", "--csv", path)
	wants(t, text, "Columns that are not used: note.", "2 patients changed")
	wants(t, d.types(0, "changes", idPattern.FindString(text)), "→ +15125550123", "Birth date: (empty) → 1958-01-02")
}

func TestPatientsMoveToAnotherFacility(t *testing.T) {
	d := newDesk(t)
	d.signIn("jonas")
	wants(t, d.types(0, "request", "facility-transfer", "--to", "lakeside", "--with", "later", "--visits", "cancel", "--id", "000010", "--id", "000210"),
		"Transfer to Lakeside Clinic, provider to be assigned later", "1 patient changed", "Facility after   lakeside 1", "Provider after   none 1", "Already as asked: 1")
	wants(t, d.types(1, "request", "facility-transfer", "--to", "moon", "--with", "later", "--visits", "cancel", "--id", "000010"), "Choose one of the listed facilities.")
	wants(t, d.types(2, "request", "facility-transfer", "--with", "later", "--visits", "cancel", "--id", "000010"), "--to")

	if err := d.PutPerson(t.Context(), staff.Person{Sub: "maria", Name: "Maria Duarte", Email: "maria@example.org", Role: staff.Manager, Facilities: []string{staff.AllFacilities}}); err != nil {
		t.Fatal(err)
	}
	text := d.types(0, "request", "facility-transfer", "--to", "lakeside", "--with", "later", "--visits", "cancel", "--id", "000010")
	id := idPattern.FindString(text)
	wants(t, d.types(0, "tasks", id), "It leaves no tasks to people.")
	wants(t, d.types(0, "submit", id, "--reason", "Riverside closes in March", "--confirm"), "awaiting-approval")
	d.signIn("maria")
	digest := digestPattern.FindStringSubmatch(d.types(0, "show", id))[1]
	d.types(0, "approve", id, "--digest", digest)
	wants(t, d.types(0, "tasks", id), "records", "Pharmacies and records are told", "open", "sample")
	wants(t, d.types(0, "tasks", id, "records", "--give", "Jonas@example.org"), "open; given to Jonas Weber")
	wants(t, d.types(1, "tasks", id, "records", "--give", "lena@example.org"), "Nobody with the address lena@example.org may be given a task", "jonas@example.org, maria@example.org")
	wants(t, d.types(0, "tasks", id, "records", "--done"), "done by Maria Duarte at", "given to Jonas Weber")
	wants(t, d.types(0, "tasks", id, "records", "--reopen"), "open; given to Jonas Weber")
	wants(t, d.types(0, "tasks", id, "records", "--give", "nobody"), "records  Pharmacies and records are told  open\n")
	wants(t, d.types(1, "tasks", id, "--done"), "Say which task")
}

func TestACommunicationAtATerminal(t *testing.T) {
	d := newDesk(t)
	d.signIn("sam")
	who := []string{"request", "communication", "--type", "internal-alert", "--role", "manager", "--heading", "{patients}", "--id", "000010"}
	text := d.types(0, append(who, "--text", "Please read.")...)
	wants(t, text, "Internal Alert to Managers: {patients}", "about 1 patient", "it cannot be undone")
	wants(t, d.types(0, "changes", idPattern.FindString(text)), "about 1 patient: 1 patient")
	wants(t, d.types(1, append(who, "--text", "Dear {patient}")...), "There is no placeholder {patient}.")
	path := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(path, []byte("From a file."), 0o600); err != nil {
		t.Fatal(err)
	}
	wants(t, d.types(0, append(who, "--text-file", path)...), "Plan")
	wants(t, d.types(2, who...), "--text")
}

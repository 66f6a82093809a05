package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"bulkops/internal/api"
	"bulkops/internal/audit"
	"bulkops/internal/engine"
	"bulkops/internal/lambdahttp"
	"bulkops/internal/registry"
)

// found is an answer of the audit search.
type found struct {
	Records []api.AuditRecord
	Next    string
	Cut     bool
}

func (c clinic) searched(t *testing.T, sub string, body object) (f found) {
	t.Helper()
	c.as(t, sub, "POST", "/v1/audit/search", body).into(http.StatusOK, &f)
	return f
}

// What is asked of the API is written down with who asked and what became of
// it, and the audit search shows it to those who may see it.
func TestWhatTheAPIIsAskedIsAudited(t *testing.T) {
	c := newClinic(t)
	op := c.submitted(t, toHold("000010", "000011"))
	c.as(t, "sam", "POST", "/v1/patients/search", object{"filter": object{"text": "Patient 010"}}).into(200, &struct{}{})
	c.as(t, "lena", "GET", "/v1/operations/"+op.ID+"/changes", nil).problem(404, "not-found")
	c.as(t, "gone", "GET", "/v1/me", nil).problem(403, "forbidden")
	c.as(t, "stranger", "GET", "/v1/me", nil).problem(403, "forbidden")
	c.as(t, "sam", "POST", "/v1/operations", `{"no": "form"}`, key(1)...)
	c.as(t, "maria", "GET", "/v1/operations/"+op.ID+"/changes", nil).into(200, &struct{}{})
	c.as(t, "sam", "GET", "/v1/operations/"+op.ID, nil).operation(200)
	c.as(t, "omar", "GET", "/v1/operations/"+op.ID+"/events", nil).into(200, &struct{}{})
	c.as(t, "omar", "GET", "/v1/operations", nil).into(200, &struct{}{})

	type line struct {
		who, what string
		result    audit.Result
	}
	var got []line
	var all []api.AuditRecord
	for after := ""; ; {
		f := c.searched(t, "omar", object{"most": 4, "after": after, "show": "views"})
		all = append(all, f.Records...)
		if after = f.Next; after == "" {
			break
		}
	}
	slices.Reverse(all)
	for _, r := range all {
		if r.What == audit.AuditViewed {
			continue
		}
		got = append(got, line{r.Operator.Name, r.What, r.Result})
		if strings.Contains(r.Target+r.Detail, "Patient 0") || r.Source == "" || r.Name == "" {
			t.Errorf("%+v", r)
		}
	}
	want := []line{
		{"Sam Okafor", audit.Sent, audit.Done}, {"Sam Okafor", audit.OperationViewed, audit.Done}, {"Sam Okafor", audit.Sent, audit.Done},
		{"Sam Okafor", audit.PatientsSearched, audit.Done},
		{"Lena Voss", audit.OperationViewed, audit.Refused}, {"Gone Person", audit.Viewed, audit.Refused}, {audit.Stranger, audit.Viewed, audit.Refused},
		{"Sam Okafor", audit.Sent, audit.NotTaken}, {"Maria Duarte", audit.OperationViewed, audit.Done},
		{"Sam Okafor", audit.OperationViewed, audit.Done}, {"Omar Haddad", audit.OperationViewed, audit.Done}, {"Omar Haddad", audit.Viewed, audit.Done},
	}
	if !slices.Equal(got, want) {
		t.Errorf("written down is\n%v, want\n%v", got, want)
	}

	if f := c.searched(t, "sam", object{"operation": op.ID}); len(f.Records) == 0 || slices.ContainsFunc(f.Records, func(r api.AuditRecord) bool { return r.Operation != op.ID }) {
		t.Errorf("sam finds %+v", f.Records)
	}
	if f := c.searched(t, "lena", object{"operation": op.ID}); len(f.Records) > 0 {
		t.Errorf("lena finds %+v", f.Records)
	}
	c.as(t, "omar", "POST", "/v1/audit/search", object{"from": "2026-01-01", "to": "2026-12-31"}).problem(422, "invalid")
}

// The answer about what somebody may not see is, letter by letter, the one about
// what is not there.
func TestTheSearchDoesNotTellWhatIsThere(t *testing.T) {
	c := newClinic(t)
	op := c.submitted(t, toHold("000010"))
	must(t, c.Audit.Append(t.Context(), []audit.Record{
		{At: c.Engine.Now(), Type: audit.Change, Unique: "p", Operation: op.ID, Patient: "000010", Part: registry.ProfilePart, Facility: "riverside"},
	}))
	if f := c.searched(t, "omar", object{"patient": "000010"}); len(f.Records) == 0 {
		t.Fatal("nothing is there")
	}
	for there, unknown := range map[string]object{op.ID: {"operation": "OP-000000-NONE"}, "000010": {"patient": "nobody"}} {
		ask := object{}
		for field := range unknown {
			ask[field] = there
		}
		got, want := c.as(t, "lena", "POST", "/v1/audit/search", ask), c.as(t, "lena", "POST", "/v1/audit/search", unknown)
		if got.Code != http.StatusOK || got.Body.String() != want.Body.String() {
			t.Errorf("%v is answered with %d %s, what is not there with %s", ask, got.Code, got.Body.String(), want.Body.String())
		}
	}
}

// What the audit keeps as ids is answered with the names, for who searches the
// log and for who reads one operation.
func TestTheAuditIsAnsweredInWords(t *testing.T) {
	c := newClinic(t)
	op := c.submitted(t, toHold("000010"))
	d, err := c.Engine.Registry.Directory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	place, doctor := d.Facilities[0], d.Providers[0]
	if err := c.Audit.Append(t.Context(), []audit.Record{
		{At: c.Engine.Now(), Type: audit.Change, Unique: "s", ByHand: true, Part: "STAFF#sam#STAFF", New: registry.Fields{"delegate": "maria", "facilities": place.ID}},
		{At: c.Engine.Now(), Type: audit.Change, Unique: "o", Operation: op.ID, Patient: "000010", Part: registry.ProfilePart, Old: registry.Fields{registry.ProviderField: doctor.ID}},
	}); err != nil {
		t.Fatal(err)
	}
	byHand := c.searched(t, "omar", object{"show": "by-hand"}).Records
	if len(byHand) != 1 || byHand[0].About != "Staff Sam Okafor" ||
		!slices.Equal(byHand[0].Changed, []api.AuditEdit{{Label: "Delegate", New: "Maria Duarte"}, {Label: "Facilities", New: place.Name}}) {
		t.Errorf("the log answers %+v", byHand)
	}
	var of found
	c.as(t, "omar", "GET", "/v1/operations/"+op.ID+"/audit", nil).into(200, &of)
	if len(of.Records) == 0 || !slices.ContainsFunc(of.Records, func(r api.AuditRecord) bool {
		return len(r.Changed) == 1 && r.Changed[0].Old == doctor.Name && r.Old[registry.ProviderField] == doctor.ID
	}) {
		t.Errorf("the operation's records are answered as %+v", of.Records)
	}
}

type refusing struct{}

func (refusing) Append(context.Context, []audit.Record) error { return errors.New("no table") }

func TestTheAPIAnswersNothingThatIsNotWrittenDown(t *testing.T) {
	c := newClinic(t)
	c.Server = api.New(api.Config{Engine: c.Engine, Audit: c.Audit, Journal: refusing{}})
	p := c.as(t, "sam", "POST", "/v1/patients/search", object{}).problem(503, "busy")
	if !strings.Contains(p.Detail, "audit log cannot be written") {
		t.Errorf("%+v", p)
	}
	c.as(t, "sam", "GET", "/v1/me", nil).into(200, &struct{}{})
	r := httptest.NewRequest(http.MethodGet, "/v1/openapi.json", nil)
	w := httptest.NewRecorder()
	c.Server.ServeHTTP(w, r.WithContext(lambdahttp.WithClaims(r.Context(), nil)))
	if w.Code != http.StatusOK {
		t.Errorf("the document is answered with %d", w.Code)
	}
}

type breaking struct{ engine.Machine }

func (breaking) Start(context.Context, string) (bool, error) { panic("secret detail") }

// A request that broke off after it did something is in the audit, and its
// answer does not say that nothing was done.
func TestARequestToTheAPIThatPanickedIsWrittenDown(t *testing.T) {
	c := newClinic(t)
	c.Engine.Machine = breaking{c.Machine}
	p := c.as(t, "sam", "POST", "/v1/operations", toHold("000010"), key(1)...).problem(500, "internal")
	if !strings.Contains(p.Detail, "may have been done") || strings.Contains(p.Detail+strings.Join(c.Logged, ""), "secret") {
		t.Errorf("%+v, logged %q", p, c.Logged)
	}
	if len(c.Logged) == 0 || !strings.Contains(c.Logged[len(c.Logged)-1], "audit_test.go") {
		t.Errorf("the log does not say where: %q", c.Logged)
	}
	c.Engine.Machine = c.Machine
	records := c.searched(t, "omar", object{}).Records
	if len(records) != 1 || records[0].What != audit.Sent || records[0].Result != audit.Failed || records[0].Operator.Name != "Sam Okafor" {
		t.Errorf("written down is %+v", records)
	}
}

package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bulkops/internal/api"
	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/lambdahttp"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// clinic is a small clinic with its API, all in memory.
type clinic struct {
	*memory.Store
	engine  *engine.Engine
	machine *machine
	audit   *memory.Audit
	server  http.Handler
	logged  []string
}

// People of the clinic, by sub.
var people = []staff.Person{
	{Sub: "sam", Name: "Sam Okafor", Email: "sam@example.org", Role: staff.Staff, Facilities: []string{"riverside"}},
	{Sub: "lena", Name: "Lena Voss", Email: "lena@example.org", Role: staff.Staff, Facilities: []string{"lakeside"}},
	{Sub: "maria", Name: "Maria Duarte", Email: "maria@example.org", Role: staff.Manager, Facilities: []string{"riverside"}},
	{Sub: "jonas", Name: "Jonas Weber", Email: "jonas@example.org", Role: staff.Manager, Facilities: []string{staff.AllFacilities}},
	{Sub: "omar", Name: "Omar Haddad", Email: "omar@example.org", Role: staff.Auditor, Facilities: []string{staff.AllFacilities}},
	{Sub: "gone", Name: "Gone Person", Email: "gone@example.org", Role: staff.Manager, Facilities: []string{staff.AllFacilities}, Disabled: true},
}

const hostileName = `=HYPERLINK("http://example.org")`

func newClinic(t *testing.T) *clinic {
	t.Helper()
	ctx := context.Background()
	c := &clinic{Store: memory.New(), audit: memory.NewAudit()}
	now := time.Date(2026, 11, 23, 21, 0, 0, 0, time.UTC)
	c.engine = &engine.Engine{
		Registry: c.Store, Operations: c.Store, Staff: c.Store, Mailer: mailer{},
		Now:   func() time.Time { now = now.Add(time.Millisecond); return now },
		Pause: func(context.Context, time.Duration) {}, NewID: bulk.NewID, Secret: rand.Text,
		Log: func(_ context.Context, what string, err error, args ...any) {
			c.logged = append(c.logged, fmt.Sprint(what, err, args))
		},
		Limits: engine.DefaultLimits, PortalURL: "https://portal.example.org",
	}
	c.machine = &machine{engine: c.engine}
	c.engine.Machine = c.machine
	c.server = api.New(api.Config{Engine: c.engine, Audit: c.audit})
	for _, p := range people {
		must(t, c.PutPerson(ctx, p))
	}
	for _, id := range []string{"riverside", "lakeside"} {
		must(t, c.PutFacility(ctx, registry.Facility{ID: id, Name: strings.ToUpper(id[:1]) + id[1:] + " Clinic", TimeZone: "America/New_York"}))
	}
	must(t, c.PutProvider(ctx, registry.Provider{ID: "P001", Name: "Dr. A", Specialty: "Family Medicine", Facilities: []string{"riverside"}, Active: true}))
	var records []registry.Record
	for n := 1; n <= 250; n++ {
		fields := registry.Fields{registry.Name: fmt.Sprintf("Patient %03d", n), registry.StatusField: "Active", registry.FacilityField: "riverside", registry.ProviderField: "P001"}
		switch {
		case n == 1:
			fields[registry.Name] = hostileName
		case n == 2:
			fields[registry.LockedBy], fields[registry.LockedWhy] = "Rita Chen", "Chart review"
		case n == 3:
			fields[registry.StatusField] = "Deceased"
		case n > 200:
			fields[registry.FacilityField] = "lakeside"
		}
		records = append(records, registry.Record{Ref: registry.ProfileRef(fmt.Sprintf("%06d", n)), Fields: fields, Stamp: registry.Stamp{By: "sample", At: now}})
	}
	must(t, c.PutRecords(ctx, records))
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type mailer struct{}

func (mailer) Send(context.Context, engine.Mail) error { return nil }

// machine is the state machine: what it is told to do it does when work is
// called, between two requests. With hold it stops before the first batch.
type machine struct {
	engine *engine.Engine
	hold   bool
	todo   []func(context.Context) error
}

func (m *machine) later(step func(context.Context) error) { m.todo = append(m.todo, step) }

func (m *machine) work(t *testing.T) {
	t.Helper()
	for len(m.todo) > 0 {
		step := m.todo[0]
		m.todo = m.todo[1:]
		must(t, step(context.Background()))
	}
}

func (m *machine) Start(_ context.Context, id string) error {
	m.later(func(ctx context.Context) error {
		if err := m.engine.Plan(ctx, id); err != nil {
			return err
		}
		return m.engine.Await(ctx, id, engine.WaitReview, id+" review")
	})
	return nil
}

func (m *machine) Succeed(_ context.Context, token string, output any) error {
	id, _, _ := strings.Cut(token, " ")
	switch output.(engine.Answer).Next {
	case engine.NextApprove:
		m.later(func(ctx context.Context) error { return m.engine.Await(ctx, id, engine.WaitApprove, id+" approve") })
	case engine.NextRun:
		m.later(func(ctx context.Context) error { return m.run(ctx, id) })
	}
	return nil
}

func (m *machine) run(ctx context.Context, id string) error {
	v, err := m.engine.Verify(ctx, id)
	if err != nil || m.hold {
		return err
	}
	for _, batch := range v.Batches {
		if _, err := m.engine.RunBatch(ctx, id, batch); err != nil {
			return err
		}
	}
	_, err = m.engine.Finish(ctx, id, "")
	return err
}

func (m *machine) Alive(context.Context, string) (bool, error) { return true, nil }

// answer is what the API answered.
type answer struct {
	*httptest.ResponseRecorder
	t *testing.T
}

// as sends a request with the access token of a person.
func (c *clinic) as(t *testing.T, sub, method, path string, body any, headers ...string) answer {
	t.Helper()
	return c.with(t, map[string]string{"sub": sub, "token_use": "access", "client_id": "terminal"}, method, path, body, headers...)
}

// with sends a request with a token's claims. body is encoded unless it is text.
func (c *clinic) with(t *testing.T, claims map[string]string, method, path string, body any, headers ...string) answer {
	t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		must(t, err)
		reader = bytes.NewReader(text)
	}
	r := httptest.NewRequest(method, path, reader)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, r.WithContext(lambdahttp.WithClaims(r.Context(), claims)))
	c.machine.work(t)
	return answer{w, t}
}

// into decodes an answer that must have the status.
func (a answer) into(status int, v any) {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("status %d, want %d: %s", a.Code, status, a.Body)
	}
	if err := json.Unmarshal(a.Body.Bytes(), v); err != nil {
		a.t.Fatalf("%v in %s", err, a.Body)
	}
}

func (a answer) operation(status int) (op api.Operation) {
	a.t.Helper()
	a.into(status, &op)
	return op
}

// problem is an answer that must be a problem with the status and code.
func (a answer) problem(status int, code string) (p api.Problem) {
	a.t.Helper()
	a.into(status, &p)
	if string(p.Code) != code || p.Status != status || p.Type != "urn:bulkops:problem:"+code || p.Detail == "" || p.Title == "" {
		a.t.Errorf("problem %+v, want %s", p, code)
	}
	if ct := a.Header().Get("Content-Type"); ct != "application/problem+json" {
		a.t.Errorf("a problem of type %s", ct)
	}
	return p
}

// object is a JSON object to send.
type object map[string]any

func toHold(ids ...string) object {
	return object{"kind": "status-change", "params": object{"to": "On Hold", "hold_reason": "Family request"}, "selection": object{"ids": ids}}
}

func key(n int) []string { return []string{"Idempotency-Key", fmt.Sprintf("key-of-a-test-%04d", n)} }

// ready asks as sam for an operation, which is then planned.
func (c *clinic) ready(t *testing.T, body object) api.Operation {
	t.Helper()
	op := c.as(t, "sam", "POST", "/v1/operations", body, "Idempotency-Key", rand.Text()).operation(201)
	return c.as(t, "sam", "GET", "/v1/operations/"+op.ID, nil).operation(200)
}

func (c *clinic) submitted(t *testing.T, body object) api.Operation {
	t.Helper()
	op := c.ready(t, body)
	return c.as(t, "sam", "POST", "/v1/operations/"+op.ID+"/submit", submission(op)).operation(200)
}

func submission(op api.Operation) object {
	return object{"digest": op.Plan.Digest, "reason": "Families asked for a break", "checklist": engine.Checklist, "number": op.Plan.Changes}
}

// audited puts every committed change and an event into the audit log.
func (c *clinic) audited(t *testing.T, id string) {
	t.Helper()
	for n, change := range c.Changes() {
		if change.New.Stamp.Operation == id {
			must(t, c.audit.Append(context.Background(), []audit.Record{{At: change.New.Stamp.At, Type: audit.Change, Unique: fmt.Sprint(n),
				Operation: id, Operator: audit.Person{Name: "Sam Okafor"}, Patient: change.Ref.Patient, Part: change.Ref.Part,
				Old: registry.Fields{"status": change.Old.Get("status")}, New: registry.Fields{"status": change.New.Get("status")}}}))
		}
	}
}

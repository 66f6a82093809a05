// Package apitest is a small clinic in memory behind the JSON API, for tests of
// the API and of what calls it.
package apitest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkops/internal/api"
	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Clinic is a clinic of 250 patients, 000001 to 000250: 200 in Riverside, the
// others in Lakeside. All are active but 000003, who is deceased; 000002 is locked.
type Clinic struct {
	*memory.Store
	Engine  *engine.Engine
	Machine *Machine
	Audit   *memory.Audit
	Files   *memory.ExportFiles
	Server  http.Handler
	Logged  []string // what the engine logged
}

// people of the clinic, by sub.
var people = []staff.Person{
	{Sub: "sam", Name: "Sam Okafor", Email: "sam@example.org", Role: staff.Staff, Facilities: []string{"riverside"}},
	{Sub: "lena", Name: "Lena Voss", Email: "lena@example.org", Role: staff.Staff, Facilities: []string{"lakeside"}},
	{Sub: "maria", Name: "Maria Duarte", Email: "maria@example.org", Role: staff.Manager, Facilities: []string{"riverside"}},
	{Sub: "jonas", Name: "Jonas Weber", Email: "jonas@example.org", Role: staff.Manager, Facilities: []string{staff.AllFacilities}},
	{Sub: "omar", Name: "Omar Haddad", Email: "omar@example.org", Role: staff.Auditor, Facilities: []string{staff.AllFacilities}},
	{Sub: "gone", Name: "Gone Person", Email: "gone@example.org", Role: staff.Manager, Facilities: []string{staff.AllFacilities}, Disabled: true},
}

// HostileName is the name of patient 000001.
const HostileName = `=HYPERLINK("http://example.org")`

// New makes the clinic.
func New(t testing.TB) *Clinic {
	t.Helper()
	ctx := context.Background()
	c := &Clinic{Store: memory.New(), Audit: memory.NewAudit(), Files: memory.NewExportFiles()}
	var clock sync.Mutex
	now := time.Date(2026, 11, 23, 21, 0, 0, 0, time.UTC)
	c.Engine = &engine.Engine{
		Registry: c.Store, Operations: c.Store, Staff: c.Store, Mailer: mailer{},
		Now: func() time.Time {
			clock.Lock()
			defer clock.Unlock()
			now = now.Add(time.Millisecond)
			return now
		},
		Pause: func(context.Context, time.Duration) {}, NewID: bulk.NewID, Secret: rand.Text,
		Log: func(_ context.Context, what string, err error, args ...any) {
			c.Logged = append(c.Logged, fmt.Sprint(what, err, args))
		},
		Files: c.Files, Sealer: memory.NewSealer(), Limits: engine.DefaultLimits, PortalURL: "https://portal.example.org",
	}
	c.Machine = &Machine{engine: c.Engine}
	c.Engine.Machine = c.Machine
	c.Server = api.New(api.Config{Engine: c.Engine, Audit: c.Audit, Journal: c.Audit})
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
			fields[registry.Name] = HostileName
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

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Audited puts a record for every change that an operation made into the audit
// log, as the streams do.
func (c *Clinic) Audited(t testing.TB, operation string) {
	t.Helper()
	for n, change := range c.Changes() {
		if change.New.Stamp.Operation == operation {
			must(t, c.Audit.Append(context.Background(), []audit.Record{{At: change.New.Stamp.At, Type: audit.Change, Unique: fmt.Sprint(n),
				Operation: operation, Operator: audit.Person{Name: "Sam Okafor"}, Approver: audit.Person{Name: "Maria Duarte"}, Patient: change.Ref.Patient, Part: change.Ref.Part,
				Old: registry.Fields{"status": change.Old.Get("status")}, New: registry.Fields{"status": change.New.Get("status")}}}))
		}
	}
}

type mailer struct{}

func (mailer) Send(context.Context, engine.Mail) error { return nil }

// Machine is the state machine: what it is told to do it does when Work is
// called, between two requests. With Hold it stops before the first batch.
type Machine struct {
	Hold   bool
	engine *engine.Engine
	todo   []func(context.Context) error
}

func (m *Machine) later(step func(context.Context) error) { m.todo = append(m.todo, step) }

// Work does what is to be done.
func (m *Machine) Work(t testing.TB) {
	t.Helper()
	for len(m.todo) > 0 {
		step := m.todo[0]
		m.todo = m.todo[1:]
		must(t, step(context.Background()))
	}
}

func (m *Machine) Start(_ context.Context, id string) (bool, error) {
	m.later(func(ctx context.Context) error {
		if err := m.engine.Plan(ctx, id); err != nil {
			return err
		}
		return m.engine.Await(ctx, id, engine.WaitReview, id+" review")
	})
	return true, nil
}

func (m *Machine) Succeed(_ context.Context, token string, output any) error {
	id, _, _ := strings.Cut(token, " ")
	answer := output.(engine.Answer)
	if answer.StartAt != "" {
		return nil // its time never comes
	}
	switch answer.Next {
	case engine.NextApprove:
		m.later(func(ctx context.Context) error { return m.engine.Await(ctx, id, engine.WaitApprove, id+" approve") })
	case engine.NextRun:
		m.later(func(ctx context.Context) error { return m.run(ctx, id) })
	}
	return nil
}

func (m *Machine) run(ctx context.Context, id string) error {
	v, err := m.engine.Verify(ctx, id)
	if err != nil || m.Hold {
		return err
	}
	if v.Export {
		if _, err := m.engine.RunExport(ctx, id); err != nil {
			return err
		}
		v.Batches = nil
	}
	for _, batch := range v.Batches {
		if _, err := m.engine.RunBatch(ctx, id, batch); err != nil {
			return err
		}
	}
	_, err = m.engine.Finish(ctx, id, "")
	return err
}

func (m *Machine) Alive(context.Context, string) (bool, error) { return true, nil }

package portal_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/audit"
	"bulkops/internal/audit/audittest"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/memory"
	"bulkops/internal/portal"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
	"bulkops/internal/staff"
)

// portalURL is where browsers of the tests find the portal.
const portalURL = "https://portal.example"

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// world is a portal over the sample clinic in memory, with a clock, a state
// machine that moves when told to, a mailbox and an identity provider.
type world struct {
	t        testing.TB
	store    *memory.Store
	access   *memory.Access
	audit    *memory.Audit
	journal  *accessLog
	parked   *memory.Files
	engine   *engine.Engine
	machine  *machine
	provider *provider
	portal   http.Handler
	people   map[string]staff.Person // by the first word of their mail address: sam.staff → sam

	mu    sync.Mutex
	now   time.Time
	mails []engine.Mail
	logs  []string

	refuse error // of every notice, where it is not nil
}

func newWorld(t *testing.T, patients int) *world {
	t.Helper()
	w := &world{t: t, store: memory.New(), access: memory.NewAccess(), audit: memory.NewAudit(), now: noon, people: map[string]staff.Person{}}
	w.parked = memory.NewFiles()
	w.journal = &accessLog{log: w.audit}
	clinic := sample.Generate(patients, noon)
	ctx := t.Context()
	for _, f := range clinic.Directory.Facilities {
		must(t, w.store.PutFacility(ctx, f))
	}
	for _, p := range clinic.Directory.Providers {
		must(t, w.store.PutProvider(ctx, p))
	}
	for _, p := range clinic.Staff {
		name, _, _ := strings.Cut(p.Email, ".")
		p.Sub = "sub-" + name
		w.people[name] = p
		must(t, w.store.PutPerson(ctx, p))
	}
	for records := range clinic.Patients {
		must(t, w.store.PutRecords(ctx, records))
	}
	w.machine = &machine{world: w, alive: map[string]bool{}, waits: map[string]string{}, later: map[string]string{}, seen: len(w.store.Changes())}
	w.engine = &engine.Engine{
		Registry: w.store, Places: w.store, Operations: w.store, Staff: w.store, Machine: w.machine, Mailer: w,
		Now: w.clock, Pause: func(context.Context, time.Duration) {}, NewID: bulk.NewID, Secret: secret,
		Files: memory.NewExportFiles(), Sealer: memory.NewSealer(), Log: w.log, Limits: engine.DefaultLimits, PortalURL: portalURL,
	}
	w.provider = newProvider(t, w.clock)
	w.portal = w.newPortal(nil)
	return w
}

// newPortal makes the portal; change may alter its configuration.
func (w *world) newPortal(change func(*portal.Config)) http.Handler {
	c := portal.Config{
		Engine: w.engine, Store: w.access, Audit: w.audit, Journal: w.journal, Parked: w.parked, URL: portalURL,
		IdentityURL: w.provider.URL, IdentityKeysURL: w.provider.URL + "/keys", FilesOrigin: "https://files.example", Issuer: issuer, ClientID: clientID,
		Now: w.clock, Log: w.log,
	}
	if change != nil {
		change(&c)
	}
	h, err := portal.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var secrets struct {
	sync.Mutex
	n int
}

func secret() string {
	secrets.Lock()
	defer secrets.Unlock()
	secrets.n++
	return fmt.Sprintf("secret-of-the-tests-%06d", secrets.n)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) log(_ context.Context, what string, err error, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.logs = append(w.logs, fmt.Sprint(what, " ", err, " ", args))
}

// Send puts a mail into the mailbox.
func (w *world) Send(_ context.Context, m engine.Mail) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.Notice != "" && w.refuse != nil {
		return w.refuse
	}
	w.mails = append(w.mails, m)
	return nil
}

// machine is the state machine: it does what statemachines/ says, one step each
// time it is told to.
type machine struct {
	world *world
	mu    sync.Mutex
	alive map[string]bool
	waits map[string]string // token → operation and wait
	todo  []func(context.Context)
	later map[string]string // operation → when it is to start
	seen  int               // changes that have been audited
}

func (m *machine) Start(_ context.Context, operation string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if alive, started := m.alive[operation]; started {
		return alive, nil
	}
	m.alive[operation] = true
	m.todo = append(m.todo, func(ctx context.Context) {
		m.check(m.world.engine.Plan(ctx, operation))
		m.await(ctx, operation, engine.WaitReview)
	})
	return true, nil
}

func (m *machine) await(ctx context.Context, operation, wait string) {
	token := "token " + operation + " " + wait
	m.mu.Lock()
	m.waits[token] = wait
	m.mu.Unlock()
	m.check(m.world.engine.Await(ctx, operation, wait, token))
}

func (m *machine) Succeed(_ context.Context, token string, output any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	wait, ok := m.waits[token]
	if !ok {
		return engine.ErrNoWait
	}
	delete(m.waits, token)
	operation := strings.Fields(token)[1]
	answer := output.(engine.Answer)
	if answer.StartAt != "" {
		m.later[operation] = answer.StartAt
		return nil
	}
	switch answer.Next {
	case engine.NextApprove:
		m.todo = append(m.todo, func(ctx context.Context) { m.await(ctx, operation, engine.WaitApprove) })
	case engine.NextRun:
		m.todo = append(m.todo, func(ctx context.Context) { m.run(ctx, operation) })
	default:
		_ = wait
		m.alive[operation] = false
	}
	return nil
}

// run starts the batches, which then go one step each.
func (m *machine) run(ctx context.Context, operation string) {
	verified, err := m.world.engine.Verify(ctx, operation)
	m.check(err)
	steps := []func(context.Context){}
	if verified.OK && verified.Export {
		steps = append(steps, func(ctx context.Context) {
			_, err := m.world.engine.RunExport(ctx, operation)
			m.check(err)
		})
	} else if verified.OK {
		for _, number := range verified.Batches {
			steps = append(steps, func(ctx context.Context) {
				_, err := m.world.engine.RunBatch(ctx, operation, number)
				m.check(err)
			})
		}
	}
	steps = append(steps, func(ctx context.Context) {
		_, err := m.world.engine.Finish(ctx, operation, "")
		m.check(err)
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.todo = append(steps, m.todo...)
}

func (m *machine) Alive(_ context.Context, operation string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.alive[operation], nil
}

func (m *machine) check(err error) {
	if err != nil {
		m.world.t.Errorf("a step of the state machine: %v", err)
	}
}

// step does one step; false when there is none.
func (m *machine) step(ctx context.Context) bool {
	m.mu.Lock()
	if len(m.todo) == 0 {
		m.mu.Unlock()
		return false
	}
	next := m.todo[0]
	m.todo = m.todo[1:]
	m.mu.Unlock()
	next(ctx)
	return true
}

// ring begins the runs whose time has come.
func (m *machine) ring(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for operation, at := range m.later {
		if at <= now.UTC().Format(time.RFC3339) {
			delete(m.later, operation)
			m.todo = append(m.todo, func(ctx context.Context) { m.run(ctx, operation) })
		}
	}
}

// settle does all steps, and writes the audit records as the streams would.
func (w *world) settle() {
	w.machine.ring(w.clock())
	for w.machine.step(context.Background()) {
	}
	w.writeAudit()
}

func (w *world) writeAudit() {
	ctx := context.Background()
	var records []audit.Record
	changes := w.store.Changes()
	for i, c := range changes[w.machine.seen:] {
		r := audit.Record{At: c.New.Stamp.At, Type: audit.Change, Unique: fmt.Sprintf("%09d", w.machine.seen+i), Patient: c.Ref.Patient, Part: c.Ref.Part,
			Operation: c.New.Stamp.Operation, Batch: c.New.Stamp.Batch, ByHand: c.New.Stamp.Operation == "",
			Operator: audit.Person{Name: c.New.Stamp.By}, Approver: audit.Person{Name: c.New.Stamp.Approver}, Old: registry.Fields{}, New: registry.Fields{}}
		if op, err := w.store.Operation(ctx, r.Operation); err == nil {
			r.Kind, r.Reason = op.Kind, op.Reason
		}
		for _, field := range slices.Concat(slices.Collect(maps.Keys(c.Old.Fields)), slices.Collect(maps.Keys(c.New.Fields))) {
			if was, is := c.Old.Get(field), c.New.Get(field); was != is {
				r.Old[field], r.New[field] = was, is
			}
		}
		records = append(records, r)
	}
	w.machine.seen = len(changes)
	if err := w.audit.Append(ctx, records); err != nil {
		w.t.Errorf("audit: %v", err)
	}
	// Delivered again, a result gives the records that are there.
	recorder := &audit.Recorder{Log: w.audit, Operation: w.store.Operation, Event: w.store.Event, Batch: w.store.Batch, Records: w.store.Records, Logger: slog.New(slog.DiscardHandler)}
	for _, p := range w.people {
		for id, err := range w.store.ByRequester(ctx, p.Sub) {
			must(w.t, err)
			results, err := audittest.Results(w.store, id, noon)
			must(w.t, err)
			if left, err := recorder.Handle(ctx, events.DynamoDBEvent{Records: results}); err != nil || len(left.BatchItemFailures) > 0 {
				w.t.Errorf("audit of %s: %+v %v", id, left, err)
			}
		}
	}
}

package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// canary is in the name of every patient of the tests, and must never be where
// no patient data belongs.
const canary = "Canárỳ"

// noon is when the tests begin.
var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// The people of the clinic: two facilities, Riverside (fac-1) and Hilltop (fac-2).
var (
	ada   = staff.Person{Sub: "sub-ada", Name: "Ada Asks", Email: "ada@clinic.example", Role: staff.Staff, Facilities: []string{"fac-1", "fac-2"}}
	ben   = staff.Person{Sub: "sub-ben", Name: "Ben Asks", Email: "ben@clinic.example", Role: staff.Staff, Facilities: []string{"fac-2"}}
	tom   = staff.Person{Sub: "sub-tom", Name: "Tom Leads", Email: "tom@clinic.example", Role: staff.TeamLead, Facilities: []string{"fac-1"}}
	grace = staff.Person{Sub: "sub-grace", Name: "Grace Manages", Email: "grace@clinic.example", Role: staff.Manager, Facilities: []string{"fac-1", "fac-2"}}
	henry = staff.Person{Sub: "sub-henry", Name: "Henry Hilltop", Email: "henry@clinic.example", Role: staff.Manager, Facilities: []string{"fac-2"}}
	lin   = staff.Person{Sub: "sub-lin", Name: "Lin Manages All", Email: "lin@clinic.example", Role: staff.Manager, Facilities: []string{staff.AllFacilities}}
	amir  = staff.Person{Sub: "sub-amir", Name: "Amir Administers", Email: "amir@clinic.example", Role: staff.Admin, Facilities: []string{staff.AllFacilities}}
	ula   = staff.Person{Sub: "sub-ula", Name: "Ula Audits", Email: "ula@clinic.example", Role: staff.Auditor, Facilities: []string{staff.AllFacilities}}
)

var everybody = []staff.Person{ada, ben, tom, grace, henry, lin, amir, ula}

// clinic is the engine on the store in memory, with a clock, a state machine
// and a mailbox that the test looks into.
type clinic struct {
	*engine.Engine
	t       *testing.T
	store   *memory.Store
	files   *memory.ExportFiles
	sealer  *memory.Sealer
	machine *machine
	fault   func(call string, do func() error) error // what happens to a call

	mu      sync.Mutex
	now     time.Time
	secrets int
	mails   []engine.Mail
	logs    []string
	pauses  int
}

// noFault makes the call.
func noFault(_ string, do func() error) error { return do() }

func newClinic(t *testing.T) *clinic {
	c := &clinic{t: t, store: memory.New(), files: memory.NewExportFiles(), sealer: memory.NewSealer(), machine: &machine{alive: map[string]bool{}, waits: map[string]bool{}}, now: noon, fault: noFault}
	tapped := func(_ context.Context, call string, do func() error) error {
		name, _, _ := strings.Cut(call, " ")
		return c.fault(name, do)
	}
	c.Engine = &engine.Engine{
		Registry:   tappedRegistry{c.store, tapped},
		Places:     c.store,
		Operations: tappedOperations{c.store, tapped},
		Staff:      tappedStaff{c.store, tapped},
		Machine:    tappedMachine{c.machine, tapped},
		Mailer:     tappedMailer{c, tapped},
		Files:      c.files,
		Sealer:     c.sealer,
		Now:        func() time.Time { return c.now },
		Pause:      func(context.Context, time.Duration) { c.locked(func() { c.pauses++ }) },
		NewID:      bulk.NewID,
		Secret:     c.secret,
		Log:        c.log,
		Limits:     engine.DefaultLimits,
		PortalURL:  "https://portal.example",
	}
	ctx := t.Context()
	for _, f := range []registry.Facility{{ID: "fac-1", Name: "Riverside", Email: "desk@riverside.example"}, {ID: "fac-2", Name: "Hilltop", Email: "desk@hilltop.example"}} {
		must(t, c.store.PutFacility(ctx, f))
	}
	for _, p := range everybody {
		must(t, c.store.PutPerson(ctx, p))
	}
	return c
}

func (c *clinic) locked(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
}

func (c *clinic) secret() (s string) {
	c.locked(func() {
		c.secrets++
		s = fmt.Sprintf("secret-%d", c.secrets)
	})
	return s
}

func (c *clinic) log(_ context.Context, what string, err error, args ...any) {
	c.locked(func() { c.logs = append(c.logs, fmt.Sprint(what, " ", err, " ", args)) })
}

// Send puts a mail into the mailbox.
func (c *clinic) Send(_ context.Context, m engine.Mail) error {
	c.locked(func() { c.mails = append(c.mails, m) })
	return nil
}

// sent returns to whom mails with the subject were sent, in order.
func (c *clinic) sent(subject string) (to []string) {
	for _, m := range c.mails {
		if m.Subject == subject {
			to = append(to, m.To)
		}
	}
	return to
}

// admit stores a patient of Riverside for each id, with the status and the
// scheduled visits; alter may change each before that.
func (c *clinic) admit(status registry.Status, ids []string, alter ...func(registry.Fields)) {
	c.t.Helper()
	for _, id := range ids {
		fields := registry.Fields{registry.Name: canary + " " + id, registry.StatusField: string(status),
			registry.FacilityField: "fac-1", registry.Phone: "555-" + id}
		for _, a := range alter {
			a(fields)
		}
		records := []registry.Record{{Ref: registry.ProfileRef(id), Fields: fields, Stamp: registry.Stamp{By: "Import", At: noon.AddDate(-1, 0, 0)}}}
		for _, v := range registry.ParseVisitRefs(fields[registry.Upcoming]) {
			records = append(records, registry.Record{Ref: v.Ref(id), Fields: registry.Fields{
				registry.VisitState: registry.VisitScheduled, registry.VisitStart: v.Start.Format(registry.VisitTime)}})
		}
		must(c.t, c.store.PutRecords(c.t.Context(), records))
	}
}

// with sets a field of the patients to be admitted.
func with(field, value string) func(registry.Fields) {
	return func(f registry.Fields) { f[field] = value }
}

// visits are n scheduled visits on the days after the tests begin.
func visits(n int) func(registry.Fields) {
	refs := make([]registry.VisitRef, n)
	for i := range refs {
		refs[i] = registry.VisitRef{Start: noon.AddDate(0, 0, i+1), ID: fmt.Sprintf("V%03d", i)}
	}
	return with(registry.Upcoming, registry.FormatVisitRefs(refs))
}

// numbered are n ids from P001.
func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("P%03d", i+1)
	}
	return ids
}

// status returns the status that is stored for a patient.
func (c *clinic) status(id string) registry.Status {
	c.t.Helper()
	r, ok := c.store.Snapshot()[registry.ProfileRef(id)]
	if !ok {
		c.t.Fatalf("there is no patient %s", id)
	}
	return registry.Patient{Record: r}.Status()
}

// byHand changes a patient's profile outside any operation.
func (c *clinic) byHand(id, field, value string) {
	c.t.Helper()
	must(c.t, c.store.WriteByHand(c.t.Context(), registry.ProfileRef(id), registry.Fields{field: value}, "Nora Nurse", c.now))
}

// asks is a request to change the status of the patients.
func asks(to registry.Status, ids ...string) engine.Request {
	params := bulk.Params{kind.StatusTo: string(to)}
	if to == registry.OnHold {
		params[kind.HoldReason] = "Payment"
	}
	return engine.Request{Kind: "status-change", Params: params, Key: "key-0123456789abcdef",
		Selection: bulk.Selection{Source: bulk.Pasted, IDs: ids}}
}

// asksFor is the same for those whom the filter chooses.
func asksFor(to registry.Status, f registry.Filter) engine.Request {
	r := asks(to)
	r.Selection = bulk.Selection{Source: bulk.ByFilter, Filter: &f}
	return r
}

// The steps of an operation's life: submit, approve, start and finish go on with
// one, and what is planned, submitted, approved, started or finished has come so
// far from its request. All are taken by ada and grace, and fail the test when
// they cannot be taken.

func (c *clinic) planned(r engine.Request) bulk.Operation {
	c.t.Helper()
	op, err := c.Request(c.t.Context(), ada, r)
	must(c.t, err)
	must(c.t, c.Plan(c.t.Context(), op.ID))
	return c.header(op.ID)
}

// submission is what ada sends for the plan as it stands.
func submission(op bulk.Operation) engine.Submission {
	return engine.Submission{Digest: op.Plan.Digest, Reason: "The insurance plan has ended.",
		Checklist: engine.ChecklistOf(op), Typed: fmt.Sprint(op.Plan.Changes)}
}

func (c *clinic) submit(op bulk.Operation) bulk.Operation {
	c.t.Helper()
	op, err := c.Submit(c.t.Context(), ada, op.ID, submission(op))
	must(c.t, err)
	return op
}

func (c *clinic) submitted(r engine.Request) bulk.Operation {
	c.t.Helper()
	return c.submit(c.planned(r))
}

// approval is grace's decision on the plan as it stands.
func approval(op bulk.Operation) engine.DecisionRequest {
	return engine.DecisionRequest{Verdict: bulk.Approve, Digest: op.Plan.Digest}
}

func (c *clinic) approve(op bulk.Operation) bulk.Operation {
	c.t.Helper()
	op, err := c.Decide(c.t.Context(), grace, op.ID, approval(op))
	must(c.t, err)
	return op
}

func (c *clinic) approved(r engine.Request) bulk.Operation {
	c.t.Helper()
	return c.approve(c.submitted(r))
}

func (c *clinic) start(op bulk.Operation) bulk.Operation {
	c.t.Helper()
	v, err := c.Verify(c.t.Context(), op.ID)
	must(c.t, err)
	if !v.OK {
		c.t.Fatalf("it does not run: %s", c.header(op.ID).Cause)
	}
	return c.header(op.ID)
}

func (c *clinic) started(r engine.Request) bulk.Operation {
	c.t.Helper()
	return c.start(c.approved(r))
}

// finish runs every batch and ends the operation.
func (c *clinic) finish(op bulk.Operation) bulk.Operation {
	c.t.Helper()
	for n := 1; n <= op.Plan.Batches; n++ {
		_, err := c.RunBatch(c.t.Context(), op.ID, n)
		must(c.t, err)
	}
	op, err := c.Finish(c.t.Context(), op.ID, "")
	must(c.t, err)
	return op
}

func (c *clinic) finished(r engine.Request) bulk.Operation {
	c.t.Helper()
	return c.finish(c.started(r))
}

func (c *clinic) header(id string) bulk.Operation {
	c.t.Helper()
	op, err := c.store.Operation(c.t.Context(), id)
	must(c.t, err)
	return op
}

// happened returns what the events of an operation say happened.
func (c *clinic) happened(id string) (what []string) {
	c.t.Helper()
	events, err := c.store.Events(c.t.Context(), id)
	must(c.t, err)
	for _, e := range events {
		what = append(what, e.What)
	}
	return what
}

// outcomes returns what became of each subject of an operation.
func (c *clinic) outcomes(op bulk.Operation) map[string]bulk.Outcome {
	c.t.Helper()
	outcomes := map[string]bulk.Outcome{}
	for line, err := range c.Lines(c.t.Context(), op) {
		must(c.t, err)
		outcomes[line.Change.Subject] = line.Outcome
	}
	return outcomes
}

// excluded returns the exclusions of a plan.
func (c *clinic) excluded(op bulk.Operation) (all []bulk.Exclusion) {
	c.t.Helper()
	for x, err := range c.Exclusions(c.t.Context(), op) {
		must(c.t, err)
		all = append(all, x)
	}
	return all
}

// subjects returns the subjects of a plan's changes, in its order.
func (c *clinic) subjects(op bulk.Operation) (ids []string) {
	c.t.Helper()
	for line, err := range c.Lines(c.t.Context(), op) {
		must(c.t, err)
		ids = append(ids, line.Change.Subject)
	}
	return ids
}

// wait stores a token for a wait of the state machine, as its ask step does.
func (c *clinic) wait(id, wait, token string) {
	c.t.Helper()
	c.machine.waits[token] = true
	must(c.t, c.Await(c.t.Context(), id, wait, token))
}

// watch sweeps once.
func (c *clinic) watch() engine.Swept {
	c.t.Helper()
	swept, err := c.Watch(c.t.Context())
	must(c.t, err)
	return swept
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks that err is a fault with the code and exactly that sentence.
func refused(t *testing.T, err error, code fault.Code, sentence string) {
	t.Helper()
	if fault.CodeOf(err) != code || fault.Sentence(err) != sentence {
		t.Errorf("got  %v\nwant %s: %s", err, code, sentence)
	}
}

// equal checks a value that the test names.
func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// list checks a list that the test names.
func list[T comparable](t *testing.T, what string, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}

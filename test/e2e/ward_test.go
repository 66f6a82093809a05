package e2e_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
	"bulkops/internal/staff"
)

// A ward is a facility of one test's own, with its patients and its staff: what
// is counted there was done by that test. Its staff have no sign-in; those of
// the sample who hold every facility hold it too.
type ward struct {
	facility  string
	requester staff.Person
	managers  [2]staff.Person // hold this ward alone, so they are asked first
	patients  []string        // ids; the first one's name is the canary's
}

// thisRun keeps apart the wards of two runs on a stack that was kept.
var thisRun = strings.ToLower(rand.Text()[:4])

// newWard makes a ward with n patients of the sample, all of them Active, with so
// many visits to come each. A status that ends care cancels them, so visits make
// changes larger, groups smaller and runs longer.
func newWard(t *testing.T, name string, n, visits int) ward {
	t.Helper()
	ctx := t.Context()
	name += "-" + thisRun
	w := ward{facility: "ward-" + name}
	if err := live.registry.PutFacility(ctx, registry.Facility{ID: w.facility, Name: "Ward of " + name, TimeZone: "America/New_York"}); err != nil {
		t.Fatal(err)
	}
	w.requester = w.employ(t, "requester", staff.Staff)
	w.managers = [2]staff.Person{w.employ(t, "first", staff.Manager), w.employ(t, "second", staff.Manager)}
	var records []registry.Record
	for patient := range sample.Generate(n, time.Now()).Patients {
		profile := patient[0]
		id := name + "-" + profile.Ref.Patient
		profile.Ref.Patient = id
		profile.Fields[registry.FacilityField], profile.Fields[registry.StatusField] = w.facility, string(registry.Active)
		for _, field := range []string{registry.ProviderField, registry.NeedsSpecialty, registry.HoldReason, registry.LockedBy, registry.LockedWhy} {
			delete(profile.Fields, field)
		}
		var booked []registry.VisitRef
		for n := range visits { // a week apart, and no two patients at the same time
			start := time.Now().Truncate(time.Hour).AddDate(0, 0, 7*n+1).Add(time.Duration(len(w.patients)) * 30 * time.Minute)
			booked = append(booked, registry.VisitRef{Start: start, ID: fmt.Sprint("V", n)})
		}
		profile.Fields[registry.Upcoming] = registry.FormatVisitRefs(booked)
		records = append(records, profile)
		for _, v := range booked {
			records = append(records, registry.Record{Ref: v.Ref(id), Stamp: profile.Stamp, Fields: registry.Fields{
				registry.VisitState: registry.VisitScheduled, registry.VisitType: "Routine",
				registry.VisitStart: v.Start.UTC().Format(registry.VisitTime), registry.VisitMinutes: "30",
			}})
		}
		w.patients = append(w.patients, id)
	}
	if err := live.registry.PutRecords(ctx, records); err != nil {
		t.Fatal(err)
	}
	return w
}

// employ gives the ward one more person, who holds it alone.
func (w ward) employ(t *testing.T, who string, role staff.Role) staff.Person {
	t.Helper()
	name := strings.TrimPrefix(w.facility, "ward-")
	p := staff.Person{Sub: w.facility + "-" + who, Name: who + " of ward " + name, Email: who + "." + name + "@example.org", Role: role, Facilities: []string{w.facility}}
	put(t, p)
	return p
}

// dismissManagers takes the ward's own managers out of the way of the sample's.
func (w ward) dismissManagers(t *testing.T) {
	t.Helper()
	for _, m := range w.managers {
		m.Disabled = true
		put(t, m)
	}
}

// put stores an entry of the staff directory.
func put(t *testing.T, p staff.Person) {
	t.Helper()
	if err := live.staff.PutPerson(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

// change is a status change without questions left open.
func change(to registry.Status) bulk.Params {
	p := bulk.Params{"to": string(to)}
	if to == registry.OnHold {
		p["hold_reason"] = "Family request"
	}
	return p
}

// planned asks for a status change, as plannedAs does.
func (w ward) planned(t *testing.T, to registry.Status, ids ...string) bulk.Operation {
	t.Helper()
	return w.plannedAs(t, "status-change", change(to), ids...)
}

// plannedAs asks for an operation of a kind for patients, for all of the ward's
// when none are named, and returns it when it is ready to submit.
func (w ward) plannedAs(t *testing.T, kind string, params bulk.Params, ids ...string) bulk.Operation {
	t.Helper()
	s := bulk.Selection{Source: bulk.ByFilter, Filter: &registry.Filter{Facilities: []string{w.facility}}}
	if len(ids) > 0 {
		s = bulk.Selection{Source: bulk.Pasted, IDs: ids}
	}
	op, err := live.engine(t).Request(t.Context(), w.requester, engine.Request{Kind: kind, Params: params, Selection: s, Key: rand.Text()})
	if err != nil {
		t.Fatal(err)
	}
	return await(t, op.ID, bulk.Ready)
}

// submitted also sends it for approval.
func (w ward) submitted(t *testing.T, to registry.Status, ids ...string) bulk.Operation {
	t.Helper()
	return w.send(t, w.planned(t, to, ids...))
}

// send sends a plan for approval, and returns the operation when the state
// machine waits for the decision.
func (w ward) send(t *testing.T, op bulk.Operation) bulk.Operation {
	t.Helper()
	op, err := live.engine(t).Submit(t.Context(), w.requester, op.ID, submission(op))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the state machine waits for the decision on "+op.ID, func() bool {
		_, waits, err := live.operations.Token(t.Context(), op.ID, engine.WaitApprove)

		return err == nil && waits
	})
	return op
}

func submission(op bulk.Operation) engine.Submission {
	return engine.Submission{
		Digest: op.Plan.Digest, Reason: "Winter schedule of the ward, agreed with the head nurse.",
		Checklist: engine.ChecklistOf(op), Typed: fmt.Sprint(op.Plan.Changes),
	}
}

// approved lets the first manager approve it.
func (w ward) approved(t *testing.T, to registry.Status, ids ...string) bulk.Operation {
	t.Helper()
	op := w.submitted(t, to, ids...)
	return decide(t, live.engine(t), w.managers[0], op, bulk.Approve)
}

// decide decides knowing how many patients have changed since the preview.
func decide(t *testing.T, e *engine.Engine, who staff.Person, op bulk.Operation, verdict bulk.Verdict) bulk.Operation {
	t.Helper()
	stale, err := e.Stale(t.Context(), op)
	if err != nil {
		t.Fatal(err)
	}
	op, err = e.Decide(t.Context(), who, op.ID, engine.DecisionRequest{Verdict: verdict, Digest: op.Plan.Digest, Comment: "Read and understood.", Stale: stale})
	if err != nil {
		t.Fatal(err)
	}
	return op
}

// await waits until an operation is in a state. Any end that is not wanted
// fails the test at once, with its cause.
func await(t *testing.T, id string, want bulk.State) bulk.Operation {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(30 * time.Millisecond) {
		op, err := live.operations.Operation(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if op.State == want {
			return op
		}
		if op.State.Ended() || time.Now().After(deadline) {
			t.Fatalf("%s is %s (%q), want %s", id, op.State, op.Cause, want)
		}
	}
}

// reach waits until a run has attempted so many patients. It looks often: a run
// of 1,000 takes a second or two.
func reach(t *testing.T, id string, attempted int) {
	t.Helper()
	for deadline := time.Now().Add(patience); progressOf(t, id).Attempted() < attempted; time.Sleep(3 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s has not attempted %d patients", id, attempted)
		}
	}
}

// progressOf is how far a run is.
func progressOf(t *testing.T, id string) bulk.Tally {
	t.Helper()
	tally, err := live.operations.Progress(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

func eventsOf(t *testing.T, id string) []bulk.Event {
	t.Helper()
	events, err := live.operations.Events(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// actsOf counts what people have done to an operation. Reminders and the like
// come by themselves.
func actsOf(t *testing.T, id string) int {
	t.Helper()
	acts := 0
	for _, e := range eventsOf(t, id) {
		if e.Actor.Sub != "" {
			acts++
		}
	}
	return acts
}

// awaitAudit waits until an operation has n audited changes and returns them.
// The stream is read some time after the change: one caller reads the streams
// for all tests, in turn.
func awaitAudit(t *testing.T, id string, n int) []audit.Record {
	t.Helper()
	var records []audit.Record
	eventually(t, fmt.Sprintf("%s has %d audited changes", id, n), func() bool {
		records = live.changesOf(t, id)
		return len(records) >= n
	})
	if len(records) != n {
		t.Errorf("%s has %d audited changes, want %d", id, len(records), n)
	}
	return records
}

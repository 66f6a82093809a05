// Package storetest says, as tests, what every store behind the ports of
// package engine does. The store in memory and the one on DynamoDB both run it,
// so that what the engine's simulation proves on the one holds for the other.
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"testing"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Registry is the registry with the writes of importers and operators.
type Registry interface {
	engine.Registry
	engine.Places
	PutRecords(ctx context.Context, records []registry.Record) error
	PutFacility(ctx context.Context, f registry.Facility) error
	PutProvider(ctx context.Context, p registry.Provider) error
	WriteByHand(ctx context.Context, ref registry.Ref, fields registry.Fields, by string, at time.Time) error
}

// Operations are the operations with what the audit reads of them.
type Operations interface {
	engine.Operations
	Event(ctx context.Context, id string, number int) (bulk.Event, error)
}

// Staff is the staff directory with the writes of administrators.
type Staff interface {
	engine.Staff
	PutPerson(ctx context.Context, p staff.Person) error
}

// Access is what the portal keeps about people.
type Access interface {
	Put(ctx context.Context, kind, id string, v any, expires time.Time) error
	Replace(ctx context.Context, kind, id string, v any, expires time.Time) error
	Get(ctx context.Context, kind, id string, v any, now time.Time) error
	Delete(ctx context.Context, kind, id string) error
	Take(ctx context.Context, kind, id string, v any, now time.Time) error
}

// Audit is the audit log, written and read.
type Audit interface {
	audit.Written
	audit.Log
	audit.Reader
}

// Stores is one installation: everything it keeps.
type Stores struct {
	Registry   Registry
	Operations Operations
	Staff      Staff
	Access     Access
	Audit      Audit
}

type test struct {
	sentence string
	holds    func(*testing.T, Stores)
}

// Run checks the whole specification, each sentence on empty stores of its own.
func Run(t *testing.T, open func(*testing.T) Stores) {
	for _, part := range []struct {
		subject string
		tests   []test
	}{
		{"registry", registryTests},
		{"operations", operationTests},
		{"lists", listTests},
		{"commit", commitTests},
		{"refusal", refusalTests},
		{"written", writtenTests},
		{"notices", noticeTests},
		{"access", accessTests},
		{"audit", auditTests},
	} {
		t.Run(part.subject, func(t *testing.T) {
			for _, one := range part.tests {
				t.Run(one.sentence, func(t *testing.T) {
					stores := open(t)
					stores.Operations = settled{stores.Operations}
					one.holds(t, stores)
				})
			}
		})
	}
}

// noon is the time at which the tests begin.
var noon = time.Date(2026, 12, 1, 12, 0, 0, 123_000_000, time.UTC)

var (
	ada   = bulk.Person{Sub: "sub-ada", Name: "Ada Admin", Email: "ada@clinic.example"}
	grace = bulk.Person{Sub: "sub-grace", Name: "Grace Green", Email: "grace@clinic.example"}
)

// hostileNames are names that real people and careless programs produce.
var hostileNames = []string{
	`O'Brien "Bobby" \ Tables; --`,
	"=SUM(A1:A9)",
	"<script>alert(1)</script>",
	"محمد عبد الله",
	"\u202eevil\u202c",
	"🧑🏽‍⚕️ Zoë Ångström",
	"李小龍",
	"#name :value {} [] ",
	repeat("Wolfeschlegelstein", 200),
}

func repeat(text string, length int) string {
	long := make([]byte, length)
	for i := range long {
		long[i] = text[i%len(text)]
	}
	return string(long)
}

// patient is a typical profile.
func patient(id, facility string) registry.Record {
	return registry.Record{
		Ref: registry.ProfileRef(id),
		Fields: registry.Fields{
			registry.Name:          "Name of " + id,
			registry.BirthDate:     "1961-04-05",
			registry.StatusField:   string(registry.Active),
			registry.FacilityField: facility,
			registry.ProviderField: "prov-1",
			registry.Phone:         "+1 555 0100",
			registry.Registered:    "2020-02-29",
		},
		Stamp: registry.Stamp{By: "import", At: noon.Add(-time.Hour)},
	}
}

// visit is a scheduled visit of a patient, n days from noon.
func visit(patient string, n int) registry.Record {
	ref := registry.VisitRef{Start: noon.AddDate(0, 0, n), ID: fmt.Sprintf("V%04d", n)}
	return registry.Record{
		Ref: ref.Ref(patient),
		Fields: registry.Fields{
			registry.VisitState:    registry.VisitScheduled,
			registry.VisitStart:    ref.Start.Format(registry.VisitTime),
			registry.ProviderField: "prov-1",
		},
		Stamp: registry.Stamp{By: "import", At: noon.Add(-time.Hour)},
	}
}

// hold is the change that puts an active patient on hold.
func hold(id, facility string) bulk.Change {
	return bulk.Change{Subject: id, Name: "Name of " + id, Facility: facility, Edits: []bulk.Edit{{
		Ref:    registry.ProfileRef(id),
		Reads:  registry.Fields{registry.FacilityField: facility},
		Before: registry.Fields{registry.StatusField: string(registry.Active), registry.HoldReason: ""},
		After:  registry.Fields{registry.StatusField: string(registry.OnHold), registry.HoldReason: "Family request"},
	}}}
}

// operation is a new operation as the engine creates it.
func operation(id string, at time.Time) bulk.Operation {
	return bulk.Operation{
		ID: id, Version: 1, State: bulk.Planning, Kind: "status-change", Since: at, Created: at,
		Params:    bulk.Params{"to": string(registry.OnHold), "hold_reason": "Family request"},
		Requester: ada, Selected: bulk.SelectionSummary{Source: bulk.Picked, Words: "picked one by one", Count: 1},
		StopAt: bulk.DefaultStopRule,
	}
}

// create stores a new operation and returns its id.
func create(t *testing.T, s Stores, op bulk.Operation) string {
	t.Helper()
	selection := bulk.Selection{Source: bulk.Picked, IDs: []string{"0001"}}
	existing, err := s.Operations.Create(t.Context(), op, selection, "key of "+op.ID, bulk.Event{At: op.Created, Actor: op.Requester, What: "requested"})
	must(t, "create an operation", err)
	if existing != "" {
		t.Fatalf("a new key found the operation %s", existing)
	}
	return op.ID
}

// move writes a state and returns the header that follows.
func move(t *testing.T, s Stores, op bulk.Operation, to bulk.State, at time.Time) bulk.Operation {
	t.Helper()
	op.State, op.Since = to, at
	must(t, "write a state", s.Operations.Update(t.Context(), op, bulk.Event{At: at, What: string(to)}))
	op.Version++
	return op
}

// seed stores n patients of facility fac-1, with the ids p-000, p-001 …
func seed(t *testing.T, s Stores, n int) []string {
	t.Helper()
	var ids []string
	var records []registry.Record
	for i := range n {
		ids = append(ids, fmt.Sprintf("p-%03d", i))
		records = append(records, patient(ids[i], "fac-1"))
	}
	must(t, "store patients", s.Registry.PutRecords(t.Context(), records))
	return ids
}

func record(t *testing.T, s Stores, ref registry.Ref) registry.Record {
	t.Helper()
	found, err := s.Registry.Records(t.Context(), []registry.Ref{ref})
	must(t, "read a record", err)
	return found[ref]
}

func collect[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var all []T
	for one, err := range seq {
		must(t, "read a list", err)
		all = append(all, one)
	}
	return all
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// want fails unless err carries the code.
func want(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("%s: got %v, want the fault %s", what, err, code)
	}
}

// same compares what is stored with what was given, as JSON: what JSON does
// not tell apart (nil and empty, time zones' names) is the same.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	g, err := json.Marshal(got)
	must(t, what, err)
	w, err := json.Marshal(want)
	must(t, what, err)
	if string(g) != string(w) {
		t.Fatalf("%s:\n got %.2000s\nwant %.2000s", what, g, w)
	}
}

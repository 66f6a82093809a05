package storetest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

var operationTests = []test{
	{"a new operation comes back with its selection and first event", func(t *testing.T, s Stores) {
		op := operation("OP-000001-AAAA", noon)
		selection := bulk.Selection{Source: bulk.ByFilter, Filter: &registry.Filter{Statuses: []registry.Status{registry.Active}, Text: hostileNames[0]}, Except: []string{"0007"}}
		event := bulk.Event{Operation: op.ID, Number: 1, At: noon, Actor: ada, What: "requested", Detail: "Change status to On Hold"}
		existing, err := s.Operations.Create(t.Context(), op, selection, "a key of the form", event)
		must(t, "create", err)
		same(t, "existing", existing, "")
		got, err := s.Operations.Operation(t.Context(), op.ID)
		must(t, "read", err)
		same(t, "operation", got, op)
		chosen, err := s.Operations.Selection(t.Context(), op.ID)
		must(t, "read the selection", err)
		same(t, "selection", chosen, selection)
		events, err := s.Operations.Events(t.Context(), op.ID)
		must(t, "read the events", err)
		same(t, "events", events, []bulk.Event{event})
	}},
	{"the same key of the same requester finds the operation made with it", func(t *testing.T, s Stores) {
		first := operation("OP-000001-AAAA", noon)
		second := operation("OP-000002-BBBB", noon)
		selection := bulk.Selection{Source: bulk.Pasted, IDs: []string{"1"}}
		_, err := s.Operations.Create(t.Context(), first, selection, "key", bulk.Event{What: "requested"})
		must(t, "create", err)
		existing, err := s.Operations.Create(t.Context(), second, selection, "key", bulk.Event{What: "requested"})
		must(t, "create again", err)
		same(t, "existing", existing, first.ID)
		_, err = s.Operations.Operation(t.Context(), second.ID)
		want(t, "read what was not stored", err, fault.NotFound)
		_, err = s.Operations.Selection(t.Context(), second.ID)
		want(t, "read the selection of what was not stored", err, fault.NotFound)

		second.Requester = grace
		existing, err = s.Operations.Create(t.Context(), second, selection, "key", bulk.Event{What: "requested"})
		must(t, "create with another requester's key", err)
		same(t, "existing", existing, "")
	}},
	{"of many creations with one key at once, one is stored and all the others find it", func(t *testing.T, s Stores) {
		var made, found sync.Map
		parallel(8, func(i int) {
			op := operation(fmt.Sprintf("OP-000001-%04d", i), noon)
			for {
				existing, err := s.Operations.Create(t.Context(), op, bulk.Selection{IDs: []string{"1"}}, "key", bulk.Event{What: "requested"})
				switch {
				case fault.Is(err, fault.Busy):
					continue
				case err != nil:
					t.Errorf("create: %v", err)
				case existing == "":
					made.Store(op.ID, true)
				default:
					found.Store(existing, true)
				}
				return
			}
		})
		if a, b := keys(&made), keys(&found); len(a) != 1 || len(b) != 1 || a[0] != b[0] {
			t.Fatalf("made %v, found %v", a, b)
		}
	}},
	{"an id that exists is a conflict and changes nothing", func(t *testing.T, s Stores) {
		op := operation("OP-000001-AAAA", noon)
		create(t, s, op)
		again := op
		again.Reason = "another"
		_, err := s.Operations.Create(t.Context(), again, bulk.Selection{Source: bulk.Pasted, IDs: []string{"other"}}, "another key", bulk.Event{What: "requested"})
		want(t, "create again", err, fault.Conflict)
		got, err := s.Operations.Operation(t.Context(), op.ID)
		must(t, "read", err)
		same(t, "operation", got, op)
		chosen, err := s.Operations.Selection(t.Context(), op.ID)
		must(t, "read the selection", err)
		same(t, "selection", chosen.IDs, []string{"0001"})
	}},
	{"a selection of 25,000 ids with rows and values comes back whole and in order", func(t *testing.T, s Stores) { largeSelection(t, s, 25_000, 8) }},
	{"a selection of 100,000 long ids does too", func(t *testing.T, s Stores) { largeSelection(t, s, 100_000, 36) }},
	{"an unknown operation is not found", func(t *testing.T, s Stores) {
		_, err := s.Operations.Operation(t.Context(), "OP-000009-ZZZZ")
		want(t, "operation", err, fault.NotFound)
		_, err = s.Operations.Selection(t.Context(), "OP-000009-ZZZZ")
		want(t, "selection", err, fault.NotFound)
		_, err = s.Operations.Batch(t.Context(), "OP-000009-ZZZZ", "run", 1)
		want(t, "batch", err, fault.NotFound)
		_, err = s.Operations.Exclusions(t.Context(), "OP-000009-ZZZZ", "run", 1)
		want(t, "exclusions", err, fault.NotFound)
		want(t, "update", s.Operations.Update(t.Context(), operation("OP-000009-ZZZZ", noon), bulk.Event{}), fault.Conflict)
	}},
	{"an update replaces the header and appends its event under the new version", func(t *testing.T, s Stores) {
		op := operation("OP-000001-AAAA", noon)
		create(t, s, op)
		for i, state := range []bulk.State{bulk.Ready, bulk.AwaitingApproval, bulk.Scheduled, bulk.Running} {
			op.Reason = fmt.Sprintf("after %d", i)
			op.Decision = &bulk.Decision{Verdict: bulk.Approve, By: grace, At: noon, Comment: hostileNames[5]}
			op = move(t, s, op, state, noon.Add(time.Duration(i)*time.Minute))
		}
		same(t, "version", op.Version, 5)
		got, err := s.Operations.Operation(t.Context(), op.ID)
		must(t, "read", err)
		same(t, "operation", got, op)
		events, err := s.Operations.Events(t.Context(), op.ID)
		must(t, "read the events", err)
		var whats []string
		for i, e := range events {
			whats = append(whats, e.What)
			if e.Number != i+1 || e.Operation != op.ID {
				t.Fatalf("event %d is numbered %d of %q", i+1, e.Number, e.Operation)
			}
		}
		same(t, "events", whats, []string{"requested", "ready", "awaiting-approval", "scheduled", "running"})
		one, err := s.Operations.Event(t.Context(), op.ID, 3)
		must(t, "read an event", err)
		same(t, "the third event", one, events[2])
		for id, number := range map[string]int{op.ID: 6, "OP-000001-AAAAB": 1, repeat("long", 3000): 1} {
			if _, err := s.Operations.Event(t.Context(), id, number); !fault.Is(err, fault.NotFound) {
				t.Errorf("event %d of %.20s: %v", number, id, err)
			}
		}
	}},
	{"an update of an older version is a conflict and leaves no event", func(t *testing.T, s Stores) {
		op := operation("OP-000001-AAAA", noon)
		create(t, s, op)
		old := op
		op = move(t, s, op, bulk.Ready, noon)
		old.State = bulk.Cancelled
		want(t, "update", s.Operations.Update(t.Context(), old, bulk.Event{What: "cancelled"}), fault.Conflict)
		got, err := s.Operations.Operation(t.Context(), op.ID)
		must(t, "read", err)
		same(t, "operation", got, op)
		events, err := s.Operations.Events(t.Context(), op.ID)
		must(t, "read the events", err)
		same(t, "number of events", len(events), 2)
	}},
	{"of twenty decisions at once exactly one is stored, the others are conflicts", func(t *testing.T, s Stores) {
		op := operation("OP-000001-AAAA", noon)
		create(t, s, op)
		var won, lost sync.Map
		parallel(20, func(i int) {
			mine := op
			mine.Reason = fmt.Sprint(i)
			for {
				err := s.Operations.Update(t.Context(), mine, bulk.Event{What: "decided"})
				switch {
				case fault.Is(err, fault.Busy): // nothing was written: try again
					continue
				case err == nil:
					won.Store(mine.Reason, true)
				case fault.Is(err, fault.Conflict):
					lost.Store(mine.Reason, true)
				default:
					t.Errorf("update: %v", err)
				}
				return
			}
		})
		winners := keys(&won)
		if len(winners) != 1 || len(keys(&lost)) != 19 {
			t.Fatalf("%d won, %d lost", len(winners), len(keys(&lost)))
		}
		got, err := s.Operations.Operation(t.Context(), op.ID)
		must(t, "read", err)
		same(t, "decision", got.Reason, winners[0])
		events, err := s.Operations.Events(t.Context(), op.ID)
		must(t, "read the events", err)
		same(t, "number of events", len(events), 2)
	}},
	{"a part of a plan that no item holds is refused", func(t *testing.T, s Stores) {
		id := create(t, s, operation("OP-000001-AAAA", noon))
		chance := rand.New(rand.NewPCG(1, 1))
		long := make([]byte, 900_000) // what does not compress below half
		for i := range long {
			long[i] = "0123456789abcdef"[chance.IntN(16)]
		}
		page := []bulk.Exclusion{{Subject: "p-1", Code: bulk.Locked, Sentence: string(long)}}
		if err := s.Operations.PutExclusions(t.Context(), id, "run-a", 1, page); err == nil {
			t.Error("a page of 900,000 bytes was taken")
		}
		_, err := s.Operations.Exclusions(t.Context(), id, "run-a", 1)
		want(t, "read it", err, fault.NotFound)
	}},
	{"a part of a plan is written once for each run", func(t *testing.T, s Stores) {
		id := create(t, s, operation("OP-000001-AAAA", noon))
		batch := bulk.NewBatch(1, []bulk.Change{hold("p-1", "fac-1"), hold("p-2", "fac-1")})
		page := []bulk.Exclusion{{Subject: "0007", Name: hostileNames[0], Row: 3, Code: bulk.AlreadySo, Sentence: "The status is already On Hold."}}
		must(t, "put a batch", s.Operations.PutBatch(t.Context(), id, "run-a", batch))
		must(t, "put exclusions", s.Operations.PutExclusions(t.Context(), id, "run-a", 1, page))
		other := bulk.NewBatch(1, []bulk.Change{hold("p-3", "fac-1")})
		want(t, "put the batch again", s.Operations.PutBatch(t.Context(), id, "run-a", other), fault.Conflict)
		want(t, "put exclusions again", s.Operations.PutExclusions(t.Context(), id, "run-a", 1, nil), fault.Conflict)
		must(t, "put it for another run", s.Operations.PutBatch(t.Context(), id, "run-b", other))

		got, err := s.Operations.Batch(t.Context(), id, "run-a", 1)
		must(t, "read the batch", err)
		same(t, "batch", got, batch)
		excluded, err := s.Operations.Exclusions(t.Context(), id, "run-a", 1)
		must(t, "read the exclusions", err)
		same(t, "exclusions", excluded, page)
		_, err = s.Operations.Batch(t.Context(), id, "run-a", 2)
		want(t, "read a batch that is not there", err, fault.NotFound)
		_, err = s.Operations.Exclusions(t.Context(), id, "run-b", 1)
		want(t, "read a page that is not there", err, fault.NotFound)
	}},
	{"the subjects of a plan are kept for each run, however many", func(t *testing.T, s Stores) {
		id := create(t, s, operation("OP-000001-AAAA", noon))
		many := make(bulk.Subjects, 701_000) // of more than 100,000 patients
		for i := range many {
			many[i] = byte(i * i >> 3)
		}
		must(t, "put many", s.Operations.PutSubjects(t.Context(), id, "run-a", many))
		must(t, "put few", s.Operations.PutSubjects(t.Context(), id, "run-b", many[:7]))
		must(t, "put none", s.Operations.PutSubjects(t.Context(), id, "run-c", nil))
		for run, want := range map[string]int{"run-a": len(many), "run-b": 7, "run-c": 0, "run-d": 0} {
			got, err := s.Operations.Subjects(t.Context(), id, run)
			must(t, "read "+run, err)
			same(t, run, string(got), string(many[:want]))
		}
	}},
	{"a full batch of the longest changes is stored", func(t *testing.T, s Stores) {
		id := create(t, s, operation("OP-000001-AAAA", noon))
		var changes []bulk.Change
		for i := range bulk.BatchSize {
			c := hold(fmt.Sprintf("%s%03d", repeat("uuid-like-", 36), i), "fac-1")
			c.Name = hostileNames[len(hostileNames)-1]
			for day := range 20 {
				v := visit(c.Subject, i*100+day)
				c.Edits = append(c.Edits, bulk.Edit{Ref: v.Ref, Before: registry.Fields{registry.VisitState: registry.VisitScheduled},
					After: registry.Fields{registry.VisitState: registry.VisitCancelled}})
			}
			changes = append(changes, c)
		}
		batch := bulk.NewBatch(1000, changes)
		must(t, "put", s.Operations.PutBatch(t.Context(), id, "run", batch))
		got, err := s.Operations.Batch(t.Context(), id, "run", 1000)
		must(t, "read", err)
		same(t, "batch", got, batch)
	}},
}

// largeSelection stores and reads n ids of the length.
func largeSelection(t *testing.T, s Stores, n, length int) {
	t.Helper()
	selection := bulk.Selection{Source: bulk.Uploaded, File: "sha"}
	scatter := uint64(88172645463325252)
	for i := range n {
		id := fmt.Sprintf("%05d", i)
		for len(id) < length {
			scatter ^= scatter << 13
			scatter ^= scatter >> 7
			scatter ^= scatter << 17
			id += fmt.Sprintf("%x", scatter)
		}
		selection.IDs = append(selection.IDs, id[:length])
		selection.Rows = append(selection.Rows, i+2)
		selection.Given = append(selection.Given, registry.Fields{registry.Phone: "+1" + id[:5], registry.Name: hostileNames[i%len(hostileNames)]})
	}
	op := operation("OP-000001-AAAA", noon)
	_, err := s.Operations.Create(t.Context(), op, selection, "key", bulk.Event{What: "requested"})
	must(t, "create", err)
	got, err := s.Operations.Selection(t.Context(), op.ID)
	must(t, "read", err)
	same(t, "selection", got, selection)
}

// parallel runs f(0) … f(n-1) at once and waits for all.
func parallel(n int, f func(int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	all.Wait()
}

func keys(m *sync.Map) []string {
	var texts []string
	m.Range(func(k, _ any) bool { texts = append(texts, k.(string)); return true })
	return texts
}

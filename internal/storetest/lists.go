package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
)

var listTests = []test{
	{"open operations come by what they wait for, longest wait first, and leave the list when they end", func(t *testing.T, s Stores) {
		var ops []bulk.Operation
		for i := range 4 {
			op := operation(fmt.Sprintf("OP-00000%d-AAAA", i), noon.Add(time.Duration(i)*time.Second))
			create(t, s, op)
			ops = append(ops, op)
		}
		open := func(what string) []string { return collect(t, s.Operations.Open(t.Context(), what)) }
		same(t, "all wait for their plan", open(bulk.WaitsForPlan), []string{ops[0].ID, ops[1].ID, ops[2].ID, ops[3].ID})

		for i, after := range []time.Duration{4, 3, 2, 1} {
			ops[i] = move(t, s, ops[i], bulk.Ready, noon.Add(after*time.Minute))
		}
		same(t, "nobody waits for a plan", len(open(bulk.WaitsForPlan)), 0)
		same(t, "all wait for their requester", open(bulk.WaitsForRequester), []string{ops[3].ID, ops[2].ID, ops[1].ID, ops[0].ID})

		ops[2] = move(t, s, ops[2], bulk.AwaitingApproval, noon.Add(time.Hour))
		same(t, "one waits for approval", open(bulk.WaitsForApproval), []string{ops[2].ID})
		ops[2] = move(t, s, ops[2], bulk.Scheduled, noon.Add(2*time.Hour))
		same(t, "one waits for the machine", open(bulk.WaitsForMachine), []string{ops[2].ID})
		ops[2] = move(t, s, ops[2], bulk.Running, noon.Add(3*time.Hour))
		ops[2] = move(t, s, ops[2], bulk.Completed, noon.Add(4*time.Hour))
		move(t, s, ops[1], bulk.Expired, noon.Add(4*time.Hour))
		same(t, "none waits for the machine", len(open(bulk.WaitsForMachine)), 0)
		same(t, "two wait for their requester", open(bulk.WaitsForRequester), []string{ops[3].ID, ops[0].ID})
	}},
	{"somebody's operations come newest first, others' do not", func(t *testing.T, s Stores) {
		for i := range 3 {
			create(t, s, operation(fmt.Sprintf("OP-00000%d-AAAA", i), noon.Add(time.Duration(i)*time.Millisecond)))
		}
		other := operation("OP-000009-AAAA", noon)
		other.Requester = grace
		create(t, s, other)
		same(t, "Ada's", collect(t, s.Operations.ByRequester(t.Context(), ada.Sub)), []string{"OP-000002-AAAA", "OP-000001-AAAA", "OP-000000-AAAA"})
		same(t, "Grace's", collect(t, s.Operations.ByRequester(t.Context(), grace.Sub)), []string{other.ID})
		same(t, "nobody's", len(collect(t, s.Operations.ByRequester(t.Context(), "nobody"))), 0)
	}},
	{"the operations of a day are those created on it in UTC, newest first", func(t *testing.T, s Stores) {
		midnight := time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)
		west := time.FixedZone("UTC-5", -5*3600)
		create(t, s, operation("OP-000001-AAAA", midnight.Add(-time.Hour)))
		create(t, s, operation("OP-000002-AAAA", midnight.Add(-time.Nanosecond)))
		create(t, s, operation("OP-000003-AAAA", midnight.In(west)))
		same(t, "the first", collect(t, s.Operations.ByDay(t.Context(), "2026-12-01")), []string{"OP-000002-AAAA", "OP-000001-AAAA"})
		same(t, "the second", collect(t, s.Operations.ByDay(t.Context(), "2026-12-02")), []string{"OP-000003-AAAA"})
	}},
	{"headers are read many at a time; unknown ids are left out", func(t *testing.T, s Stores) {
		op := operation("OP-000001-AAAA", noon)
		create(t, s, op)
		create(t, s, operation("OP-000002-AAAA", noon))
		got, err := s.Operations.OperationsByID(t.Context(), []string{op.ID, "OP-000002-AAAA", "unknown", op.ID})
		must(t, "read", err)
		same(t, "count", len(got), 2)
		same(t, "operation", got[op.ID], op)
	}},
	{"every token is kept until it is deleted", func(t *testing.T, s Stores) {
		id := create(t, s, operation("OP-000001-AAAA", noon))
		_, ok, err := s.Operations.Token(t.Context(), id, "review")
		must(t, "read", err)
		same(t, "there is none", ok, false)
		left := []string{"first", repeat("second", 300)} // SFN tokens are up to 2,048 long
		for _, token := range append(left, left[0]) {
			must(t, "put", s.Operations.PutToken(t.Context(), id, "review", token))
		}
		must(t, "put another", s.Operations.PutToken(t.Context(), id, "approve", "other"))
		for range 2 {
			token, ok, err := s.Operations.Token(t.Context(), id, "review")
			must(t, "read", err)
			same(t, "ok", ok, true)
			same(t, "it is one of those that are left", slices.Contains(left, token), true)
			left = slices.DeleteFunc(left, func(one string) bool { return one == token })
			must(t, "delete", s.Operations.DeleteToken(t.Context(), id, "review", token))
			must(t, "delete again", s.Operations.DeleteToken(t.Context(), id, "review", token))
		}
		_, ok, err = s.Operations.Token(t.Context(), id, "review")
		must(t, "read", err)
		same(t, "there is none any more", ok, false)
		token, _, err := s.Operations.Token(t.Context(), id, "approve")
		must(t, "read", err)
		same(t, "the other", token, "other")
	}},
	{"operations whose machine waits for an answer are listed while their token is stored", func(t *testing.T, s Stores) {
		first := create(t, s, operation("OP-000001-AAAA", noon))
		second := create(t, s, operation("OP-000002-AAAA", noon))
		must(t, "put", s.Operations.PutToken(t.Context(), second, "review", "a"))
		must(t, "put", s.Operations.PutToken(t.Context(), first, "review", "b"))
		waiting := func() []string { return collect(t, s.Operations.Open(t.Context(), bulk.WaitsForAnswer)) }
		same(t, "both wait", waiting(), []string{second, first})
		must(t, "delete", s.Operations.DeleteToken(t.Context(), second, "review", "a"))
		same(t, "one waits", waiting(), []string{first})
		same(t, "tokens are not among those that wait for a plan", len(collect(t, s.Operations.Open(t.Context(), bulk.WaitsForPlan))), 2)
	}},
	{"a mail is due with the update that calls for it, until it is settled", func(t *testing.T, s Stores) {
		first := create(t, s, operation("OP-000001-AAAA", noon))
		second := create(t, s, operation("OP-000002-AAAA", noon))
		due := func(id string) []string {
			mails, err := s.Operations.MailsDue(t.Context(), id)
			must(t, "read", err)
			return mails
		}
		waiting := func() []string { return slices.Compact(collect(t, s.Operations.Open(t.Context(), bulk.WaitsForMail))) }
		update := func(id string, version int, at time.Time, mails ...string) error {
			op := operation(id, noon)
			op.Version = version
			return s.Operations.Update(t.Context(), op, bulk.Event{At: at, What: "mailed"}, mails...)
		}
		same(t, "none is due", len(due(first)), 0)
		must(t, "update the second", update(second, 1, noon, "ask#0#sub-grace", "ask#0#sub-lin"))
		must(t, "update the first", update(first, 1, noon.Add(time.Second), "tell#rejected"))
		same(t, "of a conflict nothing is stored", fault.CodeOf(update(first, 1, noon, "tell#expired")), fault.Conflict)
		same(t, "of the first", due(first), []string{"tell#rejected"})
		same(t, "of the second", due(second), []string{"ask#0#sub-grace", "ask#0#sub-lin"})
		same(t, "both wait", waiting(), []string{second, first})
		must(t, "settle", s.Operations.SettleMail(t.Context(), second, "ask#0#sub-grace"))
		must(t, "settle again", s.Operations.SettleMail(t.Context(), second, "ask#0#sub-grace"))
		same(t, "one is left", due(second), []string{"ask#0#sub-lin"})
		must(t, "an update without mails", update(second, 2, noon))
		must(t, "settle the other", s.Operations.SettleMail(t.Context(), second, "ask#0#sub-lin"))
		same(t, "one waits", waiting(), []string{first})
		same(t, "they wait for their plan all the same", len(collect(t, s.Operations.Open(t.Context(), bulk.WaitsForPlan))), 2)
	}},
}

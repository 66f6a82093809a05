package engine_test

import (
	"sync"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// transferred is an ended transfer to Hilltop.
func transferred(c *clinic, ids ...string) bulk.Operation {
	c.t.Helper()
	c.employ(kindtest.Directory)
	c.admit(registry.Active, ids)
	op := c.finished(transfers(ids...))
	equal(c.t, "state", op.State, bulk.Completed)
	return op
}

// open are the names of the operation's tasks that are not ticked.
func open(c *clinic, op bulk.Operation) (names []string) {
	for _, task := range c.Tasks(op) {
		if !task.Now.Done() {
			names = append(names, task.Name)
		}
	}
	return names
}

// Each task is given and ticked by people; who did it and when stands in the
// operation, and in its history without a gap.
func TestTasksAreGivenAndTicked(t *testing.T) {
	c := newClinic(t)
	op := transferred(c, "P1", "P2")
	list(t, "open", open(c, op), "provider", "visits", "records", "facilities", "failures", "sample")
	equal(t, "tasks of grace", len(sure(c.MyTasks(t.Context(), grace))), 0)

	mails := len(c.mails)
	op, err := c.GiveTask(t.Context(), ada, op.ID, "records", grace.Sub)
	must(t, err)
	_, err = c.GiveTask(t.Context(), lin, op.ID, "records", grace.Sub) // the same again
	must(t, err)
	list(t, "mailed", c.sent("A task for you: "+op.ID), grace.Email)
	equal(t, "mails", len(c.mails)-mails, 1)
	equal(t, "tasks of grace", len(sure(c.MyTasks(t.Context(), grace))), 1)

	c.now = c.now.Add(time.Hour)
	op, err = c.TickTask(t.Context(), grace, op.ID, "records", true)
	must(t, err)
	op, err = c.TickTask(t.Context(), grace, op.ID, "records", true) // the same again
	must(t, err)
	equal(t, "task", op.Task("records"), bulk.Task{Name: "records", Given: personOf(grace), Giver: personOf(ada), By: personOf(grace), At: c.now})
	equal(t, "tasks of grace", len(sure(c.MyTasks(t.Context(), grace))), 0)
	_, err = c.TickTask(t.Context(), lin, op.ID, "records", true)
	refused(t, err, fault.Conflict, "Grace Manages ticked “Pharmacies and records are told” at 13:00 UTC on 1 December 2026. Nothing new was recorded.")
	_, err = c.GiveTask(t.Context(), lin, op.ID, "records", lin.Sub)
	refused(t, err, fault.Conflict, "Grace Manages ticked “Pharmacies and records are told” at 13:00 UTC on 1 December 2026. Nothing new was recorded.")
	op, err = c.TickTask(t.Context(), lin, op.ID, "records", false)
	must(t, err)
	op, err = c.GiveTask(t.Context(), lin, op.ID, "records", "")
	must(t, err)
	equal(t, "task", op.Task("records"), bulk.Task{Name: "records"})
	equal(t, "state", op.State, bulk.Completed)

	var history []string
	events, err := c.Operations.Events(t.Context(), op.ID)
	must(t, err)
	for i, e := range events {
		equal(t, "number", e.Number, i+1)
		if e.Detail != "" && len(e.What) > 4 && e.What[:4] == "task" {
			history = append(history, e.Actor.Name+": "+e.What+": "+e.Detail)
		}
	}
	list(t, "history", history,
		"Ada Asks: task given: Pharmacies and records are told: to Grace Manages",
		"Grace Manages: task done: Pharmacies and records are told",
		"Lin Manages All: task reopened: Pharmacies and records are told",
		"Lin Manages All: task given: Pharmacies and records are told: nobody’s any more")
}

// Of many who tick at the same time one is recorded, and the others are told who.
func TestATaskIsTickedOnce(t *testing.T) {
	c := newClinic(t)
	op := transferred(c, "P1")
	who := []staff.Person{ada, grace, lin, amir}
	errs := make([]error, len(who))
	var all sync.WaitGroup
	for i, p := range who {
		all.Go(func() { _, errs[i] = c.TickTask(t.Context(), p, op.ID, "sample", true) })
	}
	all.Wait()
	ticked := c.header(op.ID).Task("sample").By
	for i, p := range who {
		if (p.Sub == ticked.Sub) != (errs[i] == nil) || errs[i] != nil && !fault.Is(errs[i], fault.Conflict) {
			t.Errorf("%s, ticked by %s: %v", p.Name, ticked.Name, errs[i])
		}
	}
}

func TestWhoMaySeeToTasks(t *testing.T) {
	c := newClinic(t)
	op := transferred(c, "P1")
	var may []string
	for _, p := range sure(c.ForTasks(t.Context(), op)) {
		may = append(may, p.Name)
	}
	list(t, "may be given one", may, "Ada Asks", "Amir Administers", "Grace Manages", "Lin Manages All")
	for _, test := range []struct {
		who      staff.Person
		id, task string
		to       string
		code     fault.Code
		sentence string
	}{
		{ula, op.ID, "sample", "", fault.Forbidden, "You may read this operation, but not see to its tasks: that takes the right Staff or higher."},
		{henry, op.ID, "sample", "", fault.NotFound, "There is no operation " + op.ID + ", or you may not see it."},
		{ada, op.ID, "lunch", "", fault.NotFound, op.ID + " has no such task. Tasks are there once an operation has run and changed somebody."},
		{ada, op.ID, "sample", henry.Sub, fault.Invalid, "This task cannot be given to that person: choose one of those who may see this operation."},
	} {
		_, err := c.GiveTask(t.Context(), test.who, test.id, test.task, test.to)
		refused(t, err, test.code, test.sentence)
		if test.to == "" {
			_, err = c.TickTask(t.Context(), test.who, test.id, test.task, true)
			refused(t, err, test.code, test.sentence)
		}
	}
}

// An operation has tasks once it has changed somebody, and so has its rollback:
// the same people have to be told again.
func TestWhichOperationsHaveTasks(t *testing.T) {
	c := newClinic(t)
	op := transferred(c, "P1")
	back := c.again(op, bulk.Rollback)
	equal(t, "tasks of the rollback", len(c.Tasks(back)), len(kind.FacilityTransfer.Tasks))
	c.admit(registry.Active, []string{"P2"})
	other := asks(registry.OnHold, "P2")
	other.Key += "-2"
	equal(t, "tasks of a status change", len(c.Tasks(c.finished(other))), 0)
	waiting := transfers("P2")
	waiting.Key += "-3"
	equal(t, "tasks of one that waits", len(c.Tasks(c.submitted(waiting))), 0)
}

func sure[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func personOf(p staff.Person) bulk.Person {
	return bulk.Person{Sub: p.Sub, Name: p.Name, Email: p.Email}
}

package engine_test

import (
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// edits asks for On Hold in the place of an operation.
func edits(op bulk.Operation) engine.Request {
	return engine.Request{Kind: op.Kind, Params: bulk.Params{kind.StatusTo: "On Hold", kind.HoldReason: "Family request"}, Edits: op.ID, Key: "edit-0123456789abcdef"}
}

func TestARequestIsEditedFromWhereverItHasNotRun(t *testing.T) {
	reach := map[string]func(*clinic, engine.Request) bulk.Operation{
		"ready":    func(c *clinic, r engine.Request) bulk.Operation { return c.planned(r) },
		"awaiting": func(c *clinic, r engine.Request) bulk.Operation { return c.submitted(r) },
		"to start later": func(c *clinic, r engine.Request) bulk.Operation {
			op := c.planned(r)
			s := submission(op)
			s.Start = engine.StartWish{Date: "2026-12-03", Time: "22:30", Zone: "UTC"}
			op, err := c.Submit(c.t.Context(), ada, op.ID, s)
			must(c.t, err)
			return c.approve(op)
		},
		"rejected": func(c *clinic, r engine.Request) bulk.Operation {
			op := c.submitted(r)
			op, err := c.Decide(c.t.Context(), grace, op.ID, engine.DecisionRequest{Verdict: bulk.Reject, Digest: op.Plan.Digest, Comment: "Which payment?"})
			must(c.t, err)
			return op
		},
		"expired": func(c *clinic, r engine.Request) bulk.Operation {
			op := c.submitted(r)
			c.now = op.Approval.Expires
			c.watch()
			return c.header(op.ID)
		},
		"cancelled": func(c *clinic, r engine.Request) bulk.Operation {
			op, err := c.Cancel(c.t.Context(), ada, c.planned(r).ID)
			must(c.t, err)
			return op
		},
	}
	for name, to := range reach {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(3))
			r := asks(registry.OnHold, "P001", "P002", "nobody")
			r.Duplicate, r.Selection.Source, r.Selection.File, r.Selection.Rows = 4, bulk.Uploaded, "f11e", []int{2, 3, 7}
			old := to(c, r)
			op, err := c.Request(t.Context(), ada, edits(old))
			must(t, err)
			was, err := c.store.Selection(t.Context(), old.ID)
			must(t, err)
			is, err := c.store.Selection(t.Context(), op.ID)
			must(t, err)
			list(t, "selected", is.IDs, was.IDs...)
			list(t, "rows", is.Rows, was.Rows...)
			equal(t, "file", op.Selected.File, "f11e")
			equal(t, "merged", op.Selected.Duplicates, 4)
			equal(t, "origin", *op.Origin, bulk.Link{As: bulk.Edited, Operation: old.ID})
			list(t, "follow", c.header(old.ID).Follow, bulk.Link{As: bulk.Edited, Operation: op.ID})
			want := old.State
			if !want.Ended() {
				want = bulk.Cancelled
			}
			equal(t, "the old one", c.header(old.ID).State, want)

			again, err := c.Request(t.Context(), ada, edits(old))
			must(t, err)
			equal(t, "sent twice", again.ID, op.ID)
			must(t, c.Plan(t.Context(), op.ID))
			equal(t, "changes", c.header(op.ID).Plan.Changes, 2)
		})
	}
}

func TestAnEditMayChooseOtherPatients(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	old := c.submitted(asks(registry.OnHold, "P001"))
	r := edits(old)
	r.Selection = bulk.Selection{Source: bulk.Pasted, IDs: []string{"P003"}}
	op := c.planned(r)
	list(t, "subjects", c.subjects(op), "P003")
}

func TestWhatIsWrongWithAnEditLeavesTheOldRequestAsItIs(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	old := c.submitted(asks(registry.OnHold, "P001"))
	r := edits(old)
	r.Params = bulk.Params{kind.StatusTo: "On Hold"}
	_, err := c.Request(t.Context(), ada, r)
	equal(t, "code", fault.CodeOf(err), fault.Invalid)
	equal(t, "the old one", c.header(old.ID).State, bulk.AwaitingApproval)
}

func TestWhatCannotBeEdited(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(9))
	foreign := c.submitted(asks(registry.OnHold, "P001"))
	_, err := c.Request(t.Context(), grace, edits(foreign))
	refused(t, err, fault.Forbidden, "Only Ada Asks, who asked for it, can edit this request.")
	_, err = c.Request(t.Context(), ben, edits(foreign))
	equal(t, "one that somebody may not see", fault.CodeOf(err), fault.NotFound)

	r := asks(registry.OnHold, "P002")
	r.Key = "another-0123456789abcdef"
	running := c.started(r)
	_, err = c.Request(t.Context(), ada, edits(running))
	refused(t, err, fault.Conflict, running.ID+" cannot be edited: it is running.")
	ended := c.finish(running)
	_, err = c.Request(t.Context(), ada, edits(ended))
	refused(t, err, fault.Conflict, ended.ID+" cannot be edited: it is completed.")

	back := c.follow(ended, bulk.Rollback)
	r = edits(back)
	r.Kind, r.Params = "status-change", bulk.Params{kind.StatusTo: "Active"}
	_, err = c.Request(t.Context(), ada, r)
	refused(t, err, fault.Conflict, back.ID+" was made from another operation. Open that one and run it again, or roll it back, from there.")
}

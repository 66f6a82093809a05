package engine

import (
	"context"
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
)

// listedPerPage is how many patients of a list are stored together.
const listedPerPage = 200

// gather adds to the plan what a planner has gathered: the lists of patients
// first, then the changes whose notices name them.
func (w *planWriter) gather(ctx context.Context, g kind.Gathering) error {
	changes, lists, refusal := g.Gathered()
	if refusal != "" {
		return fault.New(fault.Invalid, "%s", refusal)
	}
	for n, patients := range lists {
		page := 0
		for ids := range slices.Chunk(patients, listedPerPage) {
			page++
			if err := w.engine.Operations.PutListed(ctx, w.op.ID, w.summary.Run, n+1, page, ids); err != nil {
				return err
			}
		}
	}
	for _, c := range changes {
		if err := w.change(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// notice counts a notice and the patients whom it is about, each list once.
func (w *planWriter) notice(n bulk.Notice) {
	w.summary.Notices++
	for _, l := range n.Lists {
		if !w.lists[l] {
			w.lists[l] = true
			w.summary.Listed += l.Patients
			w.summary.ByFacility[l.Facility] += l.Patients
		}
	}
}

// listsHold reports whether the stored lists of a batch's notices are those that
// the plan's digest covers. known has those that were looked at before.
func (e *Engine) listsHold(ctx context.Context, op bulk.Operation, b bulk.Batch, known map[bulk.List]bool) (bool, error) {
	for _, c := range b.Changes {
		if c.Notice == nil {
			continue
		}
		for _, l := range c.Notice.Lists {
			if known[l] {
				continue
			}
			known[l] = true
			var all []string
			for page := 1; page <= listPages(l); page++ {
				ids, err := e.listed(ctx, op, l, page)
				if fault.Is(err, fault.NotFound) {
					return false, nil
				}
				if err != nil {
					return false, err
				}
				all = append(all, ids...)
			}
			if bulk.ListDigest(all) != l.Digest {
				return false, nil
			}
		}
	}
	return true, nil
}

// listed reads a page of a list that a notice of the operation names.
func (e *Engine) listed(ctx context.Context, op bulk.Operation, l bulk.List, page int) ([]string, error) {
	run := op.Plan.Run
	if l.Of != "" {
		of, err := e.Operations.Operation(ctx, l.Of)
		if err != nil {
			return nil, err
		}
		op.ID, run = l.Of, of.Plan.Run
	}
	return e.Operations.Listed(ctx, op.ID, run, l.Number, page)
}

func listPages(l bulk.List) int { return (l.Patients + listedPerPage - 1) / listedPerPage }

// noticeOf is a change of an earlier operation whose notice names the lists as
// those of that operation.
func noticeOf(id string, c bulk.Change) *bulk.Change {
	notice := *c.Notice
	notice.Lists = slices.Clone(notice.Lists)
	for i := range notice.Lists {
		if notice.Lists[i].Of == "" {
			notice.Lists[i].Of = id
		}
	}
	c.Notice = &notice
	return &c
}

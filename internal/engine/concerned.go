package engine

import (
	"context"
	"strconv"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Concerned is a notice with a page of the patients whom it is about.
type Concerned struct {
	Operation bulk.Operation
	Change    bulk.Change
	Patients  []registry.Patient
	Hidden    int // further ones of this page whom the person may not see
	Elsewhere int // patients of lists of facilities that the person does not hold
	Page      int // from 1
	Pages     int
}

// Concerned returns the patients whom a notice is about, by the number that its
// mail has: to everybody who holds a facility that it is about, once it may
// have been sent, and before that to who may see the operation. Of the patients
// it returns those who are in facilities that the person holds now. Everything
// else is the same fault.NotFound as an unknown number.
func (e *Engine) Concerned(ctx context.Context, actor staff.Person, id, number string, page int) (Concerned, error) {
	unknown := fault.New(fault.NotFound, "There is no such message, or you may not see whom it is about.")
	op, err := e.Operations.Operation(ctx, id)
	if fault.Is(err, fault.NotFound) || err == nil && op.Started.IsZero() && !sees(actor, op) {
		return Concerned{}, unknown
	}
	if err != nil {
		return Concerned{}, err
	}
	c := Concerned{Operation: op, Page: page}
	batch, n := parseNoticeNumber(number)
	changes, err := e.Changes(ctx, op, batch)
	if err != nil {
		return c, err
	}
	if n < 0 || n >= len(changes) || changes[n].Notice == nil {
		return Concerned{}, unknown
	}
	c.Change = changes[n]
	var list bulk.List // that the page is of
	within := 0
	for _, l := range c.Change.Notice.Lists {
		if !actor.Holds(l.Facility) {
			c.Elsewhere += l.Patients
			continue
		}
		if first := c.Pages + 1; page >= first && page < first+listPages(l) {
			list, within = l, page-first+1
		}
		c.Pages += listPages(l)
	}
	if within == 0 {
		return Concerned{}, unknown
	}
	ids, err := e.listed(ctx, op, list, within)
	if err != nil {
		return c, err
	}
	found, err := e.Registry.Patients(ctx, ids)
	if err != nil {
		return c, err
	}
	for _, id := range ids {
		if p, ok := found[id]; ok && actor.Holds(p.Facility()) {
			c.Patients = append(c.Patients, p)
		} else {
			c.Hidden++
		}
	}
	return c, nil
}

// parseNoticeNumber reads what NoticeNumber wrote; change is -1 for anything else.
func parseNoticeNumber(number string) (batch, change int) {
	first, second, _ := strings.Cut(number, "-")
	batch, errBatch := strconv.Atoi(first)
	change, errChange := strconv.Atoi(second)
	if errBatch != nil || errChange != nil || NoticeNumber(batch, change-1) != number {
		return 0, -1
	}
	return batch, change - 1
}

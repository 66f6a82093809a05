package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/slots"
)

// What follows finds what has changed since the preview around the records of a
// plan: who has room, who works when, what was booked. That the records
// themselves are as planned, the store sees to when they are written.

// lookup returns the directory, which it reads at most once.
type lookup func() (registry.Directory, error)

func (e *Engine) lookup(ctx context.Context) lookup {
	return sync.OnceValues(func() (registry.Directory, error) { return e.Registry.Directory(ctx) })
}

// recheck returns those of a group's changes that can still be made, and what is
// to be said of the others, none of which is. It sees what was booked by hand or
// by an import, which hold no slots; against other operations the slots are what
// counts. What undoes changes asks only for the times that it needs.
func (e *Engine) recheck(ctx context.Context, op bulk.Operation, b bulk.Batch, group int, directory lookup) (rest []bulk.Change, outcomes []bulk.Outcome, err error) {
	todo := b.Group(group)
	k, err := mustKind(op.Kind)
	if err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(todo, func(c bulk.Change) bool { return asksAround(k, c) }) {
		return todo, nil, nil
	}
	d, err := directory()
	if err != nil {
		return nil, nil, err
	}
	bookings, err := e.bookings(ctx, todo, d)
	if err != nil {
		return nil, nil, err
	}
	agenda, err := e.agenda(ctx, bookings)
	if err != nil {
		return nil, nil, err
	}
	g := groupCheck{kind: k, op: op, now: e.Now(), directory: d, bookings: bookings, agenda: agenda}
	var refused []bulk.Change
	for i, c := range todo {
		outcome := g.outcome(b.Number, b.Begin(group)+i, c)
		if outcome != nil {
			outcome.Subject, outcome.State = c.Subject, bulk.Skipped
			outcomes, refused = append(outcomes, *outcome), append(refused, c)
			continue
		}
		rest = append(rest, c)
		g.made = append(g.made, bookings[c.Subject]...)
	}
	return rest, outcomes, e.ownReasons(ctx, refused, outcomes)
}

// asksAround reports whether more than a change's own records decides whether it
// can be made.
func asksAround(k kind.Kind, c bulk.Change) bool {
	return k.Destinations != nil || slices.ContainsFunc(c.Edits, func(e bulk.Edit) bool { return e.Ref.IsVisit() })
}

// ownReasons puts what happened to a subject's own records before what happened
// around them: a locked record is locked, whether there is room or not.
func (e *Engine) ownReasons(ctx context.Context, changes []bulk.Change, outcomes []bulk.Outcome) error {
	var refs []registry.Ref
	for _, c := range changes {
		for _, edit := range c.Edits {
			refs = append(refs, edit.Ref)
		}
	}
	if len(refs) == 0 {
		return nil
	}
	records, err := e.Registry.Records(ctx, refs)
	if err != nil {
		return err
	}
	for i, c := range changes {
		c.Edits = slices.DeleteFunc(slices.Clone(c.Edits), func(edit bulk.Edit) bool { return edit.Ref.IsSlot() })
		if own, found := difference(c, records); found {
			outcomes[i] = own
		}
	}
	return nil
}

// groupCheck is what is known for the changes of one group, and what those made
// before have booked.
type groupCheck struct {
	kind      kind.Kind
	op        bulk.Operation
	now       time.Time
	directory registry.Directory
	bookings  map[string][]booking
	agenda    agenda
	made      []booking
}

// outcome says why a change can no longer be made; nil when it can.
func (g *groupCheck) outcome(batch, place int, c bulk.Change) *bulk.Outcome {
	for _, f := range g.op.Full {
		if f.Refuses(batch, place, c) {
			return &bulk.Outcome{Code: bulk.NoRoomLeft, Sentence: f.Sentence, Retryable: true}
		}
	}
	if passed := g.passed(c); passed != nil {
		return passed
	}
	if g.kind.Follows {
		own := ownVisits(c)
		for _, b := range g.bookings[c.Subject] {
			if _, meets := g.agenda.clash(b, own, g.op.ID); meets {
				taken := slotTaken(c.Subject, b.visit, g.directory)
				return &taken
			}
		}
		return nil
	}
	if x := kind.Unsuited(c, g.directory); x != nil {
		return &bulk.Outcome{Code: bulk.Unsuited, Sentence: x.Sentence, Retryable: true}
	}
	return g.inTheWay(c)
}

// passed says that a visit of the change has begun: a new one is not booked any
// more, and what took place is not rewritten, except by what takes that back.
func (g *groupCheck) passed(c bulk.Change) *bulk.Outcome {
	for _, e := range c.Edits {
		start, visit := e.Ref.VisitStart()
		ends := e.Inverse().Creates()
		if !visit || start.After(g.now) || g.kind.Follows && !e.Creates() && !ends {
			continue
		}
		o := &bulk.Outcome{Code: bulk.SlotPassed, Retryable: !g.kind.Follows}
		f, _ := g.directory.Facility(cmp.Or(e.After[registry.FacilityField], e.Reads[registry.FacilityField], c.Facility))
		o.Sentence = fmt.Sprintf("The time of a visit, %s, had passed when it was to be changed.", f.LocalTime(start))
		switch {
		case ends:
			o.Sentence = fmt.Sprintf("A visit that was booked, %s, had begun when it was to be taken away.", f.LocalTime(start))
		case e.Creates():
			o.Sentence = fmt.Sprintf("The time of the visit, %s, had passed when it was to be booked.", f.LocalTime(start))
		}
		return o
	}
	return nil
}

// inTheWay says why the change's visits cannot all take place: somebody is off,
// or closed, or has other visits by now.
func (g *groupCheck) inTheWay(c bulk.Change) *bulk.Outcome {
	calendar := g.calendarFor(c)
	var more []slots.Visit
	for _, b := range g.bookings[c.Subject] {
		v := slots.VisitOf(b.visit)
		if (b.isNew || b.moved) && !calendar.Opens(v) {
			return &bulk.Outcome{Code: bulk.Shut, Retryable: true, Sentence: fmt.Sprintf("%s is closed by now at the time of the visit, %s.",
				g.directory.Display(registry.FacilityField, v.Facility), g.time(b))}
		}
		if !b.held {
			continue
		}
		perDay := 0
		if g.kind.MostADay != nil {
			perDay = g.kind.MostADay(g.op.Params, g.directory, v.Provider)
		}
		who := g.directory.Display(registry.ProviderField, v.Provider)
		switch calendar.Fits(v, perDay, more) {
		case slots.Taken:
			taken := slotTaken(c.Subject, b.visit, g.directory)
			return &taken
		case slots.Full:
			return &bulk.Outcome{Code: bulk.DayFull, Retryable: true,
				Sentence: fmt.Sprintf("%s has by now as many visits as they may have on the day of the visit, %s.", who, g.time(b))}
		case slots.Shut:
			return &bulk.Outcome{Code: bulk.Shut, Retryable: true, Sentence: fmt.Sprintf("%s is off by now at the time of the visit, %s.", who, g.time(b))}
		}
		more = append(more, v)
	}
	return nil
}

// calendarFor has what providers have on the days of the change's visits when it
// is made: not what it frees, and of the group's own only what comes before.
func (g *groupCheck) calendarFor(c bulk.Change) *slots.Calendar {
	calendar := slots.New(g.directory, g.now)
	own := ownVisits(c)
	booked := map[registry.Ref]bool{}
	for _, list := range g.bookings {
		for _, b := range list {
			booked[b.visit.Ref] = b.held
		}
	}
	seen := map[registry.Ref]bool{}
	for _, b := range g.bookings[c.Subject] {
		for _, v := range g.agenda[b.days].visits {
			if !seen[v.Ref] && !booked[v.Ref] && !slices.Contains(own, v.Ref) {
				calendar.Book(slots.VisitOf(v))
			}
			seen[v.Ref] = true
		}
	}
	for _, b := range g.made {
		if b.held {
			calendar.Book(slots.VisitOf(b.visit))
		}
	}
	return calendar
}

func (g *groupCheck) time(b booking) string {
	f, _ := g.directory.Facility(b.visit.Get(registry.FacilityField))
	return f.LocalTime(b.visit.Start())
}

// slotTaken is the outcome of a subject whose visit's time is no longer free.
func slotTaken(subject string, visit registry.Record, d registry.Directory) bulk.Outcome {
	f, _ := d.Facility(visit.Get(registry.FacilityField))
	return bulk.Outcome{Subject: subject, State: bulk.Skipped, Code: bulk.SlotTaken, Retryable: true,
		Sentence: fmt.Sprintf("The slot at %s with %s was taken since the preview.",
			f.LocalTime(visit.Start()), d.Display(registry.ProviderField, visit.Get(registry.ProviderField)))}
}

package engine

import (
	"context"
	"fmt"
	"slices"

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

// room counts whom providers and facilities can still take, along a plan.
type room struct {
	kind.Room
	full []bulk.Full
}

// roomFor counts the patients of those to whom the operation leads.
func (e *Engine) roomFor(ctx context.Context, op bulk.Operation) (*room, error) {
	k, err := mustKind(op.Kind)
	if err != nil {
		return nil, err
	}
	var w kind.World
	if k.Destinations != nil {
		if w.Directory, err = e.Registry.Directory(ctx); err != nil {
			return nil, err
		}
		if w.Patients, w.Residents, err = e.counted(ctx, k, op.Params, w.Directory); err != nil {
			return nil, err
		}
	}
	return &room{Room: k.Room(op.Params, w)}, nil
}

// take counts the subjects of the next batch where they are to go, and keeps from
// which place on there is no room.
func (r *room) take(b bulk.Batch) {
	for i, c := range b.Changes {
		if slices.ContainsFunc(r.full, func(f bulk.Full) bool { return f.Refuses(b.Number, i, c) }) {
			continue
		}
		if field, to, why := r.Take(c); why != nil {
			r.full = append(r.full, bulk.Full{Field: field, ID: to, Batch: b.Number, Change: i, Sentence: why.Sentence})
		}
	}
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
	if k.Books == nil && k.Destinations == nil && !slices.ContainsFunc(todo, movesVisits) {
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
	g := groupCheck{engine: e, kind: k, op: op, directory: d, bookings: bookings, agenda: agenda}
	for i, c := range todo {
		outcome := g.outcome(b.Number, b.Begin(group)+i, c)
		if outcome != nil {
			outcome.Subject, outcome.State, outcome.Retryable = c.Subject, bulk.Skipped, true
			outcomes = append(outcomes, *outcome)
			continue
		}
		rest = append(rest, c)
		g.made = append(g.made, bookings[c.Subject]...)
	}
	return rest, outcomes, nil
}

func movesVisits(c bulk.Change) bool { return slices.ContainsFunc(c.Edits, bulk.Edit.Occupies) }

// groupCheck is what is known for the changes of one group, and what those made
// before have booked.
type groupCheck struct {
	engine    *Engine
	kind      kind.Kind
	op        bulk.Operation
	directory registry.Directory
	bookings  map[string][]booking
	agenda    agenda
	made      []booking
}

// outcome says why a change can no longer be made; nil when it can.
func (g *groupCheck) outcome(batch, place int, c bulk.Change) *bulk.Outcome {
	for _, f := range g.op.Full {
		if f.Refuses(batch, place, c) {
			return &bulk.Outcome{Code: bulk.NoRoomLeft, Sentence: f.Sentence}
		}
	}
	now := g.engine.Now()
	for _, b := range g.bookings[c.Subject] {
		if b.isNew && !b.visit.Start().After(now) {
			return &bulk.Outcome{Code: bulk.SlotPassed,
				Sentence: fmt.Sprintf("The time of the visit, %s, had passed when it was to be booked.", g.time(b))}
		}
	}
	if g.kind.Follows {
		own := ownVisits(c)
		for _, b := range g.bookings[c.Subject] {
			if _, meets := g.agenda.clash(b, own); meets {
				taken := slotTaken(c.Subject, b.visit, g.directory)
				return &taken
			}
		}
		return nil
	}
	if x := kind.Unsuited(c, g.directory); x != nil {
		return &bulk.Outcome{Code: bulk.Unsuited, Sentence: x.Sentence}
	}
	return g.inTheWay(c)
}

// inTheWay says why the change's visits cannot all take place: somebody is off,
// or closed, or has other visits by now.
func (g *groupCheck) inTheWay(c bulk.Change) *bulk.Outcome {
	calendar := g.calendarFor(c)
	var more []slots.Visit
	for _, b := range g.bookings[c.Subject] {
		v := slots.VisitOf(b.visit)
		if (b.isNew || b.moved) && !calendar.Opens(v) {
			return &bulk.Outcome{Code: bulk.Shut, Sentence: fmt.Sprintf("%s is closed by now at the time of the visit, %s.",
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
			return &bulk.Outcome{Code: bulk.DayFull,
				Sentence: fmt.Sprintf("%s has by now as many visits as they may have on the day of the visit, %s.", who, g.time(b))}
		case slots.Shut:
			return &bulk.Outcome{Code: bulk.Shut, Sentence: fmt.Sprintf("%s is off by now at the time of the visit, %s.", who, g.time(b))}
		}
		more = append(more, v)
	}
	return nil
}

// calendarFor has what providers have on the days of the change's visits when it
// is made: not what it frees, and of the group's own only what comes before.
func (g *groupCheck) calendarFor(c bulk.Change) *slots.Calendar {
	calendar := slots.New(g.directory, g.engine.Now())
	own := ownVisits(c)
	booked := map[registry.Ref]bool{}
	for _, list := range g.bookings {
		for _, b := range list {
			booked[b.visit.Ref] = true
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

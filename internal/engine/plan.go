package engine

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

const (
	exclusionsPerPage = 500
	// maxPageBytes keeps a stored page below that limit, too, whatever its sentences say.
	maxPageBytes = 300_000
	// maxBatchParts keeps a stored batch far below the store's 400 KB an item,
	// also where every patient has many visits, or every notice many lists.
	maxBatchParts = 2000
	// readsInFlight is how many chunks of patients are read ahead while planning.
	readsInFlight = 4
)

// Plan works out and freezes the plan of an operation. It has no side effect
// but the stored plan. Called again, also while an earlier call still runs, it
// makes a plan of its own; the first to finish counts.
func (e *Engine) Plan(ctx context.Context, id string) error {
	op, err := e.Operations.Operation(ctx, id)
	if err != nil {
		return err
	}
	if op.State != bulk.Planning {
		return nil
	}
	if err := e.link(ctx, op); err != nil { // where the request did not come to it
		return err
	}
	summary, err := e.makePlan(ctx, op)
	op, updateErr := e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		if op.State != bulk.Planning {
			return bulk.Event{}, errNothingNew
		}
		now := e.Now()
		switch fault.CodeOf(err) {
		case "":
			op.State, op.Planned, op.Plan = bulk.Ready, now, summary
			return bulk.Event{What: "planned", Detail: fmt.Sprintf("%d changes, %d left out, digest %s",
				summary.Changes, summary.Excluded, bulk.Speak(summary.Digest))}, nil
		case fault.TooLarge, fault.Forbidden, fault.Invalid:
			op.State, op.Ended, op.Cause = bulk.FailedState, now, fault.Sentence(err)
			return bulk.Event{What: "failed", Detail: op.Cause}, nil
		}
		return bulk.Event{}, err
	})
	if updateErr == nil {
		e.post(ctx, op)
	}
	return updateErr
}

// makePlan stores the batches and exclusions of a new run of planning.
func (e *Engine) makePlan(ctx context.Context, op bulk.Operation) (bulk.PlanSummary, error) {
	selection, err := e.Operations.Selection(ctx, op.ID)
	if err != nil {
		return bulk.PlanSummary{}, err
	}
	directory, err := e.Registry.Directory(ctx)
	if err != nil {
		return bulk.PlanSummary{}, err
	}
	requester, err := e.Staff.Person(ctx, op.Requester.Sub)
	if err != nil && !fault.Is(err, fault.NotFound) { // nobody has no rights
		return bulk.PlanSummary{}, err
	}
	if err := mayAsk(requester); err != nil {
		return bulk.PlanSummary{}, err
	}
	k, err := mustKind(op.Kind)
	if err != nil {
		return bulk.PlanSummary{}, err
	}
	w := &planWriter{
		engine: e, op: op, digest: bulk.NewDigester(op.Kind, op.Params),
		summary: bulk.PlanSummary{Run: e.Secret(), ByReason: map[bulk.ExclusionCode]int{}, ByFacility: map[string]int{}, ByProvider: map[string]int{},
			Before: bulk.Counts{}, After: bulk.Counts{}, Rows: map[string]int{}},
		touched: map[string]bool{}, leftOut: map[string]bool{}, lists: map[bulk.List]bool{},
	}
	world, err := e.world(ctx, k, op.Params, directory, requester)
	if err != nil {
		return bulk.PlanSummary{}, err
	}
	planner := k.New(op.Params, world)
	chosen := func(registry.Patient) bool { return true }
	if selection.Source == bulk.ByFilter {
		chosen = selection.Filter.Matcher(directory, e.Now())
	}
	chunks := e.chunks(ctx, selection)
	also := reading{records: recordsFor(k, op.Params), parts: k.ReadsParts(op.Params)}
	seen := map[string]bool{}
	for chunk, err := range e.readAhead(ctx, chunks, also) {
		if err != nil {
			return bulk.PlanSummary{}, err
		}
		var lost map[string]*bulk.Exclusion
		if k.Follows {
			if lost, err = e.lostTimes(ctx, op.Params[kind.Undoes], chunk.candidates, directory); err != nil {
				return bulk.PlanSummary{}, err
			}
		}
		for _, c := range chunk.candidates {
			p, found := chunk.patients[c.id]
			if selection.Source == bulk.ByFilter && (!found || seen[c.id] || !chosen(p)) {
				continue
			}
			subject := kind.Subject{Patient: p, Given: c.given, Done: c.change, Records: chunk.records, Parts: chunk.parts[c.id]}
			change, exclusion := planOne(k, planner, requester, subject, found, seen[c.id], directory)
			seen[c.id] = true
			if x := lost[c.id]; x != nil && exclusion == nil {
				x.Name, exclusion = p.Name(), x
			}
			switch {
			case exclusion != nil:
				exclusion.Subject, exclusion.Row = c.id, c.row
				if exclusion.Name != "" && p.Facility() != "" { // a recipient is in none
					w.leftOut[p.Facility()] = true
				}
				err = w.exclude(ctx, *exclusion)
			case change.Subject != "":
				change.Row = c.row
				w.summary.ByProvider[p.Provider()]++
				err = w.change(ctx, change)
			} // else it was counted by a planner that gathers
			if w.looked++; err == nil && w.looked > e.Limits.MaxSubjects {
				err = fault.New(fault.TooLarge, "More than %s patients match. An operation takes at most that many: divide them, for example by facility.",
					english.Number(e.Limits.MaxSubjects))
			}
			if err != nil {
				return bulk.PlanSummary{}, err
			}
		}
	}
	if gathering, ok := planner.(kind.Gathering); ok {
		if err := w.gather(ctx, gathering); err != nil {
			return bulk.PlanSummary{}, err
		}
	}
	return w.finish(ctx)
}

// planOne applies the rules that hold for every kind, then the kind's own.
func planOne(k kind.Kind, planner kind.Planner, requester staff.Person, s kind.Subject, found, again bool, d registry.Directory) (bulk.Change, *bulk.Exclusion) {
	p := s.Patient
	name := p.Name()
	switch {
	case again:
		return bulk.Change{}, &bulk.Exclusion{Code: bulk.Duplicate, Sentence: "This id is in the list more than once; only the first counts."}
	case s.Done != nil && s.Done.Notice != nil: // a recipient
		name = s.Done.Name
	case !found:
		return bulk.Change{}, &bulk.Exclusion{Code: bulk.UnknownSubject, Sentence: "There is no patient with this id."}
	case !requester.Holds(p.Facility()):
		return bulk.Change{}, &bulk.Exclusion{Code: bulk.OtherFacility, Sentence: "This patient is in a facility that you do not hold."}
	case p.LockedBy() != "" && !k.ReadOnly:
		return bulk.Change{}, &bulk.Exclusion{Name: p.Name(), Code: bulk.Locked, Sentence: lockedSentence(p.Record)}
	}
	change, exclusion := planner.Plan(s)
	if exclusion == nil {
		exclusion = beyond(change, requester, d)
	}
	if exclusion != nil {
		exclusion.Name = name
	} else if c, ok := planner.(kind.Counting); ok {
		c.Planned(change)
	}
	return change, exclusion
}

// beyond says why a change cannot be made although its kind allows it.
func beyond(c bulk.Change, requester staff.Person, d registry.Directory) *bulk.Exclusion {
	if x := bulk.TooMany(len(c.Edits)); x != nil {
		return x
	}
	for _, f := range c.Facilities() {
		if !requester.Holds(f) {
			return &bulk.Exclusion{Code: bulk.OtherFacility, Sentence: fmt.Sprintf(
				"This change also touches %s, which you do not hold.", d.Display(registry.FacilityField, f))}
		}
	}
	return nil
}

func lockedSentence(r registry.Record) string {
	sentence := "The record is locked by " + r.Get(registry.LockedBy)
	if why := r.Get(registry.LockedWhy); why != "" {
		sentence += ": " + why
	}
	return sentence + "."
}

// candidate is an id to be looked up: one that may become a subject, or the
// subject of a change that was planned.
type candidate struct {
	id     string
	row    int // in the uploaded file
	given  registry.Fields
	change *bulk.Change // the planned one, or what an earlier operation did
}

// chunks yields the candidates of a selection, a batch at a time.
func (e *Engine) chunks(ctx context.Context, s bulk.Selection) iter.Seq2[[]candidate, error] {
	return func(yield func([]candidate, error) bool) {
		chunk := make([]candidate, 0, bulk.BatchSize)
		for c, err := range e.candidates(ctx, s) {
			if err != nil {
				yield(nil, err)
				return
			}
			chunk = append(chunk, c)
			if len(chunk) == bulk.BatchSize {
				if !yield(chunk, nil) {
					return
				}
				chunk = make([]candidate, 0, bulk.BatchSize)
			}
		}
		if len(chunk) > 0 {
			yield(chunk, nil)
		}
	}
}

// candidates yields ids in the order given, or, for a filter, those of the
// provider or of one facility after the other, by name.
func (e *Engine) candidates(ctx context.Context, s bulk.Selection) iter.Seq2[candidate, error] {
	return func(yield func(candidate, error) bool) {
		switch s.Source {
		case bulk.FromDone, bulk.FromLeft:
			e.earlier(ctx, s)(yield)
			return
		case bulk.ByFilter:
		default:
			for i, id := range s.IDs {
				c := candidate{id: id}
				if i < len(s.Rows) {
					c.row = s.Rows[i]
				}
				if i < len(s.Given) {
					c.given = s.Given[i]
				}
				if !yield(c, nil) {
					return
				}
			}
			return
		}
		except := make(map[string]bool, len(s.Except))
		for _, id := range s.Except {
			except[id] = true
		}
		var sources []iter.Seq2[string, error]
		if s.Filter.Provider != "" && s.Filter.Provider != registry.Nobody {
			sources = append(sources, e.Registry.PatientIDsOf(ctx, s.Filter.Provider))
		} else {
			for _, facility := range s.Filter.Facilities {
				sources = append(sources, e.Registry.PatientIDs(ctx, facility))
			}
		}
		for _, ids := range sources {
			for id, err := range ids {
				if !except[id] && !yield(candidate{id: id}, err) {
					return
				}
			}
		}
	}
}

// planWriter stores a plan part by part, so that a plan of any size takes the
// memory of one batch and a few bytes for each subject.
type planWriter struct {
	engine  *Engine
	op      bulk.Operation
	digest  *bulk.Digester
	summary bulk.PlanSummary
	touched map[string]bool    // facilities
	leftOut map[string]bool    // facilities of those excluded by name
	lists   map[bulk.List]bool // that notices are about
	looked  int                // candidates

	changes    []bulk.Change
	parts      int // edits and lists of these changes
	exclusions []bulk.Exclusion
	pageBytes  int // of these exclusions, about
	subjects   bulk.Subjects
}

func (w *planWriter) change(ctx context.Context, c bulk.Change) error {
	parts := len(c.Edits)
	if c.Notice != nil {
		parts += len(c.Notice.Lists)
	}
	if w.parts+parts > maxBatchParts {
		if err := w.flushChanges(ctx); err != nil {
			return err
		}
	}
	w.changes = append(w.changes, c)
	w.parts += parts
	w.summary.Changes++
	if c.Notice != nil {
		w.notice(*c.Notice)
	} else {
		w.summary.ByFacility[c.Facility]++
	}
	touched, cancelled := c.Visits()
	w.summary.Visits += touched
	w.summary.Cancelled += cancelled
	for _, facility := range c.Facilities() {
		w.touched[facility] = true
	}
	for _, edit := range c.Edits {
		if edit.Books() {
			w.summary.Booked++
		}
		if edit.Moves() {
			w.summary.Moved++
		}
		for _, field := range bulk.Counted {
			if before, ok := edit.Before[field]; ok && edit.Ref.Part == registry.ProfilePart {
				w.summary.Before.Add(field, before)
				w.summary.After.Add(field, edit.After[field])
			}
		}
	}
	if c.Extract != nil {
		w.summary.Bytes += c.Extract.Bytes
		for sheet, rows := range c.Extract.Rows {
			w.summary.Rows[sheet] += rows
		}
	}
	if len(w.changes) == bulk.BatchSize {
		return w.flushChanges(ctx)
	}
	return nil
}

func (w *planWriter) exclude(ctx context.Context, x bulk.Exclusion) error {
	size := 100 + len(x.Subject) + len(x.Name) + len(x.Sentence)
	if w.pageBytes+size > maxPageBytes {
		if err := w.flushExclusions(ctx); err != nil {
			return err
		}
	}
	w.exclusions = append(w.exclusions, x)
	w.pageBytes += size
	w.digest.Exclusion(x)
	w.summary.Excluded++
	w.summary.ByReason[x.Code]++
	if len(w.exclusions) == exclusionsPerPage {
		return w.flushExclusions(ctx)
	}
	return nil
}

func (w *planWriter) flushChanges(ctx context.Context) error {
	if len(w.changes) == 0 {
		return nil
	}
	w.summary.Batches++
	batch := bulk.NewBatch(w.summary.Batches, w.changes)
	w.digest.Batch(batch)
	w.subjects = w.subjects.With(batch)
	w.changes, w.parts = nil, 0
	return w.engine.Operations.PutBatch(ctx, w.op.ID, w.summary.Run, batch)
}

func (w *planWriter) flushExclusions(ctx context.Context) error {
	if len(w.exclusions) == 0 {
		return nil
	}
	w.summary.Pages++
	page := w.exclusions
	w.exclusions, w.pageBytes = nil, 0
	return w.engine.Operations.PutExclusions(ctx, w.op.ID, w.summary.Run, w.summary.Pages, page)
}

func (w *planWriter) finish(ctx context.Context) (bulk.PlanSummary, error) {
	if err := w.flushChanges(ctx); err != nil {
		return bulk.PlanSummary{}, err
	}
	if err := w.flushExclusions(ctx); err != nil {
		return bulk.PlanSummary{}, err
	}
	if err := w.engine.Operations.PutSubjects(ctx, w.op.ID, w.summary.Run, w.subjects); err != nil {
		return bulk.PlanSummary{}, err
	}
	var err error
	if w.summary.Residents, err = w.engine.residents(ctx, w.summary.ByFacility); err != nil {
		return bulk.PlanSummary{}, err
	}
	w.summary.BoundCounts()
	w.summary.Facilities, w.summary.LeftOut = slices.Sorted(maps.Keys(w.touched)), slices.Sorted(maps.Keys(w.leftOut))
	w.summary.Digest = w.digest.Sum()
	return w.summary, nil
}

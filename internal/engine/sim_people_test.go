package engine_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// poisoned is the patient, where there is one, whose record could not hold what
// a change would write: a list of visits that is too long.
const poisoned = "P-FULL"

// askers are those who ask for operations, the first for the first.
var askers = []staff.Person{ada, amir}

// wish is what the people of one operation want.
type wish struct {
	asker   staff.Person
	request engine.Request
	of      *wish         // or it is made from an operation that has ended,
	as      bulk.LinkKind // in this way
	id      string        // once the asker knows it

	cancels bool          // the asker takes it back when it is planned
	ignores bool          // nobody submits it, or nobody decides on it
	verdict bulk.Verdict  // of those who decide
	stops   bool          // somebody stops it when it runs
	starts  time.Duration // after its submission; 0 is at once
	recalls staff.Person  // takes it back once it is approved, if the run has not begun
	careful bool          // the first failures stop it
	opens   int           // how often the asker wants the passphrase of the file

	busy    bool // somebody is at it
	refused bool // the portal said no: they leave it at that
}

// populate stores facilities, staff and patients.
func (w *world) populate(patients []registry.Record) {
	ctx := context.Background()
	for _, f := range kindtest.Directory.Facilities {
		f.Capacity = 0
		if f.ID == "fac-2" {
			f.Hours = kindtest.AnyHour // visits move there
		}
		f.Email = "desk@" + strings.ToLower(f.Name) + ".example"
		_ = w.store.PutFacility(ctx, f)
	}
	for _, p := range kindtest.Directory.Providers {
		_ = w.store.PutProvider(ctx, p)
	}
	for _, p := range everybody {
		_ = w.store.PutPerson(ctx, p)
	}
	_ = w.store.PutRecords(ctx, patients)
	w.began = len(w.store.Changes())
	w.checker.byHand()
}

// patientRecords are the records of a patient of Riverside with visits.
func patientRecords(id string, status registry.Status, visits ...registry.VisitRef) []registry.Record {
	stamp := registry.Stamp{By: "Import", At: noon.AddDate(-1, 0, 0)}
	records := []registry.Record{{Ref: registry.ProfileRef(id), Stamp: stamp, Fields: registry.Fields{
		registry.Name: canary + " " + id, registry.StatusField: string(status), registry.FacilityField: "fac-1"}}}
	if len(visits) > 0 {
		records[0].Fields[registry.Upcoming] = registry.FormatVisitRefs(visits)
	}
	for _, v := range visits {
		records = append(records, visitRecord(id, v))
	}
	return records
}

func visitRecord(id string, v registry.VisitRef) registry.Record {
	return registry.Record{Ref: v.Ref(id), Stamp: registry.Stamp{By: "Import", At: noon.AddDate(-1, 0, 0)}, Fields: registry.Fields{
		registry.VisitState: registry.VisitScheduled, registry.VisitType: "Routine"}}
}

// person reads somebody's rights, as the portal does at every request.
func (w *world) person(sub string) staff.Person {
	p, err := w.store.Person(context.Background(), sub)
	if err != nil {
		panic(err) // everybody stays in the directory
	}
	return p
}

// deed is what people do next for an operation; nil when they do nothing.
func (w *world) deed(u *wish) func() {
	if u.busy || u.refused {
		return nil
	}
	if u.id == "" {
		if u.of != nil && !w.mayFollow(u) {
			return nil
		}
		return func() { w.ask(u) }
	}
	op := w.header(u.id)
	if op.File != nil && op.State.Ended() && u.opens > 0 {
		u.opens--
		return func() { w.open(u) }
	}
	switch op.State {
	case bulk.Ready:
		if u.cancels {
			return func() { w.cancel(u, u.asker) }
		}
		if !u.ignores {
			return func() { w.submit(u) }
		}
	case bulk.AwaitingApproval:
		if !u.ignores {
			return func() { w.decide(u, grace.Sub) }
		}
	case bulk.Scheduled:
		if u.recalls.Sub != "" {
			return func() { w.cancel(u, u.recalls) }
		}
	}
	return nil
}

// at lets somebody do something for an operation. What got no answer, or was
// refused for now, is tried again by the next deed; a plain no is taken as one.
func (w *world) at(u *wish, who string, do func(context.Context) error) {
	u.busy = true
	w.run(who, do, func(err error) {
		u.busy = false
		switch code := fault.CodeOf(err); code {
		case "", fault.Busy, fault.Internal, fault.Stale, fault.Conflict:
		default:
			u.refused = true
		}
	})
}

func (w *world) ask(u *wish) {
	w.at(u, u.asker.Name+" asks", func(ctx context.Context) (err error) {
		var op bulk.Operation
		if u.of == nil {
			op, err = w.Request(ctx, w.person(u.asker.Sub), u.request)
		} else {
			op, err = w.Again(ctx, w.person(u.asker.Sub), u.of.id, u.as, u.request.Key)
		}
		if err == nil {
			u.id = op.ID
		}
		return err
	})
}

// mayFollow reports whether what is to be run again or rolled back has ended.
// Where it never will, or there is nothing to follow, the wish is dropped.
func (w *world) mayFollow(u *wish) bool {
	if u.of.id == "" {
		u.refused = u.of.refused
		return false
	}
	op := w.header(u.of.id)
	if !op.State.Ended() {
		return false
	}
	u.refused = w.MayNotFollow(context.Background(), op, u.as) != nil
	return !u.refused
}

func (w *world) submit(u *wish) {
	w.at(u, u.asker.Name+" submits", func(ctx context.Context) error {
		s := submission(w.header(u.id))
		if u.starts > 0 {
			at := w.now.Add(u.starts)
			s.Start = engine.StartWish{Date: at.Format(time.DateOnly), Time: at.Format("15:04"), Zone: "UTC"}
		}
		if u.careful {
			s.Stop = engine.StopWish{Percent: "1", After: "1"}
		}
		_, err := w.Submit(ctx, w.person(u.asker.Sub), u.id, s)
		return err
	})
}

func (w *world) cancel(u *wish, who staff.Person) {
	w.at(u, who.Name+" cancels", func(ctx context.Context) error {
		_, err := w.Cancel(ctx, w.person(who.Sub), u.id)
		return err
	})
}

func (w *world) stop(u *wish) {
	w.at(u, "Lin stops", func(ctx context.Context) error {
		_, err := w.Stop(ctx, w.person(lin.Sub), u.id)
		return err
	})
}

// open asks for the passphrase of an export's file.
func (w *world) open(u *wish) {
	w.at(u, u.asker.Name+" opens the file", func(ctx context.Context) error {
		passphrase, _, err := w.Passphrase(ctx, w.person(u.asker.Sub), u.id)
		if err == nil {
			w.shown[u.id] = append(w.shown[u.id], passphrase)
		}
		return err
	})
}

// decide reads the plan, as it is now, and decides. Where everything has
// changed, the portal advises to reject.
func (w *world) decide(u *wish, sub string) {
	w.at(u, sub+" decides", func(ctx context.Context) error {
		op := w.header(u.id)
		stale, err := w.Stale(ctx, op)
		if err != nil {
			return err
		}
		r := engine.DecisionRequest{Verdict: u.verdict, Digest: op.Plan.Digest, Stale: stale}
		if r.Verdict == bulk.Reject || stale == op.Plan.Changes {
			r.Verdict, r.Comment = bulk.Reject, "Not these patients."
		}
		_, err = w.Decide(ctx, w.person(sub), u.id, r)
		return err
	})
}

func (w *world) sweep() {
	w.run("watch", func(ctx context.Context) error {
		_, err := w.Watch(ctx)
		return err
	}, func(error) {})
}

// byHand changes a patient outside any operation, in a way that nurses do.
func (w *world) byHand(id string) {
	ref := registry.ProfileRef(id)
	records, _ := w.store.Records(context.Background(), []registry.Ref{ref})
	r, ok := records[ref]
	if !ok {
		return
	}
	p := registry.Patient{Record: r}
	write := func(ref registry.Ref, fields registry.Fields) {
		if len(ref.Part) > 1024 {
			return // no table has so long a key: of the poisoned patient only the list counts
		}
		_ = w.store.WriteByHand(context.Background(), ref, fields, "Nora Nurse", w.now)
	}
	what := w.rng.IntN(11)
	w.note("nora", what, "writes to "+id, made)
	w.checker.byHand()
	switch what {
	case 0, 1:
		write(ref, registry.Fields{registry.StatusField: string(registry.Statuses[w.rng.IntN(len(registry.Statuses))])})
	case 2:
		write(ref, registry.Fields{registry.LockedBy: "Nora Nurse", registry.LockedWhy: "chart review"})
	case 3:
		write(ref, registry.Fields{registry.LockedBy: "", registry.LockedWhy: ""})
	case 4, 5: // what no operation here writes, and must never be lost
		write(ref, registry.Fields{registry.Phone: fmt.Sprint("555-", w.number())})
	case 6:
		v := registry.VisitRef{Start: w.now.AddDate(0, 0, 9).Truncate(60e9), ID: fmt.Sprint("H", w.number())}
		_ = w.store.PutRecords(context.Background(), []registry.Record{visitRecord(id, v)})
		write(ref, registry.Fields{registry.Upcoming: strings.TrimSpace(p.Get(registry.Upcoming) + " " + v.String())})
	case 7: // a visit took place; that of the poisoned one has a key that no table takes
		if refs := p.Visits(); len(refs) > 0 && id != poisoned {
			write(refs[0].Ref(id), registry.Fields{registry.VisitState: registry.VisitCompleted})
			write(ref, registry.Fields{registry.Upcoming: registry.FormatVisitRefs(refs[1:]), registry.LastVisit: w.now.Format("2006-01-02")})
		}
	case 8:
		write(ref, registry.Fields{registry.Tags: "old"})
	case 9:
		if w.rng.IntN(4) == 0 {
			w.store.Remove(ref)
		}
	case 10: // moves house
		write(ref, registry.Fields{registry.FacilityField: []string{"fac-1", "fac-2"}[w.rng.IntN(2)]})
	}
}

// turnRights takes somebody's rights away, or gives them back.
func (w *world) turnRights(of staff.Person) {
	p := w.person(of.Sub)
	p.Disabled = !p.Disabled
	w.note("amir", 0, fmt.Sprint("disables ", p.Name, ": ", p.Disabled), made)
	_ = w.store.PutPerson(context.Background(), p)
}

// administer changes how many patients and visits a provider may have, when they
// are off, whether they work, or when a facility is closed; or it is all as it was.
func (c *chance) administer() {
	ctx := context.Background()
	off := []registry.Days{{From: "2026-12-03", To: "2026-12-04"}}
	p := kindtest.Directory.Providers[c.rng.IntN(len(kindtest.Directory.Providers))]
	f := kindtest.Directory.Facilities[c.rng.IntN(len(kindtest.Directory.Facilities))]
	switch c.rng.IntN(7) {
	case 0:
		p.Limit = 1 + c.rng.IntN(6)
	case 1:
		p.Daily = 1 + c.rng.IntN(3)
	case 2:
		p.Away = off
	case 3:
		p.Active = c.rng.IntN(4) > 0
	case 4:
		f.Capacity = 1 + c.rng.IntN(6)
	case 5:
		f.Closed = off
	}
	_ = c.store.PutProvider(ctx, p)
	_ = c.store.PutFacility(ctx, f)
}

package engine_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
	"bulkops/internal/slots"
	"bulkops/internal/staff"
)

// chance is the director that draws everything from the seed.
type chance struct {
	*world
	wishes []*wish
	ids    []string // of the patients

	share  map[fate]float64 // of the calls that meet the fate while there is trouble
	twice  float64          // of the deliveries
	full   float64          // of the calls of functions that find others using all there are
	acts   float64          // of the steps in which people and misfortune act
	deaths float64          // of these that end an execution from outside
	silent float64          // of the mails that get no answer
	dogged bool             // what is stopped is run again, and again
	until  int              // calls; then the trouble ceases
	made   int              // calls so far
	swept  int              // sweeps since everything ended
}

// newChance draws a world: patients, what people want, and the trouble.
func newChance(seed uint64) *chance {
	rng := rand.New(rand.NewPCG(seed, 1))
	c := &chance{world: newWorld(rng)}
	c.director = director{c.next, c.fate, c.copies, c.throttled, c.idle}
	pick := func(shares ...float64) float64 { return shares[rng.IntN(len(shares))] }
	c.dogged = rng.IntN(3) == 0
	c.share = map[fate]float64{}
	for f := busy; f <= diedAfter; f++ {
		c.share[f] = pick(0, 0, 0.01, 0.05)
		if c.dogged { // who comes to run something three times cannot meet much
			c.share[f] = pick(0, 0, 0.01)
		}
	}
	if rng.IntN(10) == 0 {
		c.share[busy] = 0.6
	}
	c.twice, c.acts, c.deaths = pick(0, 0.1, 0.5), pick(0.02, 0.1, 0.3), pick(0, 0, 0.3)
	c.full = pick(0, 0, 0.1, 0.9)
	if rng.IntN(3) == 0 {
		c.lag = 2 * time.Minute
	}
	if rng.IntN(8) == 0 { // who decides does so in the last minutes
		c.Limits.ExpireAfter, c.Limits.ReviewExpires = 3*time.Hour, 3*time.Hour
	}
	c.until = 100 + rng.IntN(900)
	c.populate(c.patients())
	c.addressees()
	for n := range 1 + rng.IntN(3)/2 {
		c.wishes = append(c.wishes, c.wish(n))
	}
	if c.dogged {
		u := c.wishes[0]
		u.verdict, u.cancels, u.ignores, u.stops = bulk.Approve, false, false, true
		for range 2 + rng.IntN(2) {
			u = &wish{asker: u.asker, verdict: bulk.Approve, of: u, as: bulk.Rerun, stops: rng.IntN(2) == 0, request: engine.Request{Key: c.key()}}
			c.wishes = append(c.wishes, u)
		}
	}
	for rng.IntN(3) == 0 { // some of it is run again or rolled back, and that again
		of := c.wishes[max(rng.IntN(len(c.wishes)), rng.IntN(len(c.wishes)))]
		as := []bulk.LinkKind{bulk.Rerun, bulk.Rollback, bulk.Rollback}[rng.IntN(3)]
		c.wishes = append(c.wishes, &wish{asker: askers[rng.IntN(2)], verdict: bulk.Approve, of: of, as: as, stops: rng.IntN(3) == 0,
			request: engine.Request{Key: c.key()}})
	}
	c.silent = pick(0, 0, 0.1, 1)
	return c
}

// key is the key of the request of the next wish.
func (c *chance) key() string { return fmt.Sprintf("key-%016d", len(c.wishes)) }

// patients draws few patients with few visits, and sometimes so many visits
// that a batch has several groups, or so many patients that there are several
// batches.
func (c *chance) patients() (records []registry.Record) {
	count, most := 1+c.rng.IntN(8), 3
	size := c.rng.IntN(20)
	if c.dogged { // there has to be something to stop
		size %= 9
	}
	switch size {
	case 0, 1, 2, 3, 4, 5, 6:
		count, most = 2+c.rng.IntN(5), 90
	case 7, 8:
		count, most = 101+c.rng.IntN(130), 0
	}
	several := count > bulk.BatchSize
	for n := range count {
		id := fmt.Sprintf("P%03d", n)
		c.ids = append(c.ids, id)
		status := registry.Active
		if c.rng.IntN(5) == 0 {
			status = registry.Statuses[c.rng.IntN(len(registry.Statuses))]
		}
		var visits []registry.VisitRef
		for v := range c.rng.IntN(most + 1) {
			visits = append(visits, registry.VisitRef{Start: noon.Add(time.Duration(v*7-10)*time.Hour + time.Duration(n)*slots.Cell), ID: fmt.Sprint("V", v)})
		}
		one := patientRecords(id, status, visits...)
		switch c.rng.IntN(20) {
		case 0:
			one[0].Fields[registry.LockedBy] = "Nora Nurse"
		case 1:
			one[0].Fields[registry.FacilityField] = "fac-2"
		case 2:
			one[0].Fields[registry.HoldReason] = "of old"
		}
		records = append(records, one...)
	}
	if c.rng.IntN(25) == 0 || several && c.rng.IntN(4) == 0 {
		c.ids = append(c.ids, poisoned)
		records = append(records, patientRecords(poisoned, registry.Active,
			registry.VisitRef{Start: noon.AddDate(0, 0, -1), ID: strings.Repeat("V", 400<<10)},
			registry.VisitRef{Start: noon.AddDate(0, 0, 9), ID: "V1"})...)
	}
	return records
}

// wish draws what is asked for, and what people make of it.
func (c *chance) wish(n int) *wish {
	u := &wish{asker: askers[n], verdict: bulk.Approve,
		cancels: c.rng.IntN(20) == 0, ignores: c.rng.IntN(20) == 0, stops: c.rng.IntN(4) == 0}
	if c.rng.IntN(20) == 0 {
		u.verdict = bulk.Reject
	}
	u.careful = c.rng.IntN(2) == 0
	if c.rng.IntN(6) == 0 {
		u.starts = time.Duration(1+c.rng.IntN([]int{60, 200 * 60}[c.rng.IntN(2)])) * time.Minute
		if c.rng.IntN(3) == 0 {
			u.recalls = []staff.Person{u.asker, grace}[c.rng.IntN(2)]
		}
	}
	to := []registry.Status{registry.OnHold, registry.Discharged, registry.Inactive, registry.Deceased}[c.rng.IntN(4)]
	if c.rng.IntN(20) == 0 {
		to = registry.Active // which nearly everybody is
	}
	if c.rng.IntN(3) == 0 {
		u.request = asksFor(to, registry.Filter{Facilities: []string{"fac-1"}})
	} else {
		ids := append([]string{"nobody"}, c.ids...)
		c.rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		u.request = asks(to, append(ids, ids[0])...)
	}
	if to == registry.OnHold && c.rng.IntN(2) == 0 {
		u.request.Params[kind.CancelVisits] = "yes"
	}
	one := func(of ...string) string { return of[c.rng.IntN(len(of))] }
	what := c.rng.IntN(13)
	if n > 0 && c.wishes[0].request.Kind == kind.VisitScheduling.Name && c.rng.IntN(4) > 0 {
		what = 5
	}
	if c.dogged && c.rng.IntN(2) == 0 {
		what = 12
	}
	switch what { // most are status changes: they touch the most records
	case 0:
		u.request.Kind, u.request.Params = kind.Tags.Name, bulk.Params{kind.AddTags: "Fall Risk, vip", kind.RemoveTags: "old"}
	case 1:
		u.request.Kind, u.request.Params = kind.InsuranceChange.Name, bulk.Params{
			kind.InsurancePlan: "Medicare", kind.MemberIDs: one(kind.KeepMemberIDs, kind.ClearMemberIDs, kind.GiveMemberIDs), kind.EffectiveDate: "2027-01-01", kind.PlanEnded: "yes"}
		if u.request.Params[kind.MemberIDs] == kind.GiveMemberIDs {
			u.request.Selection = corrects(c.ids).Selection
			for i := range c.ids {
				u.request.Selection.Given = append(u.request.Selection.Given, registry.Fields{registry.InsuranceID: one(fmt.Sprint("A", i), kind.Clear)})
			}
		}
	case 2:
		u.request = corrects(c.ids)
		for i := range c.ids {
			u.request.Selection.Given = append(u.request.Selection.Given, registry.Fields{
				registry.Phone: fmt.Sprintf("+1512555%04d", i), registry.Address: kind.Clear})
		}
	case 3:
		u.request.Kind = kind.ProviderReassignment.Name
		u.request.Params = []bulk.Params{
			{kind.ReassignTo: kind.ToDefault},
			{kind.ReassignTo: kind.ToOne, kind.NewProvider: "bea"},
			{kind.ReassignTo: kind.ToSeveral, kind.NewProviders: "ann bea", kind.ShareBy: kind.ByTurns},
			{kind.ReassignTo: kind.ToSeveral, kind.NewProviders: "ann bea", kind.ShareBy: kind.ByLoad},
			{kind.ReassignTo: kind.ToSeveral, kind.NewProviders: "ann bea", kind.ShareBy: kind.ByCapacity, kind.Capacity: "ann=10 bea=30"},
		}[c.rng.IntN(5)]
		u.request.Params[kind.FutureVisits] = one(kind.GiveVisits, kind.KeepVisits, kind.DropVisits, kind.ReVisits)
	case 4:
		u.request.Kind = kind.FacilityTransfer.Name
		u.request.Params = bulk.Params{kind.TransferTo: "fac-2", kind.WithProvider: one(kind.KeepProvider, kind.StandIn, kind.AssignLater), kind.FutureVisits: one(kind.ShiftVisits, kind.KeepVisits, kind.DropVisits)}
	case 5, 6: // two book the same few hours of one provider, for different patients
		u.request = asks(to)
		for i, id := range c.ids {
			if i%2 == n%2 || c.rng.IntN(4) == 0 {
				u.request.Selection.IDs = append(u.request.Selection.IDs, id)
			}
		}
		u.request.Kind = kind.VisitScheduling.Name
		u.request.Params = bulk.Params{kind.VisitsOf: "Wellness", kind.VisitsFrom: "2026-12-03", kind.VisitsTo: "2026-12-04", kind.VisitsLast: "40",
			kind.VisitsWith: kind.OneProvider, kind.VisitsProvider: "ann", kind.VisitsAt: kind.Mornings}
		if c.rng.IntN(2) == 0 {
			u.request.Params[kind.VisitsTo], u.request.Params[kind.VisitsEvery], u.request.Params[kind.VisitsTimes] = "2027-01-15", "1", "2"
		}
	case 7, 10:
		u.request.Kind, u.request.Params = kind.Communication.Name, c.message()
	case 8, 9:
		u.request.Kind, u.request.Params, u.opens = kind.Export.Name, c.extract(), c.rng.IntN(4)
	}
	if k, _ := kind.Find(u.request.Kind); len(k.Check(u.request.Params, kindtest.Directory)) > 0 {
		panic(fmt.Sprintf("%s is asked for with answers that are refused: %v", k.Name, u.request.Params))
	}
	return u
}

func (c *chance) trouble() bool { return c.made < c.until }

func (c *chance) next(calls []*portCall) int {
	acts := c.acts
	for _, u := range c.wishes {
		x := c.execution(u.id)
		if x == nil || x.state != "Run" {
			continue
		}
		acts = 0.3 // the most can go wrong while records are changed
		if u.stops && !u.busy && (c.dogged || c.rng.IntN(8) == 0) {
			u.stops = false
			c.stop(u)
			return -1
		}
	}
	if c.trouble() && c.rng.Float64() < acts && c.act() {
		return -1
	}
	return c.rng.IntN(len(calls))
}

func (c *chance) fate(call *portCall) fate {
	c.made++
	if !c.trouble() {
		if c.calm.IsZero() {
			c.calm = c.now
		}
		return made
	}
	if call.name == "Send" && c.rng.Float64() < c.silent {
		return hung
	}
	drawn := c.rng.Float64()
	for f := busy; f <= diedAfter; f++ {
		if drawn -= c.share[f]; drawn < 0 {
			return f
		}
	}
	return made
}

func (c *chance) copies() int {
	if c.trouble() && c.rng.Float64() < c.twice {
		return 2
	}
	return 1
}

func (c *chance) throttled(int) bool { return c.trouble() && c.rng.Float64() < c.full }

// act lets people or misfortune do one thing, while there is trouble.
func (c *chance) act() bool {
	u := c.wishes[c.rng.IntN(len(c.wishes))]
	switch c.rng.IntN(17) {
	case 0, 1, 2, 3, 4, 5:
		c.byHand(c.ids[c.rng.IntN(len(c.ids))])
	case 6:
		if c.rng.IntN(4) == 0 {
			c.turnRights([]staff.Person{ada, grace, lin}[c.rng.IntN(3)])
		}
	case 7:
		c.sweep()
	case 8:
		c.now = c.now.Add(time.Duration(c.rng.IntN(60)) * time.Minute)
	case 9:
		if c.rng.IntN(10) == 0 {
			c.now = c.now.Add(time.Duration(c.rng.IntN(100)) * time.Hour)
		}
	case 10:
		if len(c.executions) == 0 {
			return false
		}
		x := c.executions[c.rng.IntN(len(c.executions))]
		return x.timeOut() || x.losePatience()
	case 11:
		if len(c.executions) > 0 && c.rng.Float64() < c.deaths {
			c.executions[c.rng.IntN(len(c.executions))].die()
		}
	case 12: // others decide at the same time: otherwise, or without the right
		if c.rng.IntN(4) == 0 && u.id != "" && c.header(u.id).State == bulk.AwaitingApproval {
			other, own := *u, *u
			other.verdict = bulk.Reject
			c.decide(&other, grace.Sub)
			c.decide(&own, u.asker.Sub)
			c.decide(u, lin.Sub)
		}
	case 14:
		c.administer()
	case 13: // the same form is sent twice
		if u.id == "" && u.of == nil {
			c.ask(u)
		}
	default:
		if d := c.deed(u); d != nil {
			d()
			return true
		}
		return false
	}
	return true
}

// idle lets people go on where nothing else does, and then time pass, until
// everything has ended. The first sweep after that may still have an answer to
// deliver.
func (c *chance) idle() bool {
	c.restoreRights()
	for _, n := range c.rng.Perm(len(c.wishes)) {
		if d := c.deed(c.wishes[n]); d != nil {
			d()
			return true
		}
	}
	for _, x := range c.executions {
		if x.timeOut() {
			return true
		}
	}
	if c.over() {
		c.until = 0
		if c.swept++; c.swept > 2 {
			return false
		}
	}
	c.now = c.now.Add(time.Duration(1+c.rng.IntN(24*60)) * time.Minute)
	c.sweep()
	return true
}

// restoreRights gives back, sooner or later, what was taken away; people try
// again then.
func (c *chance) restoreRights() {
	for _, p := range everybody {
		if c.person(p.Sub).Disabled && c.rng.IntN(2) == 0 {
			c.turnRights(p)
			for _, u := range c.wishes {
				u.refused = false
			}
		}
	}
}

// over reports whether every operation and every execution has ended.
func (c *chance) over() bool {
	for _, u := range c.wishes {
		if u.id == "" && !u.refused {
			return false
		}
	}
	for _, op := range c.checker.headers {
		if !op.State.Ended() {
			return false
		}
	}
	for _, x := range c.executions {
		if x.alive {
			return false
		}
	}
	return true
}

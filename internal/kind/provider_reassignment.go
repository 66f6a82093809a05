package kind

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Questions of a provider reassignment.
const (
	ReassignTo   = "to"        // ToOne, ToSeveral or ToDefault
	NewProvider  = "provider"  // for ToOne: a provider's id
	NewProviders = "providers" // for ToSeveral: ids, parted by a space
	ShareBy      = "by"        // for ToSeveral: ByTurns, ByLoad or ByCapacity
	Capacity     = "capacity"  // for ByCapacity: patients a day by provider's id, as in "P001=20 P002=15"
	FutureVisits = "visits"    // GiveVisits, ReVisits, KeepVisits or DropVisits
)

// Who the new provider is.
const (
	ToOne     = "one"
	ToSeveral = "several"
	ToDefault = "default" // the default provider of the patient's facility
)

// How patients are shared out among several providers. In every way a patient
// goes only to somebody who can take them. Who has one of the chosen providers
// already goes to another one only where that evens out what each has: never in
// turn.
const (
	ByTurns    = "round-robin" // to each in turn
	ByLoad     = "load"        // to who has the fewest patients then
	ByCapacity = "capacity"    // in proportion to how many patients each sees a day
)

// ProviderReassignment gives patients another provider.
var ProviderReassignment = Kind{
	Name:         "provider-reassignment",
	Title:        "Provider Reassignment",
	Approver:     staff.Manager,
	Undoable:     true,
	Summary:      summariseReassignment,
	Check:        checkReassignment,
	Destinations: func(p bulk.Params, d registry.Directory) (providers, _ []string) { return newProviders(p, d), nil },
	ReadsVisits:  func(p bulk.Params) bool { return p[FutureVisits] != KeepVisits },
	Books: func(p bulk.Params, d registry.Directory, at time.Time) (providers []string, from, to time.Time) {
		if p[FutureVisits] == GiveVisits || p[FutureVisits] == ReVisits {
			providers = newProviders(p, d)
		}
		from, to = allAhead(at)
		return providers, from, to
	},
	Complete: completeReassignment,
	MostADay: func(p bulk.Params, d registry.Directory, provider string) int {
		perDay, _ := capacities(p, d)
		return perDay[provider]
	},
	New: func(p bulk.Params, w World) Planner {
		r := &reassignment{roster: newRoster(w), diary: newDiary(w), by: p[ShareBy], visits: p[FutureVisits]}
		r.roster.perDay, _ = capacities(p, w.Directory)
		r.load = maps.Clone(r.roster.patients)
		if p[ReassignTo] != ToDefault {
			r.among = newProviders(p, w.Directory)
		}
		return r
	},
}

// newProviders are those whom patients may be given to, in the order given.
func newProviders(p bulk.Params, d registry.Directory) []string {
	switch p[ReassignTo] {
	case ToOne:
		return []string{p[NewProvider]}
	case ToSeveral:
		return strings.Fields(p[NewProviders])
	}
	var defaults []string
	for _, f := range d.Facilities {
		if f.DefaultProvider != "" && !slices.Contains(defaults, f.DefaultProvider) {
			defaults = append(defaults, f.DefaultProvider)
		}
	}
	return defaults
}

func summariseReassignment(p bulk.Params, d registry.Directory) string {
	names := make([]string, 0, 4)
	perDay, _ := capacities(p, d)
	for _, id := range newProviders(p, d) {
		name := d.Display(registry.ProviderField, id)
		if n := perDay[id]; n > 0 {
			name += fmt.Sprintf(" (%d a day)", n)
		}
		names = append(names, name)
	}
	words := "Reassign to " + strings.Join(names, ", ")
	switch p[ReassignTo] {
	case ToDefault:
		words = "Reassign to the default provider of each patient’s facility"
	case ToSeveral:
		words += map[string]string{ByTurns: ", in turn", ByLoad: ", by number of patients", ByCapacity: ", by capacity"}[p[ShareBy]]
	}
	return words + map[string]string{
		GiveVisits: "; future visits go along",
		ReVisits:   "; future visits are cancelled and booked anew",
		KeepVisits: "; future visits stay with their provider",
		DropVisits: "; future visits are cancelled",
	}[p[FutureVisits]]
}

func checkReassignment(p bulk.Params, d registry.Directory) []Problem {
	c := checker{params: p, kind: "A provider reassignment"}
	c.oneOf(ReassignTo, "Choose who the new provider is.", ToOne, ToSeveral, ToDefault)
	to := p[ReassignTo]
	if c.goesWith(NewProvider, to == ToOne, "A single provider can be chosen only when all patients go to one provider.") {
		c.works(NewProvider, "Choose the new provider.", d, p[NewProvider])
	}
	if c.goesWith(NewProviders, to == ToSeveral, "Several providers can be chosen only when the patients are shared out.") {
		ids := strings.Fields(p[NewProviders])
		if len(ids) < 2 {
			c.add(NewProviders, "Choose at least two providers.")
		}
		for i, id := range ids {
			if slices.Contains(ids[:i], id) {
				c.add(NewProviders, "Choose each provider once.")
			}
			c.works(NewProviders, "Choose the new provider.", d, id)
		}
	}
	if c.goesWith(ShareBy, to == ToSeveral, "How patients are shared out can be chosen only for several providers.") {
		c.oneOf(ShareBy, "Choose how the patients are shared out.", ByTurns, ByLoad, ByCapacity)
	}
	if c.goesWith(Capacity, p[ShareBy] == ByCapacity, "How many patients a provider sees a day can be said only where patients are shared out by it.") {
		_, wrong := capacities(p, d)
		for _, sentence := range wrong {
			c.add(Capacity, sentence)
		}
	}
	c.oneOf(FutureVisits, "Choose what happens to future visits.", GiveVisits, KeepVisits, ReVisits, DropVisits)
	return c.done(ReassignTo, NewProvider, NewProviders, ShareBy, Capacity, FutureVisits)
}

// reassignment is the planner; its state is the roster's counts, the loads, the
// diary, and whose turn it is.
type reassignment struct {
	roster roster
	// load is how many patients each provider has once the whole plan is made. So
	// a patient who leaves lowers it, but not the roster's count: numbers come out
	// even if all goes well, and limits hold whatever happens.
	load   map[string]int
	diary  *diary
	among  []string // whom patients are given to; nil for the default of each patient's facility
	by     string
	visits string
	turn   int // index into among, for ByTurns
}

func (r *reassignment) Plan(s Subject) (bulk.Change, *bulk.Exclusion) {
	var visits []booked
	if r.visits != KeepVisits {
		var exclusion *bulk.Exclusion
		if visits, exclusion = bookings(s, r.diary.at, registry.ProviderField); exclusion != nil {
			return bulk.Change{}, exclusion
		}
	}
	among, exclusion := r.candidates(s.Patient)
	if exclusion != nil {
		return bulk.Change{}, exclusion
	}
	var refused []*bulk.Exclusion
	for len(among) > 0 {
		best := 0
		for i := range among {
			if r.before(s.Patient, among[i], among[best]) {
				best = i
			}
		}
		to := among[best]
		exclusion := r.roster.takes(to, s.Patient, r.places(s.Patient, visits)...)
		if exclusion == nil {
			var change bulk.Change
			if change, exclusion = r.give(s, visits, to); exclusion == nil {
				return change, nil
			}
		}
		refused = append(refused, exclusion)
		among = slices.Delete(among, best, best+1)
	}
	if slices.Contains(r.among, s.Patient.Provider()) {
		return bulk.Change{}, r.stays(s.Patient, refused)
	}
	return bulk.Change{}, together(refused)
}

// candidates are whom the patient can be given to, in the order of their turns,
// or why there is nobody. For who has one of the chosen providers, it is those
// to whom they rather go.
func (r *reassignment) candidates(p registry.Patient) ([]string, *bulk.Exclusion) {
	among := slices.Concat(r.among[r.turn:], r.among[:r.turn])
	if r.among == nil {
		id, exclusion := standIn(r.roster.directory, p.Facility())
		if exclusion != nil {
			return nil, exclusion
		}
		among = []string{id}
	}
	if own := p.Provider(); slices.Contains(among, own) {
		among = slices.DeleteFunc(among, func(id string) bool { return !r.before(p, id, own) })
		if len(among) == 0 {
			return nil, r.stays(p, nil)
		}
	}
	return among, nil
}

// stays says why the patient stays with a provider who is among the chosen: they
// have the right one, or those to whom they would rather go have refused.
func (r *reassignment) stays(p registry.Patient, refused []*bulk.Exclusion) *bulk.Exclusion {
	own := r.roster.provider(p.Provider())
	sentence := fmt.Sprintf("The provider is already %s.", own)
	switch {
	case len(refused) == 1:
		sentence = fmt.Sprintf("Stays with %s, although another provider should get more patients. %s", own, refused[0].Sentence)
	case len(refused) > 1:
		sentence = fmt.Sprintf("Stays with %s: none of the chosen providers who should get more patients can take this one.", own)
	case r.by == ByLoad, r.by == ByCapacity:
		sentence = fmt.Sprintf("Stays with %s: another provider would not make the numbers of patients more even.", own)
	}
	return &bulk.Exclusion{Code: bulk.AlreadySo, Sentence: sentence}
}

// places are the facilities in which the new provider has to work: the
// patient's, and those of the visits that they take over or get anew.
func (r *reassignment) places(p registry.Patient, visits []booked) []string {
	places := []string{p.Facility()}
	for _, b := range visits {
		if f := b.record.Get(registry.FacilityField); r.visits != DropVisits && f != "" && !slices.Contains(places, f) {
			places = append(places, f)
		}
	}
	return places
}

// give is the change that gives the patient the provider, or why the visits
// cannot follow.
func (r *reassignment) give(s Subject, visits []booked, to string) (bulk.Change, *bulk.Exclusion) {
	p := s.Patient
	profile := bulk.Edit{
		Ref: p.Ref,
		Reads: registry.Fields{
			registry.FacilityField:  p.Facility(),
			registry.NeedsSpecialty: p.Get(registry.NeedsSpecialty),
		},
		Before: registry.Fields{registry.ProviderField: p.Provider()},
		After:  registry.Fields{registry.ProviderField: to},
	}
	edits := []bulk.Edit{profile}
	const why = "Provider changed"
	switch r.visits {
	case GiveVisits:
		if x := r.diary.inTheWay(to, r.roster.perDay[to], visits, ""); x != nil {
			return bulk.Change{}, x
		}
		edits = append(edits, editBookings(profile, p, visits, func(booked) registry.Fields {
			return registry.Fields{registry.ProviderField: to}
		})...)
		for _, b := range visits {
			edits = append(edits, r.diary.hold(b.with(to, ""), b.record.Ref)...)
		}
	case ReVisits:
		found, x := r.diary.anew(s, visits, to, r.roster.perDay[to])
		if x != nil {
			return bulk.Change{}, x
		}
		edits = append(edits, cancelBookings(profile, p, visits, why)...)
		if len(found) > 0 {
			profile.Reads[registry.StatusField] = string(p.Status())
			edits = append(edits, r.diary.book(profile, p, found, func(n int) registry.Fields { return visits[n].kept() })...)
		}
	case DropVisits:
		edits = append(edits, cancelBookings(profile, p, visits, why)...)
	}
	return changeOf(p, edits...), nil
}

// Planned counts the patient for the new provider; the next one's turn comes.
func (r *reassignment) Planned(c bulk.Change) {
	to := c.Edits[0].After[registry.ProviderField]
	r.roster.patients[to]++
	r.load[to]++
	r.load[c.Edits[0].Before[registry.ProviderField]]--
	r.diary.Planned(c)
	if r.by == ByTurns {
		r.turn = (slices.Index(r.among, to) + 1) % len(r.among)
	}
}

// before reports whether the patient rather goes to a than to b, who comes
// first. By load and by capacity, each is asked as if the patient were theirs, so
// whoever has the patient keeps them unless the other one has fewer even then.
func (r *reassignment) before(p registry.Patient, a, b string) bool {
	would := func(id string) int {
		if id == p.Provider() {
			return r.load[id]
		}
		return r.load[id] + 1
	}
	switch r.by {
	case ByLoad:
		return would(a) < would(b)
	case ByCapacity: // who would have fewer for each patient a day
		return would(a)*r.roster.perDay[b] < would(b)*r.roster.perDay[a]
	}
	return false
}

// together is one reason out of those for which each provider refused. It
// names that of who came nearest to taking the patient.
func together(refused []*bulk.Exclusion) *bulk.Exclusion {
	if len(refused) == 1 {
		return refused[0]
	}
	for _, reason := range []bulk.Exclusion{
		{Code: bulk.NoSlot, Sentence: "None of the chosen providers who can take this patient has a free time for every visit, within the rules."},
		{Code: bulk.VisitInTheWay, Sentence: "The chosen providers who can take this patient have other visits, or are off, at the times of the patient’s."},
		{Code: bulk.NoRoom, Sentence: "The chosen providers who can take this patient may not have more patients than they have."},
		{Code: bulk.OtherSpecialty, Sentence: "None of the chosen providers has the specialty that the patient needs."},
		{Code: bulk.NotLicensed, Sentence: "None of the chosen providers works where the patient is."},
	} {
		if slices.ContainsFunc(refused, func(x *bulk.Exclusion) bool { return x.Code == reason.Code }) {
			return &reason
		}
	}
	return &bulk.Exclusion{Code: bulk.NoProvider, Sentence: "None of the chosen providers works any longer."}
}

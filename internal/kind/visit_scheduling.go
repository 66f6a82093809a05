package kind

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/registry"
	"bulkops/internal/slots"
	"bulkops/internal/staff"
)

// Questions of visit scheduling.
const (
	VisitsOf       = "type"     // one of registry.VisitTypes
	VisitsFrom     = "from"     // 2006-01-02: the first day on which the first visit may be
	VisitsTo       = "to"       // and the last
	VisitsLast     = "minutes"  // how long a visit takes
	VisitsWith     = "with"     // OwnProvider, OneProvider or AnyProvider
	VisitsProvider = "provider" // an id; only for OneProvider
	VisitsADay     = "per_day"  // most visits a day of one provider; empty: the provider's own maximum
	VisitsAt       = "at"       // PreferredTime, AnyTime, Mornings, Afternoons or BetweenTimes
	VisitsEarliest = "earliest" // 15:04; only for BetweenTimes: no visit begins before
	VisitsLatest   = "latest"   // 15:04; and none ends after
	VisitsEvery    = "weeks"    // every so many weeks; only for a series
	VisitsTimes    = "times"    // so many visits; only for a series
)

// With whom the visits are.
const (
	OwnProvider = "own" // each patient's own
	OneProvider = "one" // the same for all
	AnyProvider = "any" // whoever works at the patient's facility and has the fewest visits
)

// In which part of the day the visits are.
const (
	PreferredTime = "preferred" // that which the facility prefers; any where it prefers none
	AnyTime       = "any"
	Mornings      = "morning"   // until noon
	Afternoons    = "afternoon" // from noon on
	BetweenTimes  = "between"
)

const (
	shortestVisit  = 5                                // minutes
	longestVisit   = 4 * 60                           // minutes
	mostVisitsADay = int(24 * time.Hour / slots.Cell) // of one provider
	longestRange   = 366                              // days on which a first visit may be
	mostVisits     = 12                               // of a series
	mostWeeks      = 26                               // between two visits of a series
	longestSeries  = 104                              // weeks
	seriesDays     = 3                                // by which a later visit of a series may miss its day
	day            = 24 * time.Hour
	zones          = 14 * time.Hour // by which a day somewhere begins before or ends after the same in UTC
)

// VisitScheduling books visits for patients.
var VisitScheduling = Kind{
	Name:        "visit-scheduling",
	Title:       "Visit Scheduling",
	Approver:    staff.Manager,
	Undoable:    true,
	Summary:     summariseScheduling,
	Check:       checkScheduling,
	ReadsVisits: func(bulk.Params) bool { return true },
	Books: func(p bulk.Params, d registry.Directory, at time.Time) (providers []string, from, to time.Time) {
		if p[VisitsWith] == OneProvider {
			providers = []string{p[VisitsProvider]}
		} else {
			for _, q := range d.Providers {
				if q.Active {
					providers = append(providers, q.ID)
				}
			}
		}
		from, _ = time.Parse(time.DateOnly, p[VisitsFrom])
		to, _ = time.Parse(time.DateOnly, p[VisitsTo])
		every, times := series(p)
		// A visit that began the day before may still take up the first morning.
		return providers, from.Add(-zones - registry.LongestVisit), to.AddDate(0, 0, 7*every*(times-1)+seriesDays+1).Add(zones)
	},
	MostADay: func(p bulk.Params, _ registry.Directory, _ string) int { return mostADay(p) },
	New:      func(p bulk.Params, w World) Planner { return newScheduler(p, w) },
}

// series is how many weeks lie between two visits and how many visits there are.
func series(p bulk.Params) (weeks, times int) {
	if p[VisitsTimes] == "" {
		return 0, 1
	}
	return count(p[VisitsEvery]), count(p[VisitsTimes])
}

// mostADay is the most visits a day of one provider, 0 where it is left to the
// provider's own maximum.
func mostADay(p bulk.Params) int {
	if p[VisitsADay] == "" {
		return 0
	}
	return count(p[VisitsADay])
}

// count reads a whole number, -1 for anything else.
func count(text string) int {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	if err != nil {
		return -1
	}
	return int(n)
}

func summariseScheduling(p bulk.Params, d registry.Directory) string {
	words := fmt.Sprintf("Schedule %s visits of %s minutes from %s to %s", p[VisitsOf], p[VisitsLast], english.Date(p[VisitsFrom]), english.Date(p[VisitsTo]))
	if weeks, times := series(p); times > 1 {
		words = fmt.Sprintf("Schedule %d %s visits of %s minutes for each patient, every %d weeks, the first from %s to %s",
			times, p[VisitsOf], p[VisitsLast], weeks, english.Date(p[VisitsFrom]), english.Date(p[VisitsTo]))
	}
	switch p[VisitsWith] {
	case OwnProvider:
		words += ", with each patient’s own provider"
	case OneProvider:
		words += ", with " + d.Display(registry.ProviderField, p[VisitsProvider])
	case AnyProvider:
		words += ", with any provider of the facility"
	}
	switch p[VisitsAt] {
	case Mornings:
		words += ", in the morning"
	case Afternoons:
		words += ", in the afternoon"
	case BetweenTimes:
		words += fmt.Sprintf(", between %s and %s", p[VisitsEarliest], p[VisitsLatest])
	}
	if p[VisitsADay] != "" {
		words += fmt.Sprintf(", at most %s a day", p[VisitsADay])
	}
	return words
}

func checkScheduling(p bulk.Params, d registry.Directory) []Problem {
	c := checker{params: p, kind: "A visit scheduling"}
	c.oneOf(VisitsOf, "Choose the type of the visits.", registry.VisitTypes...)
	checkRange(&c)
	minutes := count(p[VisitsLast])
	if minutes < shortestVisit || minutes > longestVisit {
		c.add(VisitsLast, "Give how long a visit takes: a whole number of minutes from %d to %d.", shortestVisit, longestVisit)
		minutes = shortestVisit
	}
	c.oneOf(VisitsWith, "Choose with whom the visits are.", OwnProvider, OneProvider, AnyProvider)
	if c.goesWith(VisitsProvider, p[VisitsWith] == OneProvider, "A provider goes only with visits that are all with the same one. Remove it or choose that.") {
		c.works(VisitsProvider, "Choose the provider.", d, p[VisitsProvider])
	}
	if n := count(p[VisitsADay]); p[VisitsADay] != "" && (n < 1 || n > mostVisitsADay) {
		c.add(VisitsADay, "Give a whole number from 1 to %d, or leave it empty.", mostVisitsADay)
	}
	c.oneOf(VisitsAt, "Choose the part of the day.", PreferredTime, AnyTime, Mornings, Afternoons, BetweenTimes)
	between := p[VisitsAt] == BetweenTimes
	const onlyBetween = "Times go only with visits between two times. Remove it or choose that."
	c.goesWith(VisitsEarliest, between, onlyBetween)
	if c.goesWith(VisitsLatest, between, onlyBetween) {
		checkTimes(&c, minutes)
	}
	checkSeries(&c, minutes)
	return c.done(VisitsOf, VisitsFrom, VisitsTo, VisitsLast, VisitsWith, VisitsProvider, VisitsADay, VisitsAt, VisitsEarliest, VisitsLatest, VisitsEvery, VisitsTimes)
}

// checkRange looks at the days on which a first visit may be.
func checkRange(c *checker) {
	c.day(VisitsFrom, "Give the first day.")
	c.day(VisitsTo, "Give the last day.")
	if c.has(VisitsFrom, VisitsTo) {
		return
	}
	from, _ := time.Parse(time.DateOnly, c.params[VisitsFrom])
	to, _ := time.Parse(time.DateOnly, c.params[VisitsTo])
	switch {
	case to.Before(from):
		c.add(VisitsTo, "The last day is before the first. Swap them, or correct one.")
	case to.Sub(from) >= longestRange*day:
		c.add(VisitsTo, "Choose at most %d days.", longestRange)
	}
}

// checkTimes looks at the times between which visits are wanted.
func checkTimes(c *checker, minutes int) {
	for _, field := range []string{VisitsEarliest, VisitsLatest} {
		if _, err := registry.ParseSpan(c.params[field] + "-24:00"); c.params[field] == "" || err != nil {
			c.add(field, "Give a time such as 09:00.")
		}
	}
	window, err := registry.ParseSpan(c.params[VisitsEarliest] + "-" + c.params[VisitsLatest])
	cell := int(slots.Cell / time.Minute)
	first, last := (window.From+cell-1)/cell, window.To/cell // of the cells in the window
	switch {
	case c.has(VisitsEarliest, VisitsLatest):
	case err != nil:
		c.add(VisitsLatest, "The second time is not after the first. Swap them, or correct one.")
	case (last-first)*cell < minutes:
		c.add(VisitsLatest, "Between these times is no room for a visit of %d minutes: visits take whole quarters of an hour, such as 09:15 to 09:30.", minutes)
	}
}

// checkSeries looks at how often the visits repeat.
func checkSeries(c *checker, minutes int) {
	weeks, times := c.params[VisitsEvery], c.params[VisitsTimes]
	if weeks == "" && times == "" {
		return
	}
	w, n := count(weeks), count(times)
	if w < 1 || w > mostWeeks {
		c.add(VisitsEvery, "Give a whole number of weeks from 1 to %d, or leave both empty for a single visit.", mostWeeks)
	}
	if n < 2 || n > mostVisits {
		c.add(VisitsTimes, "Give a whole number of visits from 2 to %d, or leave both empty for a single visit.", mostVisits)
	}
	records := 1 + len(slots.Cells(time.Time{}, minutes))
	switch {
	case c.has(VisitsEvery, VisitsTimes):
	case w*(n-1) > longestSeries:
		c.add(VisitsTimes, "The last visit would be %d weeks after the first; at most %d are possible.", w*(n-1), longestSeries)
	case 1+n*records > bulk.MaxEdits:
		c.add(VisitsTimes, "Of visits of %d minutes at most %d can be booked together.", minutes, (bulk.MaxEdits-1)/records)
	}
}

// mayHaveVisits are the statuses in which care takes place at a facility.
var mayHaveVisits = []registry.Status{registry.Active, registry.Pending}

// MayHaveVisits reports whether visits are booked for patients with the status.
func MayHaveVisits(s registry.Status) bool { return slices.Contains(mayHaveVisits, s) }

// scheduler is the planner; its state is the diary.
type scheduler struct {
	*diary
	roster  roster
	params  bulk.Params
	minutes int
	aDay    int
	weeks   int
	times   int
}

func newScheduler(p bulk.Params, w World) *scheduler {
	s := &scheduler{diary: newDiary(w), roster: newRoster(w), params: p, minutes: count(p[VisitsLast]), aDay: mostADay(p)}
	s.weeks, s.times = series(p)
	return s
}

func (s *scheduler) Plan(subject Subject) (bulk.Change, *bulk.Exclusion) {
	p := subject.Patient
	if !MayHaveVisits(p.Status()) {
		return bulk.Change{}, &bulk.Exclusion{Code: bulk.NotAllowed, Sentence: fmt.Sprintf("No visits are booked for a patient who is %s.", p.Status())}
	}
	if x := bulk.TooMany(len(p.Visits()) + 1); x != nil {
		return bulk.Change{}, x // not all of their records have been read
	}
	providers, exclusion := s.providers(p)
	if exclusion != nil {
		return bulk.Change{}, exclusion
	}
	wish := slots.Wish{Facility: p.Facility(), Providers: providers, Minutes: s.minutes, From: s.params[VisitsFrom], To: s.params[VisitsTo],
		Window: s.window(p.Facility()), PerDay: s.aDay, Patient: busy(subject)}
	found, exclusion := s.find(wish)
	if exclusion != nil {
		return bulk.Change{}, exclusion
	}
	profile := bulk.Edit{
		Ref:    p.Ref,
		Reads:  registry.Fields{registry.FacilityField: p.Facility(), registry.StatusField: string(p.Status()), registry.NeedsSpecialty: p.Get(registry.NeedsSpecialty)},
		Before: registry.Fields{},
		After:  registry.Fields{},
	}
	if s.params[VisitsWith] == OwnProvider {
		profile.Reads[registry.ProviderField] = p.Provider()
	}
	booked := s.book(profile, p, found, func(int) registry.Fields { return registry.Fields{registry.VisitType: s.params[VisitsOf]} })
	return changeOf(p, append([]bulk.Edit{profile}, booked...)...), nil
}

// find finds a time for every visit of a patient, or says why there is none. A
// first day after which a later visit finds no time is tried no more: for nobody
// where it does not hang on the patient, or few patients would find any other.
func (s *scheduler) find(first slots.Wish) ([]slots.Visit, *bulk.Exclusion) {
	var nearest *bulk.Exclusion // of the series that came farthest
	farthest := 0
	for {
		v, answer := s.calendar.Find(first)
		switch {
		case answer != slots.Found && nearest != nil:
			nearest.Sentence = fmt.Sprintf("Only %d of %d visits found a time, so none is booked. %s", farthest, s.times, nearest.Sentence)
			return nil, nearest
		case answer == slots.Full && s.times > 1:
			return nil, &bulk.Exclusion{Code: bulk.NoSlot, Sentence: fmt.Sprintf("No first visit with %s from %s to %s leaves a time for all %d visits that keeps the rules.",
				s.whom(first), english.Date(first.From), english.Date(first.To), s.times)}
		case answer != slots.Found:
			return nil, s.noSlot(first, answer)
		}
		wish := first
		wish.Found = []slots.Visit{v}
		for answer == slots.Found && len(wish.Found) < s.times {
			wish = s.next(wish)
			if v, answer = s.calendar.Find(wish); answer == slots.Found {
				wish.Found = append(wish.Found, v)
			}
		}
		if answer == slots.Found {
			return wish.Found, nil
		}
		if n := len(wish.Found); n > farthest {
			nearest, farthest = s.noSlot(wish, answer), n
		}
		if answer == slots.Taken {
			first.Without = append(first.Without, wish.Found[0])
		} else {
			s.calendar.RuleOut(first, wish.Found[0])
		}
	}
}

// next is the wish for the visit after those found: with the same provider, at
// the same time by the clock there, so many weeks later, or as near as can be.
func (s *scheduler) next(w slots.Wish) slots.Wish {
	first := w.Found[0]
	f, _ := s.directory.Facility(w.Facility)
	zone, err := time.LoadLocation(f.TimeZone)
	if err != nil {
		return w // nothing was found there
	}
	w.Near = first.Start.In(zone).AddDate(0, 0, 7*s.weeks*len(w.Found))
	w.From, w.To = w.Near.AddDate(0, 0, -seriesDays).Format(time.DateOnly), w.Near.AddDate(0, 0, seriesDays).Format(time.DateOnly)
	w.Providers, w.Without = []string{first.Provider}, nil
	return w
}

// window is the part of the day in which the visits are wanted.
func (s *scheduler) window(facility string) registry.Span {
	switch s.params[VisitsAt] {
	case Mornings:
		return registry.Span{To: 12 * 60}
	case Afternoons:
		return registry.Span{From: 12 * 60, To: 24 * 60}
	case BetweenTimes:
		span, _ := registry.ParseSpan(s.params[VisitsEarliest] + "-" + s.params[VisitsLatest])
		return span
	case PreferredTime:
		f, _ := s.directory.Facility(facility)
		return f.Prefers
	}
	return registry.Span{}
}

// providers are those with whom the patient's visits may be.
func (s *scheduler) providers(p registry.Patient) ([]string, *bulk.Exclusion) {
	switch s.params[VisitsWith] {
	case OneProvider:
		return []string{s.params[VisitsProvider]}, s.roster.suits(s.params[VisitsProvider], p, p.Facility())
	case OwnProvider:
		if p.Provider() == "" {
			return nil, &bulk.Exclusion{Code: bulk.NoProvider, Sentence: "The patient has no provider."}
		}
		return []string{p.Provider()}, s.roster.suits(p.Provider(), p, p.Facility())
	}
	var suited []string
	for _, q := range s.directory.Providers {
		if s.roster.suits(q.ID, p, p.Facility()) == nil {
			suited = append(suited, q.ID)
		}
	}
	if len(suited) == 0 {
		return nil, &bulk.Exclusion{Code: bulk.NoProvider, Sentence: fmt.Sprintf("Nobody who works at %s has the specialty that the patient needs.", s.roster.facility(p.Facility()))}
	}
	if own := slices.Index(suited, p.Provider()); own > 0 { // of those who are as busy it comes first
		suited = slices.Insert(slices.Delete(suited, own, own+1), 0, p.Provider())
	}
	return suited, nil
}

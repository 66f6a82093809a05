package sample

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"bulkops/internal/registry"
)

// Riverside is the facility that the sample's staff of one facility hold.
const Riverside = "riverside"

// facilities lie in six time zones, one of them without summer time.
var facilities = []registry.Facility{
	{ID: "harbor-view", Name: "Harbor View Medical Group", TimeZone: "America/Los_Angeles", Email: "harbor-view.desk@example.org"},
	{ID: "islands", Name: "Islands Community Clinic", TimeZone: "Pacific/Honolulu", Capacity: 200, Email: "islands.desk@example.org"},
	{ID: "lakeside", Name: "Lakeside Family Health", TimeZone: "America/Chicago", Email: "lakeside.desk@example.org"},
	{ID: "mesa", Name: "Mesa Senior Care", TimeZone: "America/Phoenix", Email: "mesa.desk@example.org"},
	{ID: Riverside, Name: "Riverside Clinic", TimeZone: "America/New_York", Email: "riverside.desk@example.org"},
	{ID: "summit", Name: "Summit Rehabilitation", TimeZone: "America/Denver", Email: "summit.desk@example.org"},
}

// patientShares are how the patients spread over the facilities.
var patientShares = []share[string]{
	{Riverside, 30}, {"lakeside", 22}, {"harbor-view", 16}, {"mesa", 14}, {"summit", 11}, {"islands", 7},
}

var specialties = []share[string]{
	{"Family Medicine", 10}, {"Internal Medicine", 8}, {"Geriatrics", 5}, {"Psychiatry", 3}, {"Wound Care", 3},
	{"Cardiology", 3}, {"Podiatry", 2}, {"Physical Therapy", 3}, {"Palliative Care", 2}, {"Nephrology", 1},
}

const providerCount = 40

// day is one day on which a facility is closed.
func day(year int, month time.Month, n int) registry.Days {
	date := time.Date(year, month, n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	return registry.Days{From: date, To: date}
}

// places makes the directory. Provider k works at facility k modulo six and up
// to two others, so every facility has at least six; every thirteenth provider
// no longer works, every fourth has a limit of patients, every seventh works
// short days, and every ninth is away for a week of the next month. Facilities
// close on Christmas and New Year's Day.
func places(at time.Time) registry.Directory {
	d := registry.Directory{Facilities: slices.Clone(facilities)}
	for i := range d.Facilities {
		f := &d.Facilities[i]
		f.Hours, f.Lunch = registry.DefaultHours, registry.DefaultLunch
		f.Closed = []registry.Days{day(at.Year(), 12, 25), day(at.Year()+1, 1, 1), day(at.Year()+1, 12, 25)}
		switch f.ID {
		case "lakeside":
			f.Hours[time.Saturday] = registry.Span{From: 9 * 60, To: 12 * 60}
		case "mesa":
			f.Prefers = registry.Span{From: 8 * 60, To: 12 * 60}
		}
	}
	dice := roll(0)
	for k := range providerCount {
		home := k % len(facilities)
		p := registry.Provider{
			ID:         fmt.Sprintf("P%03d", k+1),
			Name:       fmt.Sprintf("Dr. %s %s", firstNames[(k*7)%len(firstNames)], lastNames[(k*11)%len(lastNames)]),
			Specialty:  draw(dice, specialties),
			Facilities: []string{facilities[home].ID},
			Active:     k%13 != 12,
			Daily:      16,
			Email:      fmt.Sprintf("p%03d.provider@example.org", k+1),
		}
		if k%7 == 6 {
			for _, d := range []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday} {
				p.Hours[d] = registry.Span{From: 9 * 60, To: 15 * 60}
			}
		}
		if k%9 == 8 {
			p.Away = []registry.Days{{From: at.AddDate(0, 0, 14).Format(time.DateOnly), To: at.AddDate(0, 0, 20).Format(time.DateOnly)}}
		}
		if k%4 == 3 {
			p.Limit = 90
		}
		for range dice.IntN(3) {
			if f := pick(dice, facilities).ID; !slices.Contains(p.Facilities, f) {
				p.Facilities = append(p.Facilities, f)
			}
		}
		slices.Sort(p.Facilities)
		d.Providers = append(d.Providers, p)
		if k < len(facilities) {
			d.Facilities[home].DefaultProvider = p.ID
		}
	}
	slices.SortFunc(d.Providers, func(a, b registry.Provider) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return d
}

// Package kindtest draws what operations of every kind are asked with, for
// property tests of planners, plans and runs.
package kindtest

import (
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// Directory has the providers and facilities that are drawn. Patients are in
// the first facility or the second.
var Directory = registry.Directory{
	Facilities: []registry.Facility{
		{ID: "fac-1", Name: "Riverside", DefaultProvider: "ann", Email: "desk@riverside.example", TimeZone: "America/New_York", Hours: registry.DefaultHours, Lunch: registry.DefaultLunch},
		{ID: "fac-2", Name: "Hilltop", DefaultProvider: "cyd", Capacity: 6, TimeZone: "America/New_York", Hours: registry.DefaultHours},
	},
	Providers: []registry.Provider{
		{ID: "ann", Name: "Dr. Ann", Specialty: "Geriatrics", Facilities: []string{"fac-1", "fac-2"}, Active: true, Limit: 4, Email: "ann@clinic.example"},
		{ID: "bea", Name: "Dr. Bea", Specialty: "Geriatrics", Facilities: []string{"fac-1"}, Active: true, Email: "bea@clinic.example"},
		{ID: "cyd", Name: "Dr. Cyd", Specialty: "Podiatry", Facilities: []string{"fac-2"}, Active: true, Daily: 2},
	},
}

// AnyHour are the hours of a facility that is open day and night.
var AnyHour = registry.Week{anyHour, anyHour, anyHour, anyHour, anyHour, anyHour, anyHour}

var anyHour = registry.Span{To: 24 * 60}

// asked has, for each kind that somebody can begin with, a way to draw answers
// that its Check accepts.
var asked = map[string]func(*rapid.T) bulk.Params{
	kind.StatusChange.Name:         statusChange,
	kind.ProviderReassignment.Name: reassignment,
	kind.FacilityTransfer.Name:     transfer,
	kind.Tags.Name:                 tags,
	kind.InsuranceChange.Name:      insuranceChange,
	kind.DataCorrection.Name:       func(*rapid.T) bulk.Params { return nil },
	kind.Export.Name:               export,
	kind.Communication.Name:        message,
	kind.VisitScheduling.Name:      scheduling,
}

// Draw draws a kind that changes records, and answers to its questions.
func Draw(t *rapid.T) (kind.Kind, bulk.Params) {
	changes := slices.DeleteFunc(slices.Sorted(maps.Keys(asked)), func(name string) bool {
		k, _ := kind.Find(name)
		return k.ReadOnly
	})
	k, _ := kind.Find(rapid.SampledFrom(changes).Draw(t, "kind"))
	return k, DrawOf(t, k)
}

// DrawOf draws answers to the questions of a kind.
func DrawOf(t *rapid.T, k kind.Kind) bulk.Params {
	params := asked[k.Name](t)
	if problems := k.Check(params, Directory); len(problems) > 0 {
		t.Fatalf("%s with %q: %v", k.Name, params, problems)
	}
	return params
}

// DrawGiven draws what is given for each of n patients, for a kind that takes
// something for each; nil for the others.
func DrawGiven(t *rapid.T, k kind.Kind, n int) []registry.Fields {
	if len(k.Columns) == 0 {
		return nil
	}
	given := make([]registry.Fields, n)
	for i := range given {
		given[i] = registry.Fields{}
		for _, c := range k.Columns {
			values := []string{"", c.Example, kind.Clear}
			if c.Keep {
				values = values[:2]
			}
			given[i][c.Field] = rapid.SampledFrom(values).Draw(t, c.Field)
		}
	}
	read, problems := k.ReadGiven(given, time.Now())
	if len(problems) > 0 {
		t.Fatalf("%s with %v: %v", k.Name, given, problems)
	}
	return read
}

// Drawn reports whether DrawOf can draw the kind.
func Drawn(k kind.Kind) bool { return asked[k.Name] != nil }

// DrawFields draws a profile's fields that are no one's identity: status, tags,
// insurance, how to reach the patient, provider and facility, also untidy ones
// that a hand or an import has written.
func DrawFields(t *rapid.T) registry.Fields {
	fields := registry.Fields{registry.StatusField: string(rapid.SampledFrom(registry.Statuses).Draw(t, "status"))}
	some := func(field string, values ...string) {
		if value := rapid.SampledFrom(append([]string{""}, values...)).Draw(t, field); value != "" {
			fields[field] = value
		}
	}
	some(registry.HoldReason, append([]string{"of old"}, kind.HoldReasons...)...)
	some(registry.Tags, "fall-risk vip", "vip  fall-risk", "vip vip", " ", "Old_Style")
	some(registry.InsurancePlan, "Medicare", "Aetna", "medicare")
	some(registry.InsuranceID, "ME1", "0012")
	some(registry.InsuranceFrom, "2026-01-01", "not a date")
	some(registry.Phone, "+15125550123", "555-0123")
	some(registry.BirthDate, "1958-03-09", "unknown")
	some(registry.Language, "Spanish")
	some(registry.NeedsSpecialty, "geriatrics")
	maps.Copy(fields, DrawPlace(t))
	return fields
}

// DrawPlace draws the provider and the facility of a profile or a visit.
func DrawPlace(t *rapid.T) registry.Fields {
	fields := registry.Fields{registry.FacilityField: rapid.SampledFrom([]string{"fac-1", "fac-2"}).Draw(t, "facility")}
	if provider := rapid.SampledFrom([]string{"", "ann", "bea", "cyd"}).Draw(t, "provider"); provider != "" {
		fields[registry.ProviderField] = provider
	}
	return fields
}

func statusChange(t *rapid.T) bulk.Params {
	to := rapid.SampledFrom(registry.Statuses).Filter(func(s registry.Status) bool { return s != registry.Pending }).Draw(t, "to")
	params := bulk.Params{kind.StatusTo: string(to)}
	if to == registry.OnHold {
		params[kind.HoldReason] = rapid.SampledFrom(kind.HoldReasons).Draw(t, "hold reason")
		params[kind.CancelVisits] = rapid.SampledFrom([]string{"", "yes"}).Draw(t, "cancel visits")
	}
	return params
}

func reassignment(t *rapid.T) bulk.Params {
	to := rapid.SampledFrom([]string{kind.ToOne, kind.ToSeveral, kind.ToDefault}).Draw(t, "to")
	params := bulk.Params{kind.ReassignTo: to,
		kind.FutureVisits: rapid.SampledFrom([]string{kind.GiveVisits, kind.KeepVisits, kind.ReVisits, kind.DropVisits}).Draw(t, "visits")}
	switch to {
	case kind.ToOne:
		params[kind.NewProvider] = rapid.SampledFrom([]string{"ann", "bea"}).Draw(t, "provider")
	case kind.ToSeveral:
		params[kind.NewProviders] = "ann bea cyd"
		params[kind.ShareBy] = rapid.SampledFrom([]string{kind.ByTurns, kind.ByLoad, kind.ByCapacity}).Draw(t, "by")
		if params[kind.ShareBy] == kind.ByCapacity {
			params[kind.Capacity] = "ann=10 bea=30 cyd=20"
		}
	}
	return params
}

func transfer(t *rapid.T) bulk.Params {
	return bulk.Params{
		kind.TransferTo:   rapid.SampledFrom([]string{"fac-1", "fac-2"}).Draw(t, "to"),
		kind.WithProvider: rapid.SampledFrom([]string{kind.KeepProvider, kind.StandIn, kind.AssignLater}).Draw(t, "provider there"),
		kind.FutureVisits: rapid.SampledFrom([]string{kind.ShiftVisits, kind.KeepVisits, kind.DropVisits}).Draw(t, "visits"),
	}
}

// scheduling is drawn for the weeks after the moments at which tests plan.
func scheduling(t *rapid.T) bulk.Params {
	params := bulk.Params{
		kind.VisitsOf:   rapid.SampledFrom(registry.VisitTypes).Draw(t, "type"),
		kind.VisitsFrom: "2026-12-01", kind.VisitsTo: rapid.SampledFrom([]string{"2026-12-04", "2027-01-31"}).Draw(t, "to"),
		kind.VisitsLast: rapid.SampledFrom([]string{"15", "40", "120"}).Draw(t, "minutes"),
		kind.VisitsWith: rapid.SampledFrom([]string{kind.OwnProvider, kind.OneProvider, kind.AnyProvider}).Draw(t, "with"),
		kind.VisitsAt:   rapid.SampledFrom([]string{kind.PreferredTime, kind.AnyTime, kind.Mornings, kind.Afternoons, kind.BetweenTimes}).Draw(t, "at"),
		kind.VisitsADay: rapid.SampledFrom([]string{"", "3"}).Draw(t, "per day"),
	}
	if params[kind.VisitsWith] == kind.OneProvider {
		params[kind.VisitsProvider] = rapid.SampledFrom([]string{"ann", "cyd"}).Draw(t, "provider")
	}
	if params[kind.VisitsAt] == kind.BetweenTimes {
		params[kind.VisitsEarliest], params[kind.VisitsLatest] = "09:30", "16:00"
	}
	if rapid.Bool().Draw(t, "series") {
		params[kind.VisitsEvery], params[kind.VisitsTimes] = "2", rapid.SampledFrom([]string{"2", "3"}).Draw(t, "times")
	}
	return params
}

func tags(t *rapid.T) bulk.Params {
	names := rapid.Permutation([]string{"Fall Risk", "VIP", "diabetes", "Old-Style", "2nd floor"}).Draw(t, "tags")
	some := rapid.IntRange(1, len(names)).Draw(t, "some")
	more := rapid.IntRange(some, len(names)).Draw(t, "more")
	params := bulk.Params{kind.AddTags: strings.Join(names[:some], ", "), kind.RemoveTags: strings.Join(names[some:more], "\n")}
	if rapid.Bool().Draw(t, "the other way round") {
		params[kind.AddTags], params[kind.RemoveTags] = params[kind.RemoveTags], params[kind.AddTags]
	}
	return params
}

func export(t *rapid.T) bulk.Params {
	of := rapid.SampledFrom(kind.ExportTypes).Draw(t, "type")
	var names []string
	for _, c := range of.Columns() {
		names = append(names, c.Name)
	}
	ticked := rapid.Permutation(names).Draw(t, "columns")[:rapid.IntRange(1, len(names)).Draw(t, "ticked")]
	return bulk.Params{
		kind.ExportType: of.Name, kind.ExportFormat: rapid.SampledFrom(of.Formats).Draw(t, "format"),
		kind.ExportColumns: strings.Join(ticked, " "),
	}
}

func insuranceChange(t *rapid.T) bulk.Params {
	return bulk.Params{
		kind.InsurancePlan: rapid.SampledFrom([]string{"Medicare", " Blue  Shield "}).Draw(t, "plan"),
		kind.MemberIDs:     rapid.SampledFrom([]string{kind.KeepMemberIDs, kind.ClearMemberIDs, kind.GiveMemberIDs}).Draw(t, "member ids"),
		kind.EffectiveDate: rapid.SampledFrom([]string{"2026-01-01", "2027-02-28"}).Draw(t, "effective"),
		kind.PlanEnded:     rapid.SampledFrom([]string{"", "yes"}).Draw(t, "ended"),
	}
}

func message(t *rapid.T) bulk.Params {
	params := bulk.Params{
		kind.MessageType:    rapid.SampledFrom([]string{kind.ToFacilities, kind.ToProviders, kind.ToStaff}).Draw(t, "type"),
		kind.MessageHeading: rapid.SampledFrom([]string{"New hours", "{patients} move"}).Draw(t, "heading"),
		kind.MessageText:    rapid.SampledFrom([]string{"Please read.", "Dear {recipient},\r\n{patients} at {facility}, {date}.\r\n{requester}"}).Draw(t, "text"),
	}
	if params[kind.MessageType] == kind.ToStaff {
		params[kind.AlertRole] = rapid.SampledFrom([]string{"staff", "manager", kind.EveryRole}).Draw(t, "role")
	}
	return params
}

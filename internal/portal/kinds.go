package portal

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// kindForm is what the portal asks for a kind of operation; its template is
// what-<name>.html.
type kindForm struct {
	One, Many string   // what one change is called
	Whole     string   // what all of it is called, of so many patients, where they are no changes
	Purpose   string   // one sentence for the page that offers the kinds
	Heading   string   // of the page with its questions, where "What should be changed?" does not fit
	Filter    string   // what choosing patients by filter is good for, where it is something special
	Fields    []string // its questions: the names of the kind's parameters
	// Choices returns what the form offers to choose from, out of what the person
	// holds; nil where it offers nothing.
	Choices func(choices) any
	// Answers are those that the form begins with; nil where it begins empty.
	Answers func(now time.Time) url.Values
	// Params reads what the form sends, and Values is its inverse; nil where each
	// question has one text.
	Params func(url.Values) bulk.Params
	Values func(bulk.Params) url.Values
}

// eachAnswer is a kind's form as it was filled in for parameters of which some are
// several answers, parted by a space.
func eachAnswer(several ...string) func(bulk.Params) url.Values {
	return func(p bulk.Params) url.Values {
		form := url.Values{}
		for name, value := range p {
			form[name] = []string{value}
			if slices.Contains(several, name) {
				form[name] = strings.Fields(value)
			}
		}
		return form
	}
}

// kindForms has an entry for every kind.
var kindForms = map[string]kindForm{
	kind.StatusChange.Name: {
		One: "status change", Many: "status changes",
		Purpose: "Give many patients a new status, for example Active, On Hold or Discharged. Where care ends, their future visits are cancelled with it.",
		Fields:  []string{kind.StatusTo, kind.HoldReason, kind.CancelVisits},
		Choices: func(choices) any { return statusChoices() },
	},
	kind.ProviderReassignment.Name: {
		One: "reassignment", Many: "reassignments",
		Purpose: "Give many patients another provider: one, several who share them, or the default provider of their facility. You choose what happens to their future visits.",
		Filter:  "All patients of a provider, all at a facility, or by status, tag, insurance or dates",
		Fields:  []string{kind.ReassignTo, kind.NewProvider, kind.NewProviders, kind.ShareBy, kind.Capacity, kind.FutureVisits},
		Choices: func(c choices) any { return reassignChoices(c) },
		Values:  eachAnswer(kind.NewProviders, kind.Capacity),
	},
	kind.FacilityTransfer.Name: {
		One: "transfer", Many: "transfers",
		Purpose: "Move many patients to another facility. You choose who their provider is there, and what happens to their future visits.",
		Filter:  "All patients at a facility, or by status, provider, tag, insurance or dates",
		Fields:  []string{kind.TransferTo, kind.WithProvider, kind.FutureVisits},
		Choices: func(c choices) any { return transferChoices(c) },
	},
	kind.Tags.Name: {
		One: "tag change", Many: "tag changes",
		Purpose: "Add tags to many patients, remove others, or both in one step.",
		Fields:  []string{kind.AddTags, kind.RemoveTags},
	},
	kind.InsuranceChange.Name: {
		One: "insurance change", Many: "insurance changes",
		Purpose: "Give many patients another insurance plan from a day on. Where the old plan has ended, they can be put On Hold with it.",
		Fields:  []string{kind.InsurancePlan, kind.EffectiveDate, kind.MemberIDs, kind.PlanEnded},
		Choices: func(choices) any { return insuranceChoices },
	},
	kind.DataCorrection.Name: {
		One: "correction", Many: "corrections",
		Purpose: "Give each patient new values from a CSV file: name, birth date, phone, e-mail, address, emergency contact or language.",
		Heading: "Is this what the file should change?",
	},
	kind.Communication.Name: {
		One: "message", Many: "messages",
		Purpose: "Write to everybody who has to do with the patients: their facilities, their providers, or the staff. Each gets one mail with the number of patients and a link to the list.",
		Heading: "What do you want to say, and to whom?",
		Fields:  []string{kind.MessageType, kind.AlertRole, kind.MessageHeading, kind.MessageText},
		Choices: func(choices) any { return messageChoices() },
	},
	kind.VisitScheduling.Name: {
		One: "booking", Many: "bookings",
		Purpose: "Book visits for many patients, one or a series, spread evenly over days and providers within their hours.",
		Fields: []string{kind.VisitsOf, kind.VisitsLast, kind.VisitsFrom, kind.VisitsTo, kind.VisitsAt, kind.VisitsEarliest, kind.VisitsLatest,
			kind.VisitsWith, kind.VisitsProvider, kind.VisitsADay, kind.VisitsTimes, kind.VisitsEvery},
		Choices: func(c choices) any { return schedulingChoices(c) },
		Answers: func(now time.Time) url.Values {
			return url.Values{kind.VisitsLast: {"30"}, kind.VisitsWith: {kind.OwnProvider}, kind.VisitsAt: {kind.PreferredTime},
				kind.VisitsFrom: {now.AddDate(0, 0, 7).Format(time.DateOnly)}, kind.VisitsTo: {now.AddDate(0, 0, 34).Format(time.DateOnly)}}
		},
	},
	kind.Export.Name: {
		Whole:   "the export of %s",
		Purpose: "Hand out patient data in an encrypted file: a patient list, diagnoses and medications, visits, or full records. Nothing is changed.",
		Heading: "What should be exported?",
		Fields:  []string{kind.ExportType, kind.ExportFormat, kind.ExportColumns},
		Choices: exportChoices, Answers: everyColumn, Params: exportParams, Values: exportAnswers,
	},
	kind.Rollback.Name: {One: "restoration", Many: "restorations"},
}

type statusForm struct{ Statuses, HoldReasons, CancelVisits []option }

func statusChoices() statusForm {
	f := statusForm{CancelVisits: []option{{Value: "yes", Title: "Cancel the future visits of these patients"}}}
	for _, s := range registry.Statuses {
		var from []string
		for _, before := range registry.Statuses {
			if slices.Contains(kind.Transitions[before], s) {
				from = append(from, string(before))
			}
		}
		if len(from) == 0 {
			continue
		}
		note := "from " + strings.Join(from, ", ")
		if kind.EndsCare(s) {
			note += "; future visits are cancelled"
		}
		f.Statuses = append(f.Statuses, option{string(s), string(s), note})
	}
	for _, r := range kind.HoldReasons {
		f.HoldReasons = append(f.HoldReasons, option{Value: r, Title: r})
	}
	return f
}

// insuranceChoices are what can become of the member ids, and of the patients.
var insuranceChoices = struct{ MemberIDs, Ended []option }{[]option{
	{kind.KeepMemberIDs, "Keep them", "The numbers stay the same, for example because the plan only has a new name"},
	{kind.ClearMemberIDs, "Clear them", "The new plan gives new numbers, which are filled in later"},
	{kind.GiveMemberIDs, "Take them from the uploaded file", "Its column Member id has each patient’s new number; whoever has none there is left out"},
}, []option{
	{"yes", "Also put these patients On Hold", "Hold reason: Insurance lapse. Future visits stay. Who cannot be put On Hold is left out, with the reason."},
}}

type reassignForm struct {
	To, Providers, Share, Visits []option
	Capacity                     []capacityAnswers // of each provider
}

// capacityAnswers are how many patients a provider can be said to see a day.
type capacityAnswers struct {
	ID, Name string
	Own      int // what the provider's calendar says; 0 for nothing that can be used
	Answers  []option
}

func capacityChoices(c choices) []capacityAnswers {
	var all []capacityAnswers
	for _, p := range c.Providers {
		if !p.Active {
			continue
		}
		a := capacityAnswers{ID: p.ID, Name: p.Name}
		if p.Daily >= kind.LeastCapacity && p.Daily <= kind.MostCapacity {
			a.Own = p.Daily
		}
		for n := kind.LeastCapacity; n <= kind.MostCapacity; n++ {
			a.Answers = append(a.Answers, option{Value: fmt.Sprintf("%s=%d", p.ID, n), Title: strconv.Itoa(n)})
		}
		all = append(all, a)
	}
	return all
}

func reassignChoices(c choices) reassignForm {
	return reassignForm{
		To: []option{
			{kind.ToOne, "One provider", "All patients go to the same provider."},
			{kind.ToSeveral, "Several providers", "The patients are shared out among them."},
			{kind.ToDefault, "The default provider of each patient’s facility", ""},
		},
		Providers: providerOptions(c),
		Capacity:  capacityChoices(c),
		Share: []option{
			{kind.ByTurns, "In turn", "Each provider gets a patient, one after the other. Patients who have one of them already stay."},
			{kind.ByLoad, "By number of patients", "Each patient goes to the provider who has the fewest patients then. Patients of a chosen provider go to another one where that makes the numbers more even."},
			{kind.ByCapacity, "By capacity", fmt.Sprintf("In proportion to how many patients each provider sees a day, from %d to %d. You say it below. Patients of a chosen provider may go to another one, too.",
				kind.LeastCapacity, kind.MostCapacity)},
		},
		Visits: []option{
			{kind.GiveVisits, "Reassign all future visits", "At the same times. Patients for whose visits the new provider is not free are left out and listed."},
			{kind.KeepVisits, "Keep visits with the original provider", ""},
			{kind.ReVisits, "Cancel and reschedule", "New times with the new provider, as near to the old ones as hours and bookings allow. Patients for whom a visit finds no time are left out and listed."},
			{kind.DropVisits, "Cancel them", "New visits have to be booked afterwards."},
		},
	}
}

type transferForm struct{ To, Provider, Visits []option }

func transferChoices(c choices) transferForm {
	f := transferForm{
		Provider: []option{
			{kind.KeepProvider, "Keep the present provider", "Patients whose provider does not work at the new facility are left out."},
			{kind.StandIn, "The default provider of the new facility", ""},
			{kind.AssignLater, "Assign later", "The patients have no provider for now. Find them with the filter on the list of patients."},
		},
		Visits: []option{
			{kind.ShiftVisits, "Move them to the new facility", "At the same times. Visits with the present provider go along to the new one. Where a visit cannot take place there, the patient is left out."},
			{kind.KeepVisits, "Keep them at the old facility", ""},
			{kind.DropVisits, "Cancel them", "New visits have to be booked afterwards."},
		},
	}
	for _, to := range c.Facilities {
		note := ""
		if to.Capacity > 0 {
			note = "at most " + english.Count(to.Capacity, "patient", "patients")
		}
		f.To = append(f.To, option{to.ID, to.Name, note})
	}
	return f
}

type schedulingForm struct{ Types, At, With, Providers []option }

func schedulingChoices(c choices) schedulingForm {
	f := schedulingForm{
		At: []option{
			{kind.PreferredTime, "As the facility prefers", "Any time where it prefers none."},
			{kind.AnyTime, "Any time", ""},
			{kind.Mornings, "Mornings", "Until noon."},
			{kind.Afternoons, "Afternoons", "From noon on."},
			{kind.BetweenTimes, "Between two times", ""},
		},
		With: []option{
			{kind.OwnProvider, "Each patient’s own provider", ""},
			{kind.OneProvider, "One provider for all", ""},
			{kind.AnyProvider, "Any provider of the patient’s facility", "Visits are shared out evenly."},
		},
		Providers: providerOptions(c),
	}
	for _, t := range registry.VisitTypes {
		f.Types = append(f.Types, option{Value: t, Title: t})
	}
	return f
}

// providerOptions are the providers who work.
func providerOptions(c choices) []option {
	var list []option
	for _, p := range c.Providers {
		if !p.Active {
			continue
		}
		var places []string
		for _, f := range c.Facilities {
			if p.WorksAt(f.ID) {
				places = append(places, f.Name)
			}
		}
		note := p.Specialty + "; " + strings.Join(places, ", ")
		if p.Limit > 0 {
			note += "; at most " + english.Count(p.Limit, "patient", "patients")
		}
		list = append(list, option{p.ID, p.Name, note})
	}
	return list
}

type messageForm struct {
	Types, Roles []option
	Placeholders []kind.Placeholder
}

func messageChoices() messageForm {
	f := messageForm{Placeholders: kind.Placeholders, Roles: []option{{kind.EveryRole, "Everybody", ""}}}
	notes := map[string]string{
		kind.ToFacilities: "To each facility of these patients, at the address of its contact.",
		kind.ToProviders:  "To each provider of these patients.",
		kind.ToStaff:      "To the staff who hold the facilities of these patients.",
	}
	for _, t := range kind.MessageTypes {
		f.Types = append(f.Types, option{t.Answer, t.Title, notes[t.Answer]})
	}
	for _, r := range kind.AlertRoles {
		f.Roles = append(f.Roles, option{string(r), r.Title(), ""})
	}
	return f
}

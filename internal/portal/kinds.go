package portal

import (
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// kindForm is what the portal asks for a kind of operation; its template is
// what-<name>.html.
type kindForm struct {
	One, Many string   // what one change is called
	Purpose   string   // one sentence for the page that offers the kinds
	Fields    []string // its questions: the names of the kind's parameters
	// Choices returns what the form offers to choose from; nil where it offers
	// nothing.
	Choices func(registry.Directory) any
}

// kindForms has an entry for every kind.
var kindForms = map[string]kindForm{
	kind.StatusChange.Name: {
		One: "status change", Many: "status changes",
		Purpose: "Give many patients a new status, for example Active, On Hold or Discharged. Where care ends, their future visits are cancelled with it.",
		Fields:  []string{kind.StatusTo, kind.HoldReason, kind.CancelVisits},
		Choices: func(registry.Directory) any { return statusChoices() },
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
		Choices: func(registry.Directory) any { return memberIDRules },
	},
	kind.Rollback.Name: {One: "restoration", Many: "restorations"},
}

type statusForm struct {
	Statuses    []registry.Status
	HoldReasons []string
	From        map[registry.Status][]registry.Status // by new status, those it can follow
}

func statusChoices() statusForm {
	f := statusForm{HoldReasons: kind.HoldReasons, From: map[registry.Status][]registry.Status{}}
	for _, s := range registry.Statuses {
		for _, from := range registry.Statuses {
			for _, to := range kind.Transitions[from] {
				if to == s {
					f.From[s] = append(f.From[s], from)
				}
			}
		}
		if len(f.From[s]) > 0 {
			f.Statuses = append(f.Statuses, s)
		}
	}
	return f
}

// memberIDRules are what can become of the member ids.
var memberIDRules = []struct{ Value, Title, Hint string }{
	{kind.KeepMemberIDs, "Keep them", "The numbers stay the same, for example because the plan only has a new name"},
	{kind.ClearMemberIDs, "Clear them", "The new plan gives new numbers, which are filled in later"},
}

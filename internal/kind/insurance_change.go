package kind

import (
	"fmt"
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Questions of an insurance change.
const (
	InsurancePlan = "plan"       // the new plan's name
	MemberIDs     = "member_ids" // KeepMemberIDs, ClearMemberIDs or GiveMemberIDs
	EffectiveDate = "effective"  // 2006-01-02: the day from which the plan holds
	PlanEnded     = "ended"      // "yes" also puts the patients On Hold
)

// What can become of the member ids.
const (
	KeepMemberIDs  = "keep"
	ClearMemberIDs = "clear"
	GiveMemberIDs  = "file" // each patient gets the one given for them
)

// MaxPlanName is how many characters the name of a plan may have.
const MaxPlanName = 80

// Years outside of these are typing mistakes.
const (
	firstYear = 1900
	lastYear  = 2100
)

// InsuranceChange gives patients another insurance plan.
var InsuranceChange = Kind{
	Name:     "insurance-change",
	Title:    "Insurance Change",
	Approver: staff.Manager,
	Undoable: true,
	Columns: []Column{{Field: registry.InsuranceID, Title: "Member id", Others: []string{"insurance member id", "member number", "insurance id"},
		Hint: "Used where you choose to take member ids from the file; at most 60 characters", Example: "A1234567", Read: atMost(60)}},
	Summary: func(p bulk.Params, _ registry.Directory) string {
		words := fmt.Sprintf("Change insurance plan to %s from %s, ", planName(p), english.Date(p[EffectiveDate])) +
			map[string]string{KeepMemberIDs: "keep member ids", ClearMemberIDs: "clear member ids", GiveMemberIDs: "member ids from the file"}[p[MemberIDs]]
		if p[PlanEnded] == "yes" {
			words += ", and put on hold (" + strings.ToLower(insuranceLapse) + ")"
		}
		return words
	},
	Check: checkInsurance,
	New: func(p bulk.Params, _ World) Planner {
		wanted := registry.Fields{registry.InsurancePlan: planName(p), registry.InsuranceFrom: p[EffectiveDate]}
		if p[MemberIDs] == ClearMemberIDs {
			wanted[registry.InsuranceID] = ""
		}
		return insurancePlanner{wanted: wanted, given: p[MemberIDs] == GiveMemberIDs, hold: p[PlanEnded] == "yes"}
	},
}

// planName is the plan's name with single spaces.
func planName(p bulk.Params) string { return strings.Join(strings.Fields(p[InsurancePlan]), " ") }

func checkInsurance(p bulk.Params, _ registry.Directory) []Problem {
	c := checker{params: p, kind: "An insurance change"}
	switch plan := planName(p); {
	case plan == "":
		c.add(InsurancePlan, "Write the name of the new plan.")
	case utf8.RuneCountInString(plan) > MaxPlanName:
		c.add(InsurancePlan, "Shorten the name of the plan to %d characters; it has %d.", MaxPlanName, utf8.RuneCountInString(plan))
	case !utf8.ValidString(plan) || strings.ContainsFunc(plan, func(r rune) bool { return !unicode.IsPrint(r) }):
		c.add(InsurancePlan, "The name of the plan holds a character that cannot be shown. Type it anew instead of pasting it.")
	}
	c.day(EffectiveDate, "Give the date from which the plan holds.")
	c.oneOf(MemberIDs, "Choose whether the member ids are kept, cleared, or taken from a file.", KeepMemberIDs, ClearMemberIDs, GiveMemberIDs)
	c.oneOf(PlanEnded, "Answer yes, or leave it out.", "", "yes")
	return c.done(InsurancePlan, MemberIDs, EffectiveDate, PlanEnded)
}

type insurancePlanner struct {
	wanted registry.Fields // of every patient
	given  bool            // the member id is the one given for the patient
	hold   bool
}

func (i insurancePlanner) Plan(s Subject) (bulk.Change, *bulk.Exclusion) {
	p := s.Patient
	wanted := maps.Clone(i.wanted)
	if i.given {
		switch id := s.Given[registry.InsuranceID]; id {
		case "": // an old member id must not stand beside the new plan
			return bulk.Change{}, &bulk.Exclusion{Code: bulk.NotGiven, Sentence: "No member id is given for this patient."}
		case Clear:
			wanted[registry.InsuranceID] = ""
		default:
			wanted[registry.InsuranceID] = id
		}
	}
	if i.hold {
		wanted[registry.StatusField] = string(registry.OnHold)
		// Who is on hold already stays so for the reason that was given then.
		if from := p.Status(); from != registry.OnHold {
			if x := notAllowed(from, registry.OnHold); x != nil {
				return bulk.Change{}, x
			}
			wanted[registry.HoldReason] = insuranceLapse
		}
	}
	edit := profileEdit(p, wanted)
	if len(edit.After) == 0 {
		return bulk.Change{}, &bulk.Exclusion{Code: bulk.AlreadySo, Sentence: "The insurance is already as asked."}
	}
	return changeOf(p, edit), nil
}

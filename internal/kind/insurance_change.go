package kind

import (
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Questions of an insurance change.
const (
	InsurancePlan = "plan"       // the new plan's name
	MemberIDs     = "member_ids" // one of KeepMemberIDs and ClearMemberIDs
	EffectiveDate = "effective"  // 2006-01-02: the day from which the plan holds
	PlanEnded     = "ended"      // "yes" also puts the patients On Hold
)

// What can become of the member ids.
const (
	KeepMemberIDs  = "keep"
	ClearMemberIDs = "clear"
)

const maxPlanName = 80

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
	Summary: func(p bulk.Params, _ registry.Directory) string {
		words := fmt.Sprintf("Change insurance plan to %s from %s, %s member ids", planName(p), spokenDay(p[EffectiveDate]), p[MemberIDs])
		if p[PlanEnded] == "yes" {
			words += ", and put on hold (" + strings.ToLower(InsuranceLapse) + ")"
		}
		return words
	},
	Check: checkInsurance,
	New: func(p bulk.Params, _ World) Planner {
		wanted := registry.Fields{registry.InsurancePlan: planName(p), registry.InsuranceFrom: p[EffectiveDate]}
		if p[MemberIDs] == ClearMemberIDs {
			wanted[registry.InsuranceID] = ""
		}
		return insurancePlanner{wanted: wanted, hold: p[PlanEnded] == "yes"}
	},
}

// planName is the plan's name with single spaces.
func planName(p bulk.Params) string { return strings.Join(strings.Fields(p[InsurancePlan]), " ") }

// spokenDay is a date as people read it.
func spokenDay(date string) string {
	if day, err := time.Parse(time.DateOnly, date); err == nil {
		return day.Format("2 Jan 2006")
	}
	return date
}

func checkInsurance(p bulk.Params, _ registry.Directory) []Problem {
	var problems []Problem
	add := func(field, format string, args ...any) {
		problems = append(problems, Problem{field, fmt.Sprintf(format, args...)})
	}
	switch plan := planName(p); {
	case plan == "":
		add(InsurancePlan, "Write the name of the new plan.")
	case utf8.RuneCountInString(plan) > maxPlanName:
		add(InsurancePlan, "Shorten the name of the plan to %d characters; it has %d.", maxPlanName, utf8.RuneCountInString(plan))
	case !utf8.ValidString(plan) || strings.ContainsFunc(plan, func(r rune) bool { return !unicode.IsPrint(r) }):
		add(InsurancePlan, "The name of the plan holds a character that cannot be shown. Type it anew instead of pasting it.")
	}
	switch day, err := time.Parse(time.DateOnly, p[EffectiveDate]); {
	case p[EffectiveDate] == "":
		add(EffectiveDate, "Give the date from which the plan holds.")
	case err != nil:
		add(EffectiveDate, "%q is no date. Write it as year-month-day, for example 2026-01-31.", brief(p[EffectiveDate]))
	case day.Year() < firstYear || day.Year() > lastYear:
		add(EffectiveDate, "Check the year: it must be between %d and %d.", firstYear, lastYear)
	}
	if p[MemberIDs] != KeepMemberIDs && p[MemberIDs] != ClearMemberIDs {
		add(MemberIDs, "Choose whether the member ids are kept or cleared.")
	}
	if p[PlanEnded] != "" && p[PlanEnded] != "yes" {
		add(PlanEnded, "Answer yes, or leave it out.")
	}
	return append(problems, unknownQuestions("An insurance change", p, InsurancePlan, MemberIDs, EffectiveDate, PlanEnded)...)
}

type insurancePlanner struct {
	wanted registry.Fields // of every patient
	hold   bool
}

func (i insurancePlanner) Plan(s Subject) (bulk.Change, *bulk.Exclusion) {
	p := s.Patient
	wanted := maps.Clone(i.wanted)
	if i.hold {
		wanted[registry.StatusField] = string(registry.OnHold)
		// Who is on hold already stays so for the reason that was given then.
		if from := p.Status(); from != registry.OnHold {
			if x := notAllowed(from, registry.OnHold); x != nil {
				return bulk.Change{}, x
			}
			wanted[registry.HoldReason] = InsuranceLapse
		}
	}
	edit := profileEdit(p, wanted)
	if len(edit.After) == 0 {
		return bulk.Change{}, &bulk.Exclusion{Code: bulk.AlreadySo, Sentence: "The insurance is already as asked."}
	}
	return changeOf(p, edit), nil
}

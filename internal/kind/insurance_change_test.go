package kind_test

import (
	"maps"
	"strings"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// insured is a patient with Medicare since 2020.
func insured(status registry.Status) registry.Patient {
	p := patient(status)
	p.Fields[registry.InsurancePlan], p.Fields[registry.InsuranceID], p.Fields[registry.InsuranceFrom] = "Medicare", "ME1", "2020-01-01"
	return p
}

// insure is what a form sends for Aetna from 2027; more are further answers.
func insure(more ...string) bulk.Params {
	p := bulk.Params{kind.InsurancePlan: "Aetna", kind.MemberIDs: kind.KeepMemberIDs, kind.EffectiveDate: "2027-01-01"}
	for i := 0; i < len(more); i += 2 {
		p[more[i]] = more[i+1]
	}
	return p
}

func TestAnInsuranceChangeWritesWhatDiffers(t *testing.T) {
	held := insured(registry.OnHold)
	held.Fields[registry.HoldReason] = "Family request"
	stale := insured(registry.Active)
	stale.Fields[registry.HoldReason] = "Payment"
	const same = "2020-01-01"
	tests := []struct {
		name          string
		who           registry.Patient
		params        bulk.Params
		before, after registry.Fields
		given         registry.Fields
		reads         registry.Fields // besides the facility
		code          bulk.ExclusionCode
		sentence      string
	}{
		{name: "plan and date", who: insured(registry.Active), params: insure(),
			before: registry.Fields{"insurance_plan": "Medicare", "insurance_from": same}, after: registry.Fields{"insurance_plan": "Aetna", "insurance_from": "2027-01-01"}},
		{name: "for somebody without insurance", who: patient(registry.Discharged), params: insure("member_ids", "clear"),
			before: registry.Fields{"insurance_plan": "", "insurance_from": ""}, after: registry.Fields{"insurance_plan": "Aetna", "insurance_from": "2027-01-01"},
			reads: registry.Fields{"insurance_member_id": ""}},
		{name: "member id cleared", who: insured(registry.Active), params: insure("plan", " Medicare  ", "effective", same, "member_ids", "clear"),
			before: registry.Fields{"insurance_member_id": "ME1"}, after: registry.Fields{"insurance_member_id": ""},
			reads: registry.Fields{"insurance_plan": "Medicare", "insurance_from": same}},
		{name: "member id from the file", who: insured(registry.Active), params: insure("member_ids", "file"), given: registry.Fields{"insurance_member_id": "007A"},
			before: registry.Fields{"insurance_plan": "Medicare", "insurance_from": same, "insurance_member_id": "ME1"},
			after:  registry.Fields{"insurance_plan": "Aetna", "insurance_from": "2027-01-01", "insurance_member_id": "007A"}},
		{name: "cleared by the file", who: insured(registry.Active), params: insure("member_ids", "file"), given: registry.Fields{"insurance_member_id": kind.Clear},
			before: registry.Fields{"insurance_plan": "Medicare", "insurance_from": same, "insurance_member_id": "ME1"},
			after:  registry.Fields{"insurance_plan": "Aetna", "insurance_from": "2027-01-01", "insurance_member_id": ""}},
		{name: "none in the file", who: insured(registry.Active), params: insure("member_ids", "file"),
			code: bulk.NotGiven, sentence: "No member id is given for this patient."},
		{name: "another date alone", who: insured(registry.Active), params: insure("plan", "Medicare"),
			before: registry.Fields{"insurance_from": same}, after: registry.Fields{"insurance_from": "2027-01-01"}, reads: registry.Fields{"insurance_plan": "Medicare"}},
		{name: "another spelling", who: insured(registry.Active), params: insure("plan", "MEDICARE", "effective", same),
			before: registry.Fields{"insurance_plan": "Medicare"}, after: registry.Fields{"insurance_plan": "MEDICARE"}, reads: registry.Fields{"insurance_from": same}},
		{name: "nothing differs", who: insured(registry.Active), params: insure("plan", "Medicare", "effective", same),
			code: bulk.AlreadySo, sentence: "The insurance is already as asked."},
		{name: "put on hold", who: insured(registry.Active), params: insure("plan", "Medicare", "effective", same, "ended", "yes"),
			before: registry.Fields{"status": "Active", "hold_reason": ""}, after: registry.Fields{"status": "On Hold", "hold_reason": "Insurance lapse"},
			reads: registry.Fields{"insurance_plan": "Medicare", "insurance_from": same}},
		{name: "an old hold reason is replaced", who: stale, params: insure("plan", "Medicare", "effective", same, "ended", "yes"),
			before: registry.Fields{"status": "Active", "hold_reason": "Payment"}, after: registry.Fields{"status": "On Hold", "hold_reason": "Insurance lapse"},
			reads: registry.Fields{"insurance_plan": "Medicare", "insurance_from": same}},
		{name: "on hold already: the reason stays", who: held, params: insure("plan", "Aetna", "effective", same, "ended", "yes"),
			before: registry.Fields{"insurance_plan": "Medicare"}, after: registry.Fields{"insurance_plan": "Aetna"},
			reads: registry.Fields{"status": "On Hold", "insurance_from": same}},
		{name: "on hold already, and nothing else differs", who: held, params: insure("plan", "Medicare", "effective", same, "ended", "yes"),
			code: bulk.AlreadySo, sentence: "The insurance is already as asked."},
		{name: "cannot be put on hold", who: insured(registry.Hospitalized), params: insure("ended", "yes"),
			code: bulk.NotAllowed, sentence: "A patient who is Hospitalized cannot become On Hold."},
		{name: "cannot be put on hold, even where the insurance is as asked", who: insured(registry.Deceased), params: insure("plan", "Medicare", "effective", same, "ended", "yes"),
			code: bulk.NotAllowed, sentence: "A patient who is Deceased cannot become On Hold."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			change, exclusion := kind.InsuranceChange.New(test.params, kind.World{At: noon}).Plan(kind.Subject{Patient: test.who, Given: test.given})
			if exclusion != nil {
				if exclusion.Code != test.code || exclusion.Sentence != test.sentence {
					t.Errorf("left out: %+v", exclusion)
				}
				return
			}
			e, reads := change.Edits[0], registry.Fields{registry.FacilityField: "fac-1"}
			maps.Copy(reads, test.reads)
			if test.code != "" || len(change.Edits) != 1 || !maps.Equal(e.Before, test.before) || !maps.Equal(e.After, test.after) || !maps.Equal(e.Reads, reads) {
				t.Errorf("%v → %v, relying on %v", e.Before, e.After, e.Reads)
			}
		})
	}
}

// Whoever can be put on hold by a status change can be so here, and nobody else.
func TestOnlyWhoCanBePutOnHoldIs(t *testing.T) {
	for _, from := range registry.Statuses {
		_, byStatus := plan(ask(registry.OnHold), patient(from))
		_, byInsurance := kind.InsuranceChange.New(insure("ended", "yes"), kind.World{At: noon}).Plan(kind.Subject{Patient: insured(from)})
		if from != registry.OnHold && (byStatus == nil) != (byInsurance == nil) {
			t.Errorf("%s: %v and %v", from, byStatus, byInsurance)
		}
	}
}

func TestTheSummaryOfAnInsuranceChange(t *testing.T) {
	for want, params := range map[string]bulk.Params{
		"Change insurance plan to Aetna from 1 Jan 2027, keep member ids":                                           insure(),
		"Change insurance plan to Aetna from 1 Jan 2027, member ids from the file":                                  insure("member_ids", "file"),
		"Change insurance plan to Blue Shield from 1 Jan 2027, clear member ids, and put on hold (insurance lapse)": insure("plan", " Blue  Shield", "member_ids", "clear", "ended", "yes"),
	} {
		if got := kind.InsuranceChange.Summary(params, registry.Directory{}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCheckOfAnInsuranceChangeNamesEachWrongAnswer(t *testing.T) {
	tests := []struct {
		name   string
		params bulk.Params
		want   []string
	}{
		{"nothing", nil, []string{"plan: Write the name", "effective: Give the date", "member_ids: Choose whether"}},
		{"a blank plan", insure("plan", " \n "), []string{"plan: Write the name"}},
		{"as long as it may be", insure("plan", strings.Repeat("ä", 80)), nil},
		{"too long", insure("plan", strings.Repeat("ä", 81)), []string{"plan: Shorten the name of the plan to 80 characters; it has 81."}},
		{"what turns text around", insure("plan", "Aet\u202ena"), []string{"plan: The name of the plan holds a character that cannot be shown."}},
		{"half a character", insure("plan", "Aetna\xc3"), []string{"plan: The name of the plan holds a character"}},
		{"a rule that is none", insure("member_ids", "csv"), []string{"member_ids: Choose whether"}},
		{"no such day", insure("effective", "2027-02-29"), []string{`effective: "2027-02-29" is no date.`}},
		{"another way to write it", insure("effective", "1/2/2027"), []string{`effective: "1/2/2027" is no date.`}},
		{"a mistyped year", insure("effective", "0027-01-01"), []string{"effective: Check the year: it must be between 1900 and 2100."}},
		{"an answer that is none", insure("ended", "no"), []string{"ended: Answer yes, or leave it out."}},
		{"put on hold", insure("ended", "yes"), nil},
		{"a question of another kind", insure("hold_reason", "Payment"), []string{`hold_reason: An insurance change has no question "hold_reason".`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			complains(t, kind.InsuranceChange.Check(test.params, registry.Directory{}), test.want)
		})
	}
}

package kind_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

var (
	noon   = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	past   = registry.VisitRef{Start: noon.Add(-time.Hour), ID: "V1"}
	soon   = registry.VisitRef{Start: noon.Add(time.Minute), ID: "V2"}
	later  = registry.VisitRef{Start: noon.AddDate(0, 2, 0), ID: "V3"}
	atNoon = registry.VisitRef{Start: noon, ID: "V4"}
)

// patient is one with the status and the scheduled visits.
func patient(status registry.Status, visits ...registry.VisitRef) registry.Patient {
	return registry.Patient{Record: registry.Record{Ref: registry.ProfileRef("00042"), Fields: registry.Fields{
		registry.Name: "Ada", registry.StatusField: string(status), registry.FacilityField: "fac-1",
		registry.Upcoming: registry.FormatVisitRefs(visits),
	}}}
}

// ask is what a form sends for a change to the status.
func ask(to registry.Status) bulk.Params {
	p := bulk.Params{kind.StatusTo: string(to)}
	if to == registry.OnHold {
		p[kind.HoldReason] = "Payment"
	}
	return p
}

// visitsOf counts the visits that a change cancels; it touches no others.
func visitsOf(c bulk.Change) int {
	touched, cancelled := c.Visits()
	if touched != cancelled {
		return -1
	}
	return cancelled
}

func plan(p bulk.Params, who registry.Patient) (bulk.Change, *bulk.Exclusion) {
	return kind.StatusChange.New(p, kind.World{At: noon}).Plan(kind.Subject{Patient: who})
}

// The requirement, written out by hand: "Pending→Active, Active↔On Hold,
// Active↔Hospitalized, Active→Discharged, On Hold→Active or Discharged,
// Discharged→Active (re-admission), Active/On Hold/Hospitalized→Deceased, any
// living status→Inactive; nothing leaves Deceased". Each cell: y = changes,
// n = not allowed, = = has that status already.
var cells = map[registry.Status]string{
	//                     Active Pending OnHold Hospitalized Discharged Deceased Inactive
	registry.Active:       "=     n       y      y            y          y        y",
	registry.Pending:      "y     =       n      n            n          n        y",
	registry.OnHold:       "y     n       =      n            y          y        y",
	registry.Hospitalized: "y     n       n      =            n          y        y",
	registry.Discharged:   "y     n       n      n            =          n        y",
	registry.Deceased:     "n     n       n      n            n          =        n",
	registry.Inactive:     "n     n       n      n            n          n        =",
}

func TestEveryCellOfTheTransitionTable(t *testing.T) {
	columns := []registry.Status{registry.Active, registry.Pending, registry.OnHold, registry.Hospitalized,
		registry.Discharged, registry.Deceased, registry.Inactive}
	for from, row := range cells {
		for i, cell := range strings.Fields(row) {
			to := columns[i]
			t.Run(fmt.Sprintf("%s to %s", from, to), func(t *testing.T) {
				change, exclusion := plan(ask(to), patient(from))
				switch cell {
				case "y":
					if exclusion != nil {
						t.Fatalf("excluded: %s", exclusion.Sentence)
					}
					edit := change.Edits[0]
					if edit.Before[registry.StatusField] != string(from) || edit.After[registry.StatusField] != string(to) {
						t.Errorf("planned %v → %v", edit.Before, edit.After)
					}
				case "n":
					if exclusion == nil || exclusion.Code != bulk.NotAllowed ||
						exclusion.Sentence != fmt.Sprintf("A patient who is %s cannot become %s.", from, to) {
						t.Errorf("got %+v", exclusion)
					}
				case "=":
					if exclusion == nil || exclusion.Code != bulk.AlreadySo ||
						exclusion.Sentence != fmt.Sprintf("The status is already %s.", to) {
						t.Errorf("got %+v", exclusion)
					}
				}
			})
		}
	}
}

func TestAnUnknownOldStatusChangesToNothing(t *testing.T) {
	for _, from := range []registry.Status{"", "Transferred"} {
		for _, to := range registry.Statuses {
			if _, exclusion := plan(ask(to), patient(from)); exclusion == nil || exclusion.Code != bulk.NotAllowed {
				t.Errorf("%q to %s: %+v", from, to, exclusion)
			}
		}
	}
}

func TestAChangeNamesItsPatientAndWhatItReliesOn(t *testing.T) {
	change, _ := plan(ask(registry.OnHold), patient(registry.Active))
	if change.Subject != "00042" || change.Name != "Ada" || change.Facility != "fac-1" {
		t.Errorf("the change is for %+v", change)
	}
	edit := change.Edits[0]
	if edit.Ref != registry.ProfileRef("00042") {
		t.Errorf("the edit is of %v", edit.Ref)
	}
	// The approver's right depends on the facility, so a patient who moved away is skipped.
	if got := edit.Reads[registry.FacilityField]; got != "fac-1" {
		t.Errorf("it relies on the facility %q", got)
	}
}

func TestHoldReasonComesAndGoesWithTheHold(t *testing.T) {
	held := patient(registry.OnHold)
	held.Fields[registry.HoldReason] = "Family request"
	stale := patient(registry.Active)
	stale.Fields[registry.HoldReason] = "Family request"
	tests := []struct {
		name          string
		to            registry.Status
		who           registry.Patient
		written       bool
		before, after string
	}{
		{"set", registry.OnHold, patient(registry.Active), true, "", "Payment"},
		{"replaced", registry.OnHold, stale, true, "Family request", "Payment"},
		{"cleared by going back", registry.Active, held, true, "Family request", ""},
		{"cleared by discharge", registry.Discharged, held, true, "Family request", ""},
		{"cleared by death", registry.Deceased, held, true, "Family request", ""},
		{"not touched where there is none", registry.Hospitalized, patient(registry.Active), false, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			change, exclusion := plan(ask(test.to), test.who)
			if exclusion != nil {
				t.Fatal(exclusion.Sentence)
			}
			before, written := change.Edits[0].Before[registry.HoldReason]
			after := change.Edits[0].After[registry.HoldReason]
			if written != test.written || before != test.before || after != test.after {
				t.Errorf("written %v: %q → %q", written, before, after)
			}
		})
	}
}

func TestVisitsAreCancelledWithTheEndOfCare(t *testing.T) {
	onHoldCancel := ask(registry.OnHold)
	onHoldCancel[kind.CancelVisits] = "yes"
	tests := []struct {
		name      string
		params    bulk.Params
		from      registry.Status
		visits    []registry.VisitRef
		cancelled []registry.VisitRef
	}{
		{"discharge", ask(registry.Discharged), registry.Active, []registry.VisitRef{past, soon, later}, []registry.VisitRef{soon, later}},
		{"death", ask(registry.Deceased), registry.Hospitalized, []registry.VisitRef{soon}, []registry.VisitRef{soon}},
		{"inactive", ask(registry.Inactive), registry.Pending, []registry.VisitRef{later}, []registry.VisitRef{later}},
		{"on hold, as chosen", onHoldCancel, registry.Active, []registry.VisitRef{soon}, []registry.VisitRef{soon}},
		{"on hold, not chosen", ask(registry.OnHold), registry.Active, []registry.VisitRef{soon}, nil},
		{"re-admission", ask(registry.Active), registry.Discharged, []registry.VisitRef{soon}, nil},
		{"no visit", ask(registry.Discharged), registry.Active, nil, nil},
		{"only visits that have begun", ask(registry.Discharged), registry.Active, []registry.VisitRef{past, atNoon}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			who := patient(test.from, test.visits...)
			change, exclusion := plan(test.params, who)
			if exclusion != nil {
				t.Fatal(exclusion.Sentence)
			}
			var refs []registry.VisitRef
			for _, v := range test.visits {
				if i := slices.IndexFunc(change.Edits, func(e bulk.Edit) bool { return e.Ref == v.Ref("00042") }); i > 0 {
					refs = append(refs, v)
					edit := change.Edits[i]
					if edit.Before[registry.VisitState] != registry.VisitScheduled || edit.After[registry.VisitState] != registry.VisitCancelled ||
						edit.After[registry.CancelledWhy] != "Patient is "+test.params[kind.StatusTo] {
						t.Errorf("%s: %v → %v", v, edit.Before, edit.After)
					}
				}
			}
			if !slices.Equal(refs, test.cancelled) || len(change.Edits) != 1+len(test.cancelled) || visitsOf(change) != len(test.cancelled) {
				t.Errorf("cancelled %v with %d edits, want %v", refs, len(change.Edits), test.cancelled)
			}
			kept := slices.DeleteFunc(slices.Clone(test.visits), func(v registry.VisitRef) bool { return slices.Contains(test.cancelled, v) })
			if after, written := change.Edits[0].After[registry.Upcoming]; written && after != registry.FormatVisitRefs(kept) {
				t.Errorf("the profile lists %q, want the kept ones", after)
			} else if written != (len(test.cancelled) > 0) {
				t.Errorf("the list of visits is written: %v", written)
			}
		})
	}
}

// A visit booked between preview and run would otherwise be cancelled, or stay
// after the end of care, without anybody having read it.
func TestAVisitBookedAfterThePreviewMakesTheRecordDiffer(t *testing.T) {
	for _, visits := range [][]registry.VisitRef{nil, {past}, {later}} {
		who := patient(registry.Active, visits...)
		change, _ := plan(ask(registry.Discharged), who)
		if !change.Edits[0].Holds(who.Record) {
			t.Errorf("with %v the plan does not hold for the patient it was made for", visits)
		}
		booked := patient(registry.Active, append(slices.Clone(visits), soon)...)
		if change.Edits[0].Holds(booked.Record) {
			t.Errorf("with %v the plan still holds after a visit was booked", visits)
		}
	}
	change, _ := plan(ask(registry.Active), patient(registry.Discharged))
	if !change.Edits[0].Holds(patient(registry.Discharged, soon).Record) {
		t.Error("a re-admission depends on visits")
	}
}

func TestSummaryIsWhatAnApproverReads(t *testing.T) {
	tests := []struct {
		params bulk.Params
		want   string
	}{
		{ask(registry.Active), "Change status to Active"},
		{ask(registry.OnHold), "Change status to On Hold (payment)"},
		{bulk.Params{kind.StatusTo: "On Hold", kind.HoldReason: "Family request", kind.CancelVisits: "yes"},
			"Change status to On Hold (family request) and cancel future visits"},
		{ask(registry.Deceased), "Change status to Deceased and cancel future visits"},
	}
	for _, test := range tests {
		if got := kind.StatusChange.Summary(test.params, registry.Directory{}); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestCheckNamesEachWrongAnswer(t *testing.T) {
	tests := []struct {
		name   string
		params bulk.Params
		fields []string // the questions complained about, in order
	}{
		{"nothing answered", nil, []string{"to"}},
		{"no such status", bulk.Params{"to": "active"}, []string{"to"}},
		{"nothing becomes Pending", bulk.Params{"to": "Pending"}, []string{"to"}},
		{"on hold without a reason", bulk.Params{"to": "On Hold"}, []string{"hold_reason"}},
		{"on hold with a reason of one's own", bulk.Params{"to": "On Hold", "hold_reason": "payment"}, []string{"hold_reason"}},
		{"a reason without a hold", bulk.Params{"to": "Active", "hold_reason": "Payment"}, []string{"hold_reason"}},
		{"visits chosen without a hold", bulk.Params{"to": "Discharged", "cancel_visits": "yes"}, []string{"cancel_visits"}},
		{"an answer that is none", bulk.Params{"to": "On Hold", "hold_reason": "Payment", "cancel_visits": "maybe"}, []string{"cancel_visits"}},
		{"questions of another kind", bulk.Params{"to": "Active", "tag": "vip", "approved": "yes"}, []string{"approved", "tag"}},
		{"everything wrong", bulk.Params{"to": "x", "hold_reason": "y", "cancel_visits": "no", "z": ""},
			[]string{"to", "hold_reason", "cancel_visits", "cancel_visits", "z"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var fields []string
			for _, p := range kind.StatusChange.Check(test.params, registry.Directory{}) {
				fields = append(fields, p.Field)
				if !strings.HasSuffix(p.Sentence, ".") {
					t.Errorf("%q is no sentence", p.Sentence)
				}
			}
			if !slices.Equal(fields, test.fields) {
				t.Errorf("complains about %v, want %v", fields, test.fields)
			}
		})
	}
}

func TestCheckAcceptsEveryFormThatCanBeFilledIn(t *testing.T) {
	for _, to := range registry.Statuses {
		if to == registry.Pending {
			continue
		}
		if problems := kind.StatusChange.Check(ask(to), registry.Directory{}); len(problems) > 0 {
			t.Errorf("%s: %v", to, problems)
		}
	}
	for _, reason := range []string{"Transfer in progress", "Insurance lapse", "Family request", "Payment"} {
		p := bulk.Params{kind.StatusTo: "On Hold", kind.HoldReason: reason, kind.CancelVisits: "yes"}
		if problems := kind.StatusChange.Check(p, registry.Directory{}); len(problems) > 0 {
			t.Errorf("%s: %v", reason, problems)
		}
	}
}

func TestPlanningLeavesThePatientAlone(t *testing.T) {
	who := patient(registry.Active, past, soon)
	before := maps.Clone(who.Fields)
	plan(ask(registry.Discharged), who)
	if !maps.Equal(who.Fields, before) {
		t.Errorf("the planner wrote to the patient: %v", who.Fields)
	}
}

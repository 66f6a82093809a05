package engine_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// However long the reasons are for which patients are left out, a page of them fits
// into what a table takes.
func TestPagesOfExclusionsFitWhateverTheySay(t *testing.T) {
	c := newClinic(t)
	ids := numbered(exclusionsOfAPage)
	c.admit(registry.Active, ids)
	chance := rand.New(rand.NewPCG(1, 1))
	for _, id := range ids {
		var why strings.Builder
		for range 200 { // what does not compress
			fmt.Fprintf(&why, "%016x", chance.Uint64())
		}
		c.byHand(id, registry.LockedWhy, why.String())
		c.byHand(id, registry.LockedBy, "Nora Nurse")
	}
	op := c.planned(asks(registry.OnHold, ids...))
	equal(t, "left out", op.Plan.Excluded, len(ids))
	equal(t, "read back", len(c.excluded(op)), len(ids))
	if op.Plan.Pages < 2 {
		t.Errorf("%d page", op.Plan.Pages)
	}
}

const exclusionsOfAPage = 500

func TestAPlanFollowsTheOrderOfTheIDs(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, []string{"P001", "P002", "P003"})
	op := c.planned(asks(registry.OnHold, "P003", "P001", "P002"))
	list(t, "subjects", c.subjects(op), "P003", "P001", "P002")
}

func TestAPlanByFilterListsPatientsByName(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, []string{"P001"}, with(registry.Name, "Zoë"))
	c.admit(registry.Active, []string{"P002"}, with(registry.Name, "Adam"))
	c.admit(registry.Pending, []string{"P003"}, with(registry.Name, "Bob"))
	c.admit(registry.Active, []string{"P004"}, with(registry.Name, "Eve"), with(registry.FacilityField, "fac-2"))
	op := c.planned(asksFor(registry.OnHold, registry.Filter{Statuses: []registry.Status{registry.Active}}))
	list(t, "subjects", c.subjects(op), "P002", "P001", "P004")
	equal(t, "excluded", op.Plan.Excluded, 0) // who does not match is not listed
}

func TestAFilterLeavesOutWhoWasUnticked(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	r := asksFor(registry.OnHold, registry.Filter{Facilities: []string{"fac-1"}})
	r.Selection.Except = []string{"P002"}
	list(t, "subjects", c.subjects(c.planned(r)), "P001", "P003")
}

// A provider's patients can be in facilities that the requester does not hold.
func TestAFilterByProviderStaysInOnesOwnFacilities(t *testing.T) {
	c := newClinic(t)
	must(t, c.store.PutProvider(t.Context(), registry.Provider{ID: "prov-1", Name: "Dr. One", Facilities: []string{"fac-1"}, Active: true}))
	c.admit(registry.Active, []string{"P001"}, with(registry.ProviderField, "prov-1"))
	c.admit(registry.Active, []string{"P002"}, with(registry.ProviderField, "prov-1"), with(registry.FacilityField, "fac-9"))
	op := c.planned(asksFor(registry.OnHold, registry.Filter{Provider: "prov-1"}))
	list(t, "subjects", c.subjects(op), "P001")
	equal(t, "excluded", op.Plan.Excluded, 0)
}

func TestWhoCannotBeChangedIsListedWithTheReason(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, []string{"P001"})
	c.admit(registry.OnHold, []string{"P002"})
	c.admit(registry.Deceased, []string{"P003"})
	c.admit(registry.Active, []string{"P004"}, with(registry.LockedBy, "Nora Nurse"), with(registry.LockedWhy, "chart review"))
	c.admit(registry.Active, []string{"P005"}, with(registry.LockedBy, "Nora Nurse"))
	c.admit(registry.Active, []string{"P006"}, with(registry.FacilityField, "fac-9"))
	c.admit(registry.Active, []string{"P007"}, visits(98))
	r := asks(registry.OnHold, "P001", "P002", "P003", "P001", "P004", "P005", "P006", "P007", "nobody", "nobody")
	r.Params[kind.CancelVisits] = "yes"
	r.Selection.Source, r.Selection.Rows = bulk.Uploaded, []int{2, 3, 4, 5, 7, 8, 9, 10, 11, 12}
	op := c.planned(r)

	list(t, "subjects", c.subjects(op), "P001")
	name := func(id string) string { return canary + " " + id }
	list(t, "exclusions", c.excluded(op),
		bulk.Exclusion{Subject: "P002", Name: name("P002"), Row: 3, Code: bulk.AlreadySo, Sentence: "The status is already On Hold."},
		bulk.Exclusion{Subject: "P003", Name: name("P003"), Row: 4, Code: bulk.NotAllowed, Sentence: "A patient who is Deceased cannot become On Hold."},
		bulk.Exclusion{Subject: "P001", Row: 5, Code: bulk.Duplicate, Sentence: "This id is in the list more than once; only the first counts."},
		bulk.Exclusion{Subject: "P004", Name: name("P004"), Row: 7, Code: bulk.Locked, Sentence: "The record is locked by Nora Nurse: chart review."},
		bulk.Exclusion{Subject: "P005", Name: name("P005"), Row: 8, Code: bulk.Locked, Sentence: "The record is locked by Nora Nurse."},
		// Who may not see the patient does not learn the name.
		bulk.Exclusion{Subject: "P006", Row: 9, Code: bulk.OtherFacility, Sentence: "This patient is in a facility that you do not hold."},
		bulk.Exclusion{Subject: "P007", Name: name("P007"), Row: 10, Code: bulk.TooManyEdits, Sentence: "This change would touch 99 records of one patient; at most 98 can be changed together. Cancel some visits by hand first."},
		bulk.Exclusion{Subject: "nobody", Row: 11, Code: bulk.UnknownSubject, Sentence: "There is no patient with this id."},
		bulk.Exclusion{Subject: "nobody", Row: 12, Code: bulk.Duplicate, Sentence: "This id is in the list more than once; only the first counts."},
	)
	equal(t, "left out", op.Plan.Excluded, 9)
	equal(t, "duplicates", op.Plan.ByReason[bulk.Duplicate], 2)
}

func TestASummaryCountsWhatThePlanHolds(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2), visits(3))
	c.admit(registry.Pending, []string{"P101"}, with(registry.FacilityField, "fac-2"))
	op := c.planned(asks(registry.Inactive, "P001", "P002", "P101", "nobody"))
	equal(t, "state", op.State, bulk.Ready)
	equal(t, "changes", op.Plan.Changes, 3)
	equal(t, "visits", op.Plan.Visits, 6)
	list(t, "facilities", op.Plan.Facilities, "fac-1", "fac-2")
	equal(t, "by facility", fmt.Sprint(op.Plan.ByFacility), "map[fac-1:2 fac-2:1]")
	equal(t, "before", fmt.Sprint(op.Plan.Before), "map[status:map[Active:2 Pending:1]]")
	equal(t, "after", fmt.Sprint(op.Plan.After), "map[status:map[Inactive:3]]")
	equal(t, "history", strings.Join(c.happened(op.ID), " "), "requested planned")
}

func TestALongPlanIsCutIntoBatchesOfAHundred(t *testing.T) {
	c := newClinic(t)
	ids := numbered(250)
	c.admit(registry.Active, ids)
	op := c.planned(asks(registry.OnHold, append([]string{"nobody"}, ids...)...))
	equal(t, "batches", op.Plan.Batches, 3)
	list(t, "subjects", c.subjects(op), ids...)
	for page, want := range map[int]int{0: 0, 1: 100, 2: 100, 3: 50, 4: 0} {
		changes, err := c.Changes(t.Context(), op, page)
		must(t, err)
		equal(t, fmt.Sprintf("changes on page %d", page), len(changes), want)
	}
}

// A stored batch has to stay far below 400 KB, also where everybody has many visits.
func TestABatchOfPatientsWithManyVisitsHoldsFewer(t *testing.T) {
	c := newClinic(t)
	ids := numbered(50)
	c.admit(registry.Active, ids, visits(80))
	op := c.planned(asks(registry.Discharged, ids...))
	equal(t, "batches", op.Plan.Batches, 3) // 24 + 24 + 2 patients with 81 edits each
	list(t, "subjects", c.subjects(op), ids...)
}

func TestVisitsAreJudgedAtTheMomentOfPlanning(t *testing.T) {
	c := newClinic(t)
	soon := registry.VisitRef{Start: noon.Add(time.Hour), ID: "V1"}
	c.admit(registry.Active, []string{"P001"}, with(registry.Upcoming, soon.String()))
	op, err := c.Request(t.Context(), ada, asks(registry.Discharged, "P001"))
	must(t, err)
	c.now = noon.Add(2 * time.Hour) // the state machine was late
	must(t, c.Plan(t.Context(), op.ID))
	equal(t, "visits cancelled", c.header(op.ID).Plan.Visits, 0)
}

func TestPlanningEndsWithASentenceWhereItCannotGoOn(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(*clinic)
		cause   string
	}{
		{"over the limit", func(c *clinic) { c.Limits.MaxSubjects = 2 },
			"More than 2 patients match. An operation takes at most that many: divide them, for example by facility."},
		{"the right was taken away", func(c *clinic) {
			disabled := ada
			disabled.Disabled = true
			must(c.t, c.store.PutPerson(c.t.Context(), disabled))
		}, "You may not ask for bulk operations: that takes the right Staff or higher. Ask an administrator for it."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(3))
			op, err := c.Request(t.Context(), ada, asksFor(registry.OnHold, registry.Filter{Facilities: []string{"fac-1"}}))
			must(t, err)
			test.prepare(c)
			must(t, c.Plan(t.Context(), op.ID)) // no error: the state machine has nothing to repeat
			op = c.header(op.ID)
			equal(t, "state", op.State, bulk.FailedState)
			equal(t, "cause", op.Cause, test.cause)
			list(t, "told", c.sent("Failed: "+op.ID), ada.Email)
		})
	}
}

func TestTroubleWhilePlanningIsLeftToARepeat(t *testing.T) {
	for _, broken := range []string{"Selection", "Directory", "Person", "Patients", "PutBatch", "PutExclusions", "Update"} {
		t.Run(broken, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(3))
			op, err := c.Request(t.Context(), ada, asks(registry.OnHold, "P001", "P002", "nobody"))
			must(t, err)
			c.fault = func(call string, do func() error) error {
				if call == broken {
					return fault.New(fault.Busy, "Busy.")
				}
				return do()
			}
			if err := c.Plan(t.Context(), op.ID); !fault.Is(err, fault.Busy) {
				t.Fatalf("got %v, want busy", err)
			}
			equal(t, "state", c.header(op.ID).State, bulk.Planning)
			c.fault = noFault
			must(t, c.Plan(t.Context(), op.ID))
			op = c.header(op.ID)
			equal(t, "state", op.State, bulk.Ready)
			list(t, "subjects", c.subjects(op), "P001", "P002")
			v, err := c.Verify(t.Context(), op.ID)
			must(t, err)
			equal(t, "it runs without approval", v.OK, false)
		})
	}
}

// A call that was thought dead and its repeat both write a plan; what is read
// is one of them, whole.
func TestPlanningTwiceAtOnceFreezesOnePlan(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	op, err := c.Request(t.Context(), ada, asks(registry.OnHold, numbered(3)...))
	must(t, err)
	inner := false
	c.fault = func(call string, do func() error) error {
		if call == "PutBatch" && !inner {
			inner = true
			c.byHand("P002", registry.StatusField, "Deceased")
			c.now = c.now.Add(time.Second)
			must(t, c.Plan(t.Context(), op.ID)) // the repeat overtakes
		}
		return do()
	}
	must(t, c.Plan(t.Context(), op.ID))
	op = c.header(op.ID)
	list(t, "subjects", c.subjects(op), "P001", "P003")
	list(t, "history", c.happened(op.ID), "requested", "planned")
	must(t, c.Plan(t.Context(), op.ID))
	equal(t, "version after a late repeat", c.header(op.ID).Version, op.Version)
}

func TestSubmittedPlansAreTheOnesThatWereRead(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.planned(asks(registry.OnHold, numbered(2)...))
	digest := bulk.NewDigester(op.Kind, op.Params)
	for n := range op.Plan.Batches {
		b, err := c.store.Batch(t.Context(), op.ID, op.Plan.Run, n+1)
		must(t, err)
		digest.Batch(b)
	}
	equal(t, "digest", op.Plan.Digest, digest.Sum())
}

func TestFindListsWhatAPlanWouldList(t *testing.T) {
	c := newClinic(t)
	ids := numbered(130)
	c.admit(registry.Active, ids)
	c.admit(registry.Pending, []string{"00042"})
	tests := []struct {
		name   string
		filter registry.Filter
		most   int
		want   []string
		more   bool
	}{
		{"a facility", registry.Filter{Facilities: []string{"fac-1"}}, 500, append([]string{"00042"}, ids...), false},
		{"a facility, the first", registry.Filter{Facilities: []string{"fac-1"}}, 2, []string{"00042", "P001"}, true},
		{"a status", registry.Filter{Statuses: []registry.Status{registry.Active}}, 130, ids, false},
		{"a status, the first", registry.Filter{Statuses: []registry.Status{registry.Active}}, 129, ids[:129], true},
		{"an id", registry.Filter{Text: "00042"}, 10, []string{"00042"}, false},
		{"an id that another part of the filter excludes", registry.Filter{Text: "00042", Statuses: []registry.Status{registry.Active}}, 10, nil, false},
		{"a part of the name", registry.Filter{Text: strings.ToUpper(canary) + " P13"}, 10, []string{"P130"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ids, more, err := c.Find(t.Context(), ada, test.filter, test.most)
			must(t, err)
			list(t, "found", ids, test.want...)
			equal(t, "there are more", more, test.more)
		})
	}
	if ids, _, err := c.Find(t.Context(), ben, registry.Filter{}, 10); err != nil || len(ids) != 0 {
		t.Errorf("somebody of another facility found %v, %v", ids, err)
	}
	_, _, err := c.Find(t.Context(), ben, registry.Filter{Facilities: []string{"fac-1"}}, 10)
	equal(t, "a facility one does not hold", fault.CodeOf(err), fault.Forbidden)
}

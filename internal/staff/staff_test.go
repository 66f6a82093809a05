package staff_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bulkops/internal/staff"
)

var roles = []staff.Role{staff.Auditor, staff.Staff, staff.TeamLead, staff.Manager, staff.Admin}

// rungs is the order of the roles that act, written out by hand; an auditor
// and an unknown role stand on none.
var rungs = map[staff.Role]int{staff.Staff: 1, staff.TeamLead: 2, staff.Manager: 3, staff.Admin: 4}

func TestRolesIncludeThoseBelow(t *testing.T) {
	for _, have := range append(roles, "", "root", "Manager") {
		for _, want := range append(roles, "", "root") {
			includes := rungs[have] > 0 && rungs[want] > 0 && rungs[have] >= rungs[want]
			if got := have.AtLeast(want); got != includes {
				t.Errorf("%q.AtLeast(%q) = %v", have, want, got)
			}
		}
	}
}

func TestRolesHaveTitles(t *testing.T) {
	for _, r := range roles {
		if !r.Valid() || r.Title() == "" {
			t.Errorf("%q: valid %v, title %q", r, r.Valid(), r.Title())
		}
	}
	if staff.Role("root").Valid() || staff.Role("").Valid() {
		t.Error("an unknown role is valid")
	}
}

func TestAnAuditorReadsEverythingAndActsOnNothing(t *testing.T) {
	p := staff.Person{Sub: "a", Role: staff.Auditor, Facilities: []string{staff.AllFacilities}}
	if !p.ReadsAll() || p.MayRequest() || p.MayApprove(staff.TeamLead, nil, "other") || p.MayApprove(staff.Auditor, nil, "other") {
		t.Errorf("reads all %v, requests %v", p.ReadsAll(), p.MayRequest())
	}
}

func TestFacilitiesHeld(t *testing.T) {
	two := staff.Person{Role: staff.Manager, Facilities: []string{"fac-1", "fac-2"}}
	all := staff.Person{Role: staff.Manager, Facilities: []string{staff.AllFacilities}}
	none := staff.Person{Role: staff.Manager}
	tests := []struct {
		name       string
		person     staff.Person
		facilities []string
		want       bool
	}{
		{"both", two, []string{"fac-1", "fac-2"}, true},
		{"one too many", two, []string{"fac-1", "fac-3"}, false},
		{"a patient without a facility", two, []string{""}, false},
		{"every one", all, []string{"fac-1", "fac-3", ""}, true},
		{"none", none, []string{"fac-1"}, false},
		{"of nothing all", none, nil, true},
	}
	for _, test := range tests {
		if got := test.person.HoldsAll(test.facilities); got != test.want {
			t.Errorf("%s: got %v", test.name, got)
		}
		test.person.Disabled = true
		if test.person.HoldsAll(test.facilities) {
			t.Errorf("%s: somebody disabled holds facilities", test.name)
		}
	}
}

// people draws staff entries over a few subs and facilities, so that draws meet.
func people() *rapid.Generator[staff.Person] {
	return rapid.Custom(func(t *rapid.T) staff.Person {
		return staff.Person{
			Sub:        rapid.SampledFrom([]string{"ada", "grace", "lin"}).Draw(t, "sub"),
			Role:       rapid.SampledFrom(append(roles, "")).Draw(t, "role"),
			Facilities: rapid.SliceOf(rapid.SampledFrom([]string{"fac-1", "fac-2", staff.AllFacilities})).Draw(t, "facilities"),
			Disabled:   rapid.Bool().Draw(t, "disabled"),
		}
	})
}

func TestNobodyApprovesTheirOwnRequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := people().Draw(t, "person")
		touched := rapid.SliceOf(rapid.SampledFrom([]string{"fac-1", "fac-2", "fac-3"})).Draw(t, "touched")
		asks := rapid.SampledFrom([]staff.Role{staff.TeamLead, staff.Manager}).Draw(t, "asks for")
		requester := rapid.SampledFrom([]string{"ada", "grace", "lin"}).Draw(t, "requester")
		if !p.MayApprove(asks, touched, requester) {
			return
		}
		if p.Sub == requester || p.Disabled || rungs[p.Role] < rungs[asks] || !p.HoldsAll(touched) {
			t.Fatalf("%+v may approve a request of %s for %s in %v", p, requester, asks, touched)
		}
	})
}

func TestSomebodyDisabledMayDoNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := people().Draw(t, "person")
		p.Disabled = true
		if p.MayRequest() || p.ReadsAll() || p.Holds("fac-1") || p.MayApprove(staff.TeamLead, nil, "other") {
			t.Fatalf("%+v may do something", p)
		}
	})
}

// A name stands in headers of mails and in one line of lists.
func TestANameIsOneLine(t *testing.T) {
	for name, says := range map[string]string{
		"Sam Okafor": "", "Zoë O’Brien-Núñez": "", "山田 太郎": "", strings.Repeat("ö", 100): "",
		"": "Give", "  ": "Give", strings.Repeat("ö", 101): "100 characters", "Sam\r\nBcc: eve@example.org": "one line", "Sam\tOkafor": "one line",
		"Sam\u2028Okafor": "one line", "Sam\x1b[2J": "one line", "Sam\xff": "one line",
	} {
		if got := staff.CheckName(name); says == "" && got != "" || !strings.Contains(got, says) {
			t.Errorf("%q: %q, want %q", name, got, says)
		}
	}
}

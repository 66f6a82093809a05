package staff_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/staff"
)

func TestAnAbsenceCoversItsDays(t *testing.T) {
	a := staff.Absence{From: "2026-12-01", Until: "2026-12-03", Delegate: "x"}
	tests := []struct {
		at           string
		covers, past bool
	}{
		{"2026-11-30T23:59:59Z", false, false},
		{"2026-12-01T00:00:00Z", true, false},
		{"2026-12-03T23:59:59Z", true, false},
		{"2026-12-04T00:00:00Z", false, true},
		{"2026-12-03T20:00:00-05:00", false, true}, // days count in UTC
	}
	for _, test := range tests {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		if a.Covers(at) != test.covers || a.Past(at) != test.past {
			t.Errorf("%s: covers %v, past %v", test.at, a.Covers(at), a.Past(at))
		}
		if none := (staff.Absence{}); none.Covers(at) || !none.Past(at) {
			t.Errorf("%s: no absence covers %v, is past %v", test.at, none.Covers(at), none.Past(at))
		}
	}
	for _, other := range []struct {
		from, until string
		meets       bool
	}{{"2026-11-01", "2026-11-30", false}, {"2026-11-01", "2026-12-01", true}, {"2026-12-02", "2026-12-02", true}, {"2026-12-04", "2026-12-09", false}} {
		if b := (staff.Absence{From: other.from, Until: other.until}); a.Meets(b) != other.meets || b.Meets(a) != other.meets {
			t.Errorf("meets %v: %v", b, a.Meets(b))
		}
	}
	if a.Meets(staff.Absence{}) {
		t.Error("it meets no absence")
	}
}

func TestWhoMayStandIn(t *testing.T) {
	one, all := []string{"fac-1"}, []string{staff.AllFacilities}
	manager := staff.Person{Sub: "m", Role: staff.Manager, Facilities: one}
	tests := []struct {
		name   string
		person staff.Person
		other  staff.Person
		may    bool
	}{
		{"a manager for a manager", staff.Person{Sub: "n", Role: staff.Manager, Facilities: one}, manager, true},
		{"for themselves", manager, manager, false},
		{"a team lead for a manager", staff.Person{Sub: "n", Role: staff.TeamLead, Facilities: all}, manager, false},
		{"a manager for a team lead", manager, staff.Person{Sub: "t", Role: staff.TeamLead, Facilities: all}, true},
		{"an administrator for a manager", staff.Person{Sub: "n", Role: staff.Admin, Facilities: all}, manager, true},
		{"a manager for an administrator", manager, staff.Person{Sub: "a", Role: staff.Admin, Facilities: all}, true},
		{"of another facility", staff.Person{Sub: "n", Role: staff.Manager, Facilities: []string{"fac-2"}}, manager, false},
		{"without a facility", staff.Person{Sub: "n", Role: staff.Manager}, staff.Person{Sub: "a", Role: staff.Manager, Facilities: all}, false},
		{"disabled", staff.Person{Sub: "n", Role: staff.Manager, Facilities: one, Disabled: true}, manager, false},
		{"an auditor", staff.Person{Sub: "n", Role: staff.Auditor, Facilities: all}, manager, false},
		{"for the staff, who decide nothing", staff.Person{Sub: "n", Role: staff.Manager, Facilities: one}, staff.Person{Sub: "s", Role: staff.Staff, Facilities: one}, false},
	}
	for _, test := range tests {
		if got := test.person.MayStandInFor(test.other); got != test.may {
			t.Errorf("%s: got %v", test.name, got)
		}
	}
}

// Where somebody may stand in, there is a request that both may decide on.
func TestWhoMayStandInMayDecideSomething(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, other := people().Draw(t, "person"), people().Draw(t, "other")
		other.Disabled = false
		if !p.MayStandInFor(other) {
			return
		}
		for _, role := range []staff.Role{staff.TeamLead, staff.Manager} {
			for _, f := range []string{"fac-1", "fac-2"} {
				if p.MayApprove(role, []string{f}, "requester") && other.MayApprove(role, []string{f}, "requester") {
					return
				}
			}
		}
		t.Fatalf("%+v may decide on nothing that %+v may", p, other)
	})
}

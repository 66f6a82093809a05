package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/staff"
)

type form struct{ Text string }

var accessTests = []test{
	{"a person comes back as put, by sub and by role in order of name; an unknown one is not found", func(t *testing.T, s Stores) {
		people := []staff.Person{
			{Sub: "1", Name: "Zoë", Email: "z@clinic.example", Role: staff.Manager, Facilities: []string{"fac-1", "fac-2"}},
			{Sub: "2", Name: "Adam", Email: "a@clinic.example", Role: staff.Manager, Facilities: []string{staff.AllFacilities}, Disabled: true},
			{Sub: "3", Name: "Mia", Email: "m@clinic.example", Role: staff.Staff},
		}
		for i, p := range people {
			must(t, "put", s.Staff.PutPerson(t.Context(), p))
			got, err := s.Staff.Person(t.Context(), p.Sub)
			must(t, "read", err)
			p.Version = 1
			same(t, "person", got, p)
			people[i] = p
		}
		managers, err := s.Staff.People(t.Context(), staff.Manager)
		must(t, "read managers", err)
		same(t, "managers", managers, []staff.Person{people[1], people[0]})
		admins, err := s.Staff.People(t.Context(), staff.Admin)
		must(t, "read admins", err)
		same(t, "admins", len(admins), 0)
		_, err = s.Staff.Person(t.Context(), "9")
		want(t, "read an unknown one", err, fault.NotFound)
	}},
	{"a changed right counts at once", func(t *testing.T, s Stores) {
		p := staff.Person{Sub: "1", Name: "Zoë", Role: staff.Manager, Facilities: []string{"fac-1"}}
		must(t, "put", s.Staff.PutPerson(t.Context(), p))
		p.Role, p.Facilities, p.Disabled = staff.Staff, nil, true
		must(t, "put", s.Staff.PutPerson(t.Context(), p))
		p.Version = 2
		got, err := s.Staff.Person(t.Context(), "1")
		must(t, "read", err)
		same(t, "person", got, p)
		managers, err := s.Staff.People(t.Context(), staff.Manager)
		must(t, "read managers", err)
		same(t, "managers", len(managers), 0)
	}},
	{"an entry is written by who knows its version, and only while the writer's own entry stands", func(t *testing.T, s Stores) {
		ida, zoe := staff.Person{Sub: "ida", Name: "Ida", Role: staff.Admin}, staff.Person{Sub: "zoe", Name: "Zoë", Role: staff.Staff}
		operator := staff.Person{Name: "an operator"}
		must(t, "make", s.Staff.WritePerson(t.Context(), ida, operator))
		must(t, "make", s.Staff.WritePerson(t.Context(), zoe, operator))
		want(t, "make again", s.Staff.WritePerson(t.Context(), zoe, operator), fault.Conflict)
		ida.Version, zoe.Version = 1, 1
		zoe.Role, zoe.Facilities = staff.Manager, []string{"fac-1"}
		zoe.Away = staff.Absence{From: "2026-12-01", Until: "2026-12-05", Delegate: "ida"}
		must(t, "change", s.Staff.WritePerson(t.Context(), zoe, ida))
		want(t, "change what has been changed", s.Staff.WritePerson(t.Context(), zoe, ida), fault.Conflict)
		zoe.Version = 2
		got, err := s.Staff.Person(t.Context(), "zoe")
		must(t, "read", err)
		same(t, "person", got, zoe)
		managers, err := s.Staff.People(t.Context(), staff.Manager)
		must(t, "read managers", err)
		same(t, "managers", managers, []staff.Person{zoe})

		was := ida
		ida.Disabled = true
		must(t, "change oneself", s.Staff.WritePerson(t.Context(), ida, ida))
		zoe.Role = staff.Admin
		want(t, "write as who one was", s.Staff.WritePerson(t.Context(), zoe, was), fault.Conflict)
		got, err = s.Staff.Person(t.Context(), "zoe")
		must(t, "read", err)
		same(t, "role", got.Role, staff.Manager)
	}},
	{"of two who take each other's right away, one does", func(t *testing.T, s Stores) {
		two := []staff.Person{{Sub: "1", Name: "Ida", Role: staff.Admin}, {Sub: "2", Name: "Ben", Role: staff.Admin}}
		for i := range two {
			must(t, "make", s.Staff.WritePerson(t.Context(), two[i], staff.Person{}))
			two[i].Version = 1
		}
		var done sync.Map
		parallel(2, func(i int) {
			other := two[1-i]
			other.Disabled = true
			err := s.Staff.WritePerson(t.Context(), other, two[i])
			for fault.Is(err, fault.Busy) { // the two met; one of them gets through
				err = s.Staff.WritePerson(t.Context(), other, two[i])
			}
			switch {
			case err == nil:
				done.Store(fmt.Sprint(i), true)
			case !fault.Is(err, fault.Conflict):
				t.Errorf("write: %v", err)
			}
		})
		if n := len(keys(&done)); n != 1 {
			t.Errorf("%d of them did", n)
		}
	}},
	{"the reference of an approval mail is known until it expires", func(t *testing.T, s Stores) {
		stands := engine.ApprovalRef{Operation: "OP-000001-AAAA", Approver: "sub-grace"}
		must(t, "put", s.Staff.PutApprovalRef(t.Context(), "opaque", stands, noon.Add(time.Hour)))
		got, err := s.Staff.ApprovalRef(t.Context(), "opaque", noon.Add(time.Hour-time.Second))
		must(t, "read", err)
		same(t, "reference", got, stands)
		_, err = s.Staff.ApprovalRef(t.Context(), "opaque", noon.Add(time.Hour))
		want(t, "read an expired one", err, fault.NotFound)
		_, err = s.Staff.ApprovalRef(t.Context(), "guessed", noon)
		want(t, "read an unknown one", err, fault.NotFound)
	}},
	{"what the portal keeps comes back until it expires or is deleted, by kind and id", func(t *testing.T, s Stores) {
		var got form
		put := form{Text: hostileNames[0]}
		must(t, "put", s.Access.Put(t.Context(), "SESSION", "id", form{"old"}, noon.Add(time.Minute)))
		must(t, "put again", s.Access.Put(t.Context(), "SESSION", "id", put, noon.Add(time.Hour)))
		must(t, "get", s.Access.Get(t.Context(), "SESSION", "id", &got, noon.Add(time.Hour-time.Second)))
		same(t, "value", got, put)
		want(t, "get when expired", s.Access.Get(t.Context(), "SESSION", "id", &got, noon.Add(time.Hour)), fault.NotFound)
		want(t, "get another kind", s.Access.Get(t.Context(), "FORM", "id", &got, noon), fault.NotFound)
		want(t, "get another id", s.Access.Get(t.Context(), "SESSION", "ID", &got, noon), fault.NotFound)
		must(t, "delete", s.Access.Delete(t.Context(), "SESSION", "id"))
		must(t, "delete again", s.Access.Delete(t.Context(), "SESSION", "id"))
		want(t, "get when deleted", s.Access.Get(t.Context(), "SESSION", "id", &got, noon), fault.NotFound)
	}},
	{"only what is there is replaced: nothing comes back that was deleted", func(t *testing.T, s Stores) {
		later := noon.Add(time.Hour)
		want(t, "replace nothing", s.Access.Replace(t.Context(), "SESSION", "id", form{"new"}, later), fault.NotFound)
		must(t, "put", s.Access.Put(t.Context(), "SESSION", "id", form{"old"}, noon.Add(time.Minute)))
		must(t, "replace", s.Access.Replace(t.Context(), "SESSION", "id", form{"new"}, later))
		must(t, "replace again", s.Access.Replace(t.Context(), "SESSION", "id", form{"newer"}, later))
		var got form
		must(t, "get", s.Access.Get(t.Context(), "SESSION", "id", &got, later.Add(-time.Second)))
		same(t, "value", got, form{"newer"})
		want(t, "replace another kind", s.Access.Replace(t.Context(), "FORM", "id", form{"x"}, later), fault.NotFound)
		must(t, "delete", s.Access.Delete(t.Context(), "SESSION", "id"))
		want(t, "replace what was deleted", s.Access.Replace(t.Context(), "SESSION", "id", form{"back"}, later), fault.NotFound)
		want(t, "get", s.Access.Get(t.Context(), "SESSION", "id", &got, noon), fault.NotFound)
	}},
	{"a long form with 50,000 ids is kept", func(t *testing.T, s Stores) {
		var typed strings.Builder
		for i := range 50_000 {
			fmt.Fprintf(&typed, "%08d\n", i*7919%99_999_989)
		}
		var got form
		put := form{typed.String()}
		must(t, "put", s.Access.Put(t.Context(), "FORM", "id", put, noon.Add(time.Hour)))
		must(t, "get", s.Access.Get(t.Context(), "FORM", "id", &got, noon))
		same(t, "form", got, put)
	}},
	{"of ten takes at once exactly one gets it", func(t *testing.T, s Stores) {
		must(t, "put", s.Access.Put(t.Context(), "SIGNIN", "state", form{"verifier"}, noon.Add(time.Hour)))
		var got sync.Map
		parallel(10, func(i int) {
			var f form
			err := s.Access.Take(t.Context(), "SIGNIN", "state", &f, noon)
			switch {
			case err == nil && f.Text == "verifier":
				got.Store(fmt.Sprint(i), true)
			case !fault.Is(err, fault.NotFound):
				t.Errorf("take: %v, %+v", err, f)
			}
		})
		same(t, "takers", len(keys(&got)), 1)
	}},
	{"an expired sign-in is not given out", func(t *testing.T, s Stores) {
		var f form
		must(t, "put", s.Access.Put(t.Context(), "SIGNIN", "state", form{"verifier"}, noon))
		want(t, "take", s.Access.Take(t.Context(), "SIGNIN", "state", &f, noon), fault.NotFound)
		want(t, "take an unknown one", s.Access.Take(t.Context(), "SIGNIN", "guess", &f, noon), fault.NotFound)
		same(t, "nothing was read", f, form{})
	}},
}

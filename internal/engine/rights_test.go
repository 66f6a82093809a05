package engine_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// ina is a second administrator of the clinic.
var ina = staff.Person{Sub: "sub-ina", Name: "Ina Administers", Email: "ina@clinic.example", Role: staff.Admin, Facilities: []string{staff.AllFacilities}}

// administered is a clinic with two administrators.
func administered(t *testing.T) *clinic {
	c := newClinic(t)
	must(t, c.store.PutPerson(t.Context(), ina))
	return c
}

func TestRightsAreChangedAndTold(t *testing.T) {
	c := administered(t)
	got, err := c.SetRights(t.Context(), c.person(amir), ada.Sub, c.person(ada).Version, engine.Rights{Role: staff.Manager, Facilities: []string{"fac-2"}})
	must(t, err)
	now := c.person(ada)
	equal(t, "role", now.Role, staff.Manager)
	list(t, "facilities", now.Facilities, "fac-2")
	equal(t, "version", now.Version, got.Version)
	list(t, "told", c.sent("Rights changed: Ada Asks"), ada.Email, ina.Email)
	for _, want := range []string{"Amir Administers has changed", "Before:        Staff, in Hilltop, Riverside", "Now:           Manager, in Hilltop"} {
		for _, m := range c.mails {
			if !strings.Contains(m.Text, want) {
				t.Errorf("the mail to %s lacks %q:\n%s", m.To, want, m.Text)
			}
		}
	}
	_, err = c.SetRights(t.Context(), c.person(amir), ada.Sub, now.Version, engine.Rights{Role: staff.Manager, Facilities: []string{"fac-2"}})
	must(t, err)
	equal(t, "version after the same again", c.person(ada).Version, now.Version)
	equal(t, "mails after the same again", len(c.mails), 2)
}

// A mail server that is away for a moment leaves nobody untold.
func TestAMailOfChangedRightsIsTriedAgain(t *testing.T) {
	c := administered(t)
	tries := 0
	c.fault = func(call string, do func() error) error {
		if call == "Send" {
			if tries++; tries%2 == 1 {
				return fault.New(fault.Busy, "try later")
			}
		}
		return do()
	}
	_, err := c.SetRights(t.Context(), c.person(amir), ada.Sub, c.person(ada).Version, engine.Rights{Role: staff.Manager, Facilities: []string{"fac-2"}})
	must(t, err)
	list(t, "told", c.sent("Rights changed: Ada Asks"), ada.Email, ina.Email)
}

// A right that is taken away between the page and its form no longer counts.
func TestARightTakenAwayCountsAtOnce(t *testing.T) {
	c := administered(t)
	op := c.waiting()
	_, err := c.SetRights(t.Context(), c.person(amir), grace.Sub, c.person(grace).Version, engine.Rights{Role: staff.Manager, Facilities: []string{"fac-2"}})
	must(t, err)
	_, err = c.Decide(t.Context(), c.person(grace), op.ID, approval(op))
	equal(t, "code", fault.CodeOf(err), fault.NotFound)
	equal(t, "waiting for grace", ids(c.Approvals(t.Context(), c.person(grace))), "")
}

func TestRefusedChangesOfRights(t *testing.T) {
	manager := engine.Rights{Role: staff.Manager, Facilities: []string{"fac-1"}}
	keepers := "The staff directory is kept by administrators; your right is %s. Ask an administrator."
	tests := []struct {
		name     string
		actor    staff.Person
		of       staff.Person
		rights   engine.Rights
		code     fault.Code
		sentence string
	}{
		{"by a manager", grace, ada, manager, fault.Forbidden, strings.ReplaceAll(keepers, "%s", "Manager")},
		{"by an auditor", ula, ada, manager, fault.Forbidden, strings.ReplaceAll(keepers, "%s", "Auditor")},
		{"by a manager, of themselves", grace, grace, engine.Rights{Role: staff.Admin, Facilities: []string{"*"}}, fault.Forbidden, strings.ReplaceAll(keepers, "%s", "Manager")},
		{"of one's own", amir, amir, manager, fault.Forbidden,
			"Your own rights are changed by another administrator. If you are the only one, make somebody else an administrator first."},
		{"of somebody unknown", amir, staff.Person{Sub: "sub-nobody"}, manager, fault.NotFound, "This person is not in the staff directory."},
		{"to no role", amir, ada, engine.Rights{Role: "root", Facilities: []string{"fac-1"}}, fault.Invalid, "Choose a role."},
		{"to no facility", amir, ada, engine.Rights{Role: staff.Staff}, fault.Invalid, "Choose at least one facility."},
		{"to an unknown facility", amir, ada, engine.Rights{Role: staff.Staff, Facilities: []string{"fac-9"}}, fault.Invalid, `There is no facility "fac-9". There are: fac-2, fac-1.`},
		{"to all and one", amir, ada, engine.Rights{Role: staff.Staff, Facilities: []string{"*", "fac-1"}}, fault.Invalid, "Choose all facilities, or single ones, not both."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := administered(t)
			_, err := c.SetRights(t.Context(), c.person(test.actor), test.of.Sub, 1, test.rights)
			equal(t, "code", fault.CodeOf(err), test.code)
			if got := sentenceOf(err); got != test.sentence {
				t.Errorf("got  %s\nwant %s", got, test.sentence)
			}
			equal(t, "mails", len(c.mails), 0)
			for _, p := range everybody {
				equal(t, "version of "+p.Name, c.person(p).Version, 1)
			}
		})
	}
}

// sentenceOf is what people are told: of a form with one mistake, that one.
func sentenceOf(err error) string {
	var problems engine.Problems
	if errors.As(err, &problems) && len(problems) == 1 {
		return problems[0].Sentence
	}
	return fault.Sentence(err)
}

func TestAFormThatWasOvertakenChangesNothing(t *testing.T) {
	c := administered(t)
	read := c.person(ada).Version
	_, err := c.SetRights(t.Context(), c.person(ina), ada.Sub, read, engine.Rights{Role: staff.Staff, Facilities: []string{"fac-1"}, Disabled: true})
	must(t, err)
	_, err = c.SetRights(t.Context(), c.person(amir), ada.Sub, read, engine.Rights{Role: staff.Manager, Facilities: []string{"fac-1"}})
	refused(t, err, fault.Conflict, "Somebody has changed the rights of Ada Asks, or yours, since you opened this form. Nothing was changed. Look at them again, then send the form again.")
	equal(t, "disabled", c.person(ada).Disabled, true)
	equal(t, "role", c.person(ada).Role, staff.Staff)
}

// Whatever two administrators do to each other at the same moment, one is left.
func TestThereIsAlwaysAnAdministrator(t *testing.T) {
	for range 50 {
		c := administered(t)
		pair := []staff.Person{c.person(amir), c.person(ina)}
		var wait sync.WaitGroup
		for i := range pair {
			wait.Add(1)
			go func() {
				defer wait.Done()
				_, _ = c.SetRights(t.Context(), pair[i], pair[1-i].Sub, pair[1-i].Version, engine.Rights{Role: staff.Staff, Facilities: []string{"fac-1"}})
			}()
		}
		wait.Wait()
		left := 0
		for _, p := range []staff.Person{c.person(amir), c.person(ina)} {
			if p.Role == staff.Admin && !p.Disabled {
				left++
			}
		}
		equal(t, "administrators left", left, 1)
	}
}

// Who was an administrator when the page was opened, and no longer is, changes
// nothing.
func TestAnAdministratorWhoIsNoneAnyMoreChangesNothing(t *testing.T) {
	c := administered(t)
	was := c.person(amir)
	_, err := c.SetRights(t.Context(), c.person(ina), amir.Sub, was.Version, engine.Rights{Role: staff.Manager, Facilities: []string{"fac-1"}})
	must(t, err)
	_, err = c.SetRights(t.Context(), was, ada.Sub, c.person(ada).Version, engine.Rights{Role: staff.Admin, Facilities: []string{"*"}})
	equal(t, "code", fault.CodeOf(err), fault.Conflict)
	equal(t, "role", c.person(ada).Role, staff.Staff)
}

func TestRightsInWords(t *testing.T) {
	d := registry.Directory{Facilities: []registry.Facility{{ID: "fac-1", Name: "Riverside"}, {ID: "fac-2", Name: "Hilltop"}}}
	for want, p := range map[string]staff.Person{
		"Staff, in Hilltop, Riverside":     ada,
		"Administrator, in every facility": amir,
		"Manager, in no facility":          {Role: staff.Manager},
		"no access":                        {Role: staff.Manager, Facilities: []string{"fac-1"}, Disabled: true},
	} {
		equal(t, "words", engine.RightsWords(p, d), want)
	}
}

package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Rights are what an administrator says about somebody.
type Rights struct {
	Role       staff.Role
	Facilities []string // ids, or staff.AllFacilities alone
	Disabled   bool
}

// Everybody returns the staff directory, by name, to an administrator.
func (e *Engine) Everybody(ctx context.Context, actor staff.Person) ([]staff.Person, error) {
	if err := mayAdminister(actor); err != nil {
		return nil, err
	}
	all, err := e.people(ctx, anybody, staff.Roles...)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b staff.Person) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Sub, b.Sub)) })
	return all, nil
}

// people returns those with one of the roles who may, role by role, each by name.
func (e *Engine) people(ctx context.Context, may func(staff.Person) bool, roles ...staff.Role) ([]staff.Person, error) {
	var found []staff.Person
	for _, role := range roles {
		people, err := e.Staff.People(ctx, role)
		if err != nil {
			return nil, err
		}
		for _, p := range people {
			if may(p) {
				found = append(found, p)
			}
		}
	}
	return found, nil
}

func anybody(staff.Person) bool { return true }

// Entry returns somebody's entry of the staff directory to an administrator.
func (e *Engine) Entry(ctx context.Context, actor staff.Person, sub string) (staff.Person, error) {
	if err := mayAdminister(actor); err != nil {
		return staff.Person{}, err
	}
	p, err := e.Staff.Person(ctx, sub)
	if fault.Is(err, fault.NotFound) {
		return p, fault.New(fault.NotFound, "This person is not in the staff directory.")
	}
	return p, err
}

func mayAdminister(actor staff.Person) error {
	if !actor.Disabled && actor.Role.AtLeast(staff.Admin) {
		return nil
	}
	return fault.New(fault.Forbidden, "The staff directory is kept by administrators; your right is %s. Ask an administrator.", actor.Role.Title())
}

// MayNotSetRights says why the actor may not change somebody's rights; nil when
// they may. Nobody changes their own: so nobody raises themselves, and the
// administrator who changes another remains one.
func (e *Engine) MayNotSetRights(actor staff.Person, sub string) error {
	if err := mayAdminister(actor); err != nil {
		return err
	}
	if sub == actor.Sub {
		return fault.New(fault.Forbidden, "Your own rights are changed by another administrator. If you are the only one, make somebody else an administrator first.")
	}
	return nil
}

// SetRights changes what somebody may do, from their next request on. version
// is that of the entry which the administrator has read. The person and every
// other administrator are told by mail.
func (e *Engine) SetRights(ctx context.Context, actor staff.Person, sub string, version int, r Rights) (staff.Person, error) {
	if err := e.MayNotSetRights(actor, sub); err != nil {
		return staff.Person{}, err
	}
	was, err := e.Entry(ctx, actor, sub)
	if err != nil {
		return was, err
	}
	directory, err := e.Registry.Directory(ctx)
	if err != nil {
		return was, err
	}
	if problems := CheckRights(r, directory); len(problems) > 0 {
		return was, invalid(problems...)
	}
	p := was
	p.Role, p.Facilities, p.Disabled = r.Role, slices.Sorted(slices.Values(r.Facilities)), r.Disabled
	if sameRights(p, was) {
		return was, nil
	}
	if was.Version != version {
		return was, errEntryChanged(was)
	}
	err = e.Staff.WritePerson(ctx, p, actor)
	if fault.Is(err, fault.Conflict) {
		return was, errEntryChanged(was)
	}
	if err != nil {
		return was, err
	}
	p.Version++
	e.tellRights(ctx, actor, was, p, directory)
	return p, nil
}

// CheckRights names what is wrong with rights, by question.
func CheckRights(r Rights, d registry.Directory) (problems Problems) {
	if !r.Role.Valid() {
		problems = append(problems, problem("role", "Choose a role."))
	}
	if len(r.Facilities) == 0 {
		problems = append(problems, problem("facility", "Choose at least one facility."))
	}
	var ids []string
	for _, f := range d.Facilities {
		ids = append(ids, f.ID)
	}
	for _, id := range r.Facilities {
		_, known := d.Facility(id)
		switch {
		case id == staff.AllFacilities && len(r.Facilities) > 1:
			problems = append(problems, problem("facility", "Choose all facilities, or single ones, not both."))
		case id != staff.AllFacilities && !known:
			problems = append(problems, problem("facility", "There is no facility %q. There are: %s.", english.Brief(id), strings.Join(ids, ", ")))
		}
	}
	return problems
}

func sameRights(a, b staff.Person) bool {
	return a.Role == b.Role && a.Disabled == b.Disabled &&
		slices.Equal(slices.Sorted(slices.Values(a.Facilities)), slices.Sorted(slices.Values(b.Facilities)))
}

func errEntryChanged(p staff.Person) error {
	return fault.New(fault.Conflict, "Somebody has changed the rights of %s, or yours, since you opened this form. Nothing was changed. Look at them again, then send the form again.", p.Name)
}

// tellRights mails the person whose rights were changed and the administrators
// other than who did it: no right is given or taken unseen. A mail that cannot
// be sent does not undo the change.
func (e *Engine) tellRights(ctx context.Context, actor, was, is staff.Person, d registry.Directory) {
	told := []staff.Person{is}
	admins, err := e.Staff.People(ctx, staff.Admin)
	for _, p := range admins {
		if p.Sub != actor.Sub && p.Sub != is.Sub && !p.Disabled {
			told = append(told, p)
		}
	}
	mailing, done := timeFor(ctx, mailTime)
	defer done()
	for _, p := range told {
		opening, action, to := fmt.Sprintf("%s has changed your rights in bulkops.", actor.Name), "Open bulkops", "/"
		if p.Sub != is.Sub {
			opening, action, to = fmt.Sprintf("%s has changed the rights of %s in bulkops.", actor.Name, is.Name), "Open the staff directory", "/admin/staff"
		}
		err = cmp.Or(err, e.mail(mailing, compose(person(p), "Rights changed: "+is.Name, opening,
			[][2]string{{"Before", RightsWords(was, d)}, {"Now", RightsWords(is, d)}}, action, e.PortalURL+to,
			"If this is not right, tell an administrator at once.")))
	}
	if err != nil {
		e.Log(ctx, "not everybody could be told of changed rights", err)
	}
}

// RightsWords says what somebody may do: "Manager, in Lakeside and Riverside".
func RightsWords(p staff.Person, d registry.Directory) string {
	if p.Disabled {
		return "no access"
	}
	words := p.Role.Title() + ", "
	if slices.Contains(p.Facilities, staff.AllFacilities) {
		return words + "in every facility"
	}
	if len(p.Facilities) == 0 {
		return words + "in no facility"
	}
	places := make([]string, len(p.Facilities))
	for i, f := range p.Facilities {
		places[i] = d.Display(registry.FacilityField, f)
	}
	slices.Sort(places)
	return words + "in " + strings.Join(places, ", ")
}

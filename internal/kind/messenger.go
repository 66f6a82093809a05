package kind

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// messenger is the planner of a communication: it gathers the patients in lists,
// and then writes to everybody to whom a list leads.
type messenger struct {
	params  bulk.Params
	world   World
	said    string // heading and text as spoken has them
	lists   map[listKey]*patientList
	order   []*patientList // as they were begun
	refusal string
}

// listKey is what the patients of one list have in common. provider is empty
// where it does not matter.
type listKey struct{ facility, provider string }

// patientList is patients who lead to the same recipients, or to none.
type patientList struct {
	facility string
	patients []string
	to       []recipient
	nobody   *bulk.Exclusion
}

// recipient is somebody who gets one mail.
type recipient struct{ id, name, address, facility string }

func newMessenger(p bulk.Params, w World) *messenger {
	return &messenger{params: p, world: w, lists: map[listKey]*patientList{},
		said: spoken(p[MessageHeading]) + "\n" + spoken(p[MessageText])}
}

func (m *messenger) Plan(s Subject) (bulk.Change, *bulk.Exclusion) {
	if s.Done != nil {
		return m.again(*s.Done)
	}
	if names(m.said, s.Patient) {
		m.refusal = "The message names one of the selected patients. A mail may hold no name and no id of a patient; who gets it finds them behind its link. Ask again with another text."
	}
	l := m.listOf(s.Patient)
	if l.nobody != nil {
		nobody := *l.nobody
		return bulk.Change{}, &nobody
	}
	l.patients = append(l.patients, s.Patient.ID())
	return bulk.Change{}, nil
}

// listOf returns the list that the patient belongs to.
func (m *messenger) listOf(p registry.Patient) *patientList {
	key := listKey{facility: p.Facility()}
	if m.params[MessageType] == ToProviders {
		key.provider = p.Provider()
	}
	l := m.lists[key]
	if l == nil {
		l = &patientList{facility: key.facility}
		l.to, l.nobody = m.recipients(key)
		m.lists[key], m.order = l, append(m.order, l)
	}
	return l
}

// recipients are all to whom the patients of a list lead.
func (m *messenger) recipients(key listKey) ([]recipient, *bulk.Exclusion) {
	if m.params[MessageType] != ToStaff {
		id := key.facility
		if m.params[MessageType] == ToProviders {
			id = key.provider
		}
		r, nobody := m.recipient(id)
		if nobody != nil {
			return nil, nobody
		}
		return []recipient{r}, nil
	}
	var all []recipient
	held := false
	for _, p := range m.world.Staff {
		if p.Holds(key.facility) {
			held = true
			if IsMail(p.Email) {
				all = append(all, recipient{id: p.Sub, name: p.Name, address: p.Email})
			}
		}
	}
	place := m.world.Directory.Display(registry.FacilityField, key.facility)
	switch {
	case !held:
		return nil, &bulk.Exclusion{Code: bulk.NoRecipient, Sentence: fmt.Sprintf("%s is held by nobody whom the alert is for.", place)}
	case len(all) == 0:
		return nil, &bulk.Exclusion{Code: bulk.NoAddress, Sentence: fmt.Sprintf("Nobody who holds %s, and whom the alert is for, has an e-mail address.", place)}
	}
	return all, nil
}

// recipient is the facility, provider or member of staff with the id, or why
// there is no writing to it.
func (m *messenger) recipient(id string) (recipient, *bulk.Exclusion) {
	var r recipient
	nobody := func(sentence string) (recipient, *bulk.Exclusion) {
		return r, &bulk.Exclusion{Code: bulk.NoRecipient, Sentence: sentence}
	}
	switch m.params[MessageType] {
	case ToFacilities:
		f, ok := m.world.Directory.Facility(id)
		if !ok {
			return nobody("The facility is not in the directory.")
		}
		r = recipient{f.ID, f.Name, f.Email, f.ID}
	case ToProviders:
		p, ok := m.world.Directory.Provider(id)
		switch {
		case id == "":
			return nobody("The patient has no provider.")
		case !ok:
			return nobody("The provider is not in the directory.")
		case !p.Active:
			return nobody(p.Name + " no longer works.")
		}
		r = recipient{id: p.ID, name: p.Name, address: p.Email}
	case ToStaff:
		n := slices.IndexFunc(m.world.Staff, func(p staff.Person) bool { return p.Sub == id && !p.Disabled })
		if n < 0 {
			return nobody("The alert is no longer for this member of staff.")
		}
		r = recipient{id: id, name: m.world.Staff[n].Name, address: m.world.Staff[n].Email}
	}
	if !IsMail(r.address) {
		return r, &bulk.Exclusion{Code: bulk.NoAddress, Sentence: r.name + " has no e-mail address in the directory."}
	}
	return r, nil
}

// again writes once more to a recipient whom an earlier operation did not
// reach, about the same patients, at the address of today.
func (m *messenger) again(done bulk.Change) (bulk.Change, *bulk.Exclusion) {
	r, nobody := m.recipient(done.Subject)
	if nobody != nil {
		return bulk.Change{}, nobody
	}
	for _, p := range m.world.Staff {
		if p.Sub == r.id && !p.HoldsAll(done.Facilities()) {
			return bulk.Change{}, &bulk.Exclusion{Code: bulk.NoRecipient, Sentence: p.Name + " no longer holds every facility that the alert is about."}
		}
	}
	return m.change(r, done.Notice.Lists), nil
}

func (m *messenger) Gathered() (changes []bulk.Change, lists [][]string, refusal string) {
	about := map[recipient][]bulk.List{}
	for _, l := range m.order {
		if len(l.patients) == 0 {
			continue
		}
		lists = append(lists, l.patients)
		list := bulk.List{Number: len(lists), Facility: l.facility, Patients: len(l.patients), Digest: bulk.ListDigest(l.patients)}
		for _, r := range l.to {
			about[r] = append(about[r], list)
		}
	}
	for r, lists := range about {
		changes = append(changes, m.change(r, lists))
	}
	slices.SortFunc(changes, func(a, b bulk.Change) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Subject, b.Subject))
	})
	return changes, lists, m.refusal
}

// change is the notice to a recipient about the patients of the lists.
func (m *messenger) change(r recipient, lists []bulk.List) bulk.Change {
	patients := 0
	var places []string
	for _, l := range lists {
		patients += l.Patients
		if name := m.world.Directory.Display(registry.FacilityField, l.Facility); !slices.Contains(places, name) {
			places = append(places, name)
		}
	}
	const listed = 3
	if more := len(places) - listed; more > 0 {
		places = append(places[:listed:listed], fmt.Sprintf("%d more", more))
	}
	count := "1 patient"
	if patients != 1 {
		count = fmt.Sprintf("%d patients", patients)
	}
	fill := strings.NewReplacer("{recipient}", r.name, "{provider}", r.name, "{patients}", count, "{facility}", strings.Join(places, ", "),
		"{requester}", m.world.Requester, "{date}", m.world.At.Format("2 January 2006"), "\r\n", "\n")
	return bulk.Change{Subject: r.id, Name: r.name, Facility: r.facility, Notice: &bulk.Notice{
		To: r.address, Heading: strings.TrimSpace(fill.Replace(m.params[MessageHeading])), Text: strings.TrimSpace(fill.Replace(m.params[MessageText])),
		Patients: patients, Lists: lists,
	}}
}

// spoken is a text in lower case, with single spaces.
func spoken(text string) string { return strings.ToLower(strings.Join(strings.Fields(text), " ")) }

// names reports whether a text, as spoken has it, holds the patient's id or whole
// name, also with the last word first: "last, first". A name or an id that may be
// an ordinary word is not looked for.
func names(said string, p registry.Patient) bool {
	name, id := spoken(p.Name()), spoken(p.ID())
	if at := strings.LastIndex(name, " "); at > 0 && (holds(said, name) || holds(said, name[at+1:]+", "+name[:at])) {
		return true
	}
	return strings.ContainsFunc(id, unicode.IsDigit) && utf8.RuneCountInString(id) >= 4 && holds(said, id)
}

// holds reports whether the words stand in the text, not as parts of others.
func holds(text, words string) bool {
	part := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for from := 0; ; {
		at := strings.Index(text[from:], words)
		if at < 0 {
			return false
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(words):])
		if !part(before) && !part(after) {
			return true
		}
		from = at + 1
	}
}

package bulk

import (
	"slices"
	"time"
)

// Approval is what is known while an operation waits for a decision. Whoever
// has the right may decide, asked or not.
type Approval struct {
	Approvers []Person  `json:"approvers,omitempty"` // asked by mail, in this order
	Escalated []Person  `json:"escalated,omitempty"` // asked when the first ones did not answer
	Delegates []Standin `json:"delegates,omitempty"` // asked in the place of those of them who are away
	Asked     time.Time `json:"asked,omitzero"`      // when Approvers were
	Reminded  time.Time `json:"reminded,omitzero"`
	Widened   time.Time `json:"widened,omitzero"`  // when the request went to Escalated, who may be nobody
	Unasked   int       `json:"unasked,omitempty"` // how many others might have decided then, and were not asked
	Expires   time.Time `json:"expires,omitzero"`

	Reassigned []Handover `json:"reassigned,omitempty"` // how it came to Approvers, oldest first
}

// Handover is that a request for approval went from those who had been asked to
// somebody else.
type Handover struct {
	From []Person  `json:"from"`
	To   Person    `json:"to"`
	By   Person    `json:"by"` // one who may decide, or the requester
	At   time.Time `json:"at"`
}

// Standin is that a delegate is asked in the place of somebody who is away.
type Standin struct {
	Delegate Person `json:"delegate"`
	For      Person `json:"for"`
}

// Everybody returns those who are asked at present, each once.
func (a Approval) Everybody() []Person {
	var all []Person
	add := func(p Person) {
		if !holds(all, p.Sub) {
			all = append(all, p)
		}
	}
	for _, p := range slices.Concat(a.Approvers, a.Escalated) {
		add(p)
	}
	for _, s := range a.Delegates {
		add(s.Delegate)
	}
	return all
}

// StandsInFor returns those in whose place somebody is asked.
func (a Approval) StandsInFor(sub string) []Person {
	var away []Person
	for _, s := range a.Delegates {
		if s.Delegate.Sub == sub {
			away = append(away, s.For)
		}
	}
	return away
}

// AddDelegates adds those who are not there yet, and returns them. Only who is
// asked is stood in for.
func (a *Approval) AddDelegates(standins []Standin) (added []Standin) {
	for _, s := range standins {
		asked := holds(a.Approvers, s.For.Sub) || holds(a.Escalated, s.For.Sub)
		if asked && !slices.Contains(a.Delegates, s) {
			added = append(added, s)
		}
	}
	a.Delegates = append(a.Delegates, added...)
	return added
}

// Asks reports whether somebody is asked at present.
func (a Approval) Asks(sub string) bool { return holds(a.Everybody(), sub) }

// TakenFrom returns the handover that took the request from somebody; nil for
// somebody who is asked at present, or never was.
func (a Approval) TakenFrom(sub string) *Handover {
	if a.Asks(sub) {
		return nil
	}
	for i := len(a.Reassigned) - 1; i >= 0; i-- {
		if holds(a.Reassigned[i].From, sub) {
			return &a.Reassigned[i]
		}
	}
	return nil
}

// Reassign hands the request to one person. It expires when it did, but until
// then they are reminded, and others asked, as long after this as at first.
func (a *Approval) Reassign(to, by Person, at time.Time) {
	a.Reassigned = append(a.Reassigned, Handover{From: a.Everybody(), To: to, By: by, At: at})
	a.Approvers, a.Escalated, a.Delegates = []Person{to}, nil, nil
	a.Asked, a.Reminded, a.Widened, a.Unasked = at, time.Time{}, time.Time{}, 0
}

func holds(people []Person, sub string) bool {
	return slices.ContainsFunc(people, func(p Person) bool { return p.Sub == sub })
}

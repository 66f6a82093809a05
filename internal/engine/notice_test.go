package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// tells is a request to write to the facilities of the patients.
func tells(ids ...string) engine.Request {
	return engine.Request{Kind: kind.Communication.Name, Key: "key-0123456789abcdef", Selection: bulk.Selection{Source: bulk.Pasted, IDs: ids},
		Params: bulk.Params{kind.MessageType: kind.ToFacilities, kind.MessageHeading: "{patients} at {facility}", kind.MessageText: "Please call them."}}
}

// tellsStaff is the same to the staff who hold the facilities.
func tellsStaff(role string, ids ...string) engine.Request {
	r := tells(ids...)
	r.Params[kind.MessageType], r.Params[kind.AlertRole] = kind.ToStaff, role
	return r
}

// notices returns the notices that were sent, by address.
func (c *clinic) notices() map[string][]engine.Mail {
	sent := map[string][]engine.Mail{}
	for _, m := range c.mails {
		if m.Notice != "" {
			sent[m.To] = append(sent[m.To], m)
		}
	}
	return sent
}

// outage lets every call of the name meet the error; made says whether the call
// is made all the same.
func (c *clinic) outage(name string, made bool, err error) {
	c.fault = func(call string, do func() error) error {
		if call != name {
			return do()
		}
		if made {
			if err := do(); err != nil {
				return err
			}
		}
		return err
	}
}

// twoFacilities admits three patients of Riverside and two of Hilltop.
func (c *clinic) twoFacilities() {
	c.admit(registry.Active, []string{"P1", "P2", "P3"})
	c.admit(registry.Active, []string{"P4", "P5"}, with(registry.FacilityField, "fac-2"))
}

func TestFacilitiesAreToldOnceEach(t *testing.T) {
	c := newClinic(t)
	c.twoFacilities()
	c.byHand("P2", registry.LockedBy, "Dr. No") // no record is changed
	op := c.planned(tells("P1", "P4", "P2", "nobody", "P3", "P5", "P1"))
	list(t, "recipients", c.subjects(op), "fac-2", "fac-1")
	equal(t, "notices", op.Plan.Notices, 2)
	equal(t, "patients", op.Plan.Listed, 5)
	equal(t, "in Riverside", op.Plan.ByFacility["fac-1"], 3)
	list(t, "facilities", op.Plan.Facilities, "fac-1", "fac-2")
	equal(t, "left out", op.Plan.Excluded, 2)

	op = c.finish(c.start(c.approve(c.submit(op))))
	equal(t, "state", op.State, bulk.Completed)
	for range 3 { // what is delivered again sends nothing
		_, _ = c.RunBatch(t.Context(), op.ID, 1)
	}
	sent := c.notices()
	equal(t, "mails", len(sent), 2)
	equal(t, "mails to Riverside", len(sent["desk@riverside.example"]), 1)
	mail := sent["desk@riverside.example"][0]
	equal(t, "subject", mail.Subject, "3 patients at Riverside")
	equal(t, "text", mail.Text, strings.Join([]string{
		"Please call them.", "",
		"Patients:      3",
		"Sent for:      Ada Asks",
		"Operation:     " + op.ID, "",
		"See which patients:",
		"https://portal.example/operations/" + op.ID + "/notices/1-2", "",
		"You sign in before you see them. Mails hold no names or numbers of patients; leave them out of an answer, too.", ""}, "\n"))
	for _, m := range c.mails {
		if strings.Contains(fmt.Sprint(m), canary) || strings.Contains(m.Text, "P1") {
			t.Errorf("patient data in a mail: %v", m)
		}
	}
	t.Run("and what was sent cannot be rolled back", func(t *testing.T) {
		_, err := c.Again(t.Context(), ada, op.ID, bulk.Rollback, "a-key-0123456789abcdef")
		equal(t, "rolled back", fault.CodeOf(err), fault.Conflict)
	})
}

func TestTheListsOfAPlanAreUnderItsDigest(t *testing.T) {
	c := newClinic(t)
	c.twoFacilities()
	op := c.approved(tells("P1", "P2", "P3"))
	c.fault = func(call string, do func() error) error {
		if call == "Listed" {
			return fault.New(fault.NotFound, "The list is not there.")
		}
		return do()
	}
	v, err := c.Verify(t.Context(), op.ID)
	must(t, err)
	equal(t, "it runs", v.OK, false)
	equal(t, "cause", c.header(op.ID).Cause, "The stored plan is not the one that was approved. Nothing was changed. Tell your administrator, and ask again.")
}

func TestAPlanIsRefusedWhoseMessageNamesAPatient(t *testing.T) {
	c := newClinic(t)
	c.twoFacilities()
	r := tells("P1")
	r.Params[kind.MessageText] = "About " + canary + " P1."
	op := c.planned(r)
	equal(t, "state", op.State, bulk.FailedState)
	if strings.Contains(op.Cause, canary) || !strings.Contains(op.Cause, "names one of the selected patients") {
		t.Errorf("cause: %s", op.Cause)
	}
}

func TestARefusedMailFailsAndARerunReachesTheNewAddress(t *testing.T) {
	c := newClinic(t)
	c.twoFacilities()
	refusing := refuser{c.Mailer, "desk@hilltop.example"}
	c.Mailer = refusing
	op := c.finished(tells("P1", "P4", "P5"))
	equal(t, "state", op.State, bulk.CompletedWithErrors)
	equal(t, "counts", op.Final, bulk.Tally{Done: 1, Failed: 1})
	equal(t, "outcome", c.outcomes(op)["fac-2"], bulk.Outcome{Subject: "fac-2", State: bulk.Failed, Code: bulk.MailRefused, Retryable: true,
		Sentence: "The mail service refused the address."})

	must(t, c.store.PutFacility(t.Context(), registry.Facility{ID: "fac-2", Name: "Hilltop", Email: "new@hilltop.example"}))
	again := c.again(op, bulk.Rerun)
	list(t, "recipients", c.subjects(again), "fac-2")
	equal(t, "state", again.State, bulk.Completed)
	sent := c.notices()
	equal(t, "mails to Riverside", len(sent["desk@riverside.example"]), 1)
	equal(t, "mails to Hilltop", len(sent["new@hilltop.example"]), 1)
	equal(t, "subject", sent["new@hilltop.example"][0].Subject, "2 patients at Hilltop")

	t.Run("whose page lists the same patients", func(t *testing.T) {
		shown, err := c.Concerned(t.Context(), henry, again.ID, "1-1", 1)
		must(t, err)
		equal(t, "patients", len(shown.Patients), 2)
	})
	t.Run("and a rerun of an operation that reached everybody is refused", func(t *testing.T) {
		_, err := c.Again(t.Context(), ada, again.ID, bulk.Rerun, "a-key-0123456789abcdef")
		equal(t, "rerun", fault.CodeOf(err), fault.Conflict)
	})
}

// refuser is a mail service that refuses an address.
type refuser struct {
	engine.Mailer
	address string
}

func (r refuser) Send(ctx context.Context, m engine.Mail) error {
	if m.To == r.address {
		return fault.New(fault.Invalid, "The mail service refused the address.")
	}
	return r.Mailer.Send(ctx, m)
}

func TestWhatAStoreCannotAnswerIsTriedAgain(t *testing.T) {
	c := newClinic(t)
	c.twoFacilities()
	op := c.started(tells("P1"))
	c.outage("Claim", false, errors.New("no answer"))
	_, err := c.RunBatch(t.Context(), op.ID, 1)
	equal(t, "the machine tries again after", fault.CodeOf(err), fault.Busy)
	equal(t, "mails", len(c.notices()), 0)
	c.outage("PutOutcome", false, errLost)
	op = c.finish(op)
	equal(t, "counts", op.Final, bulk.Tally{Done: 1})
}

// A mail that comes back, perhaps long after the end, is a failed outcome that
// can be run again; the counts of the run stay.
func TestAMessageThatCameBackIsRunAgain(t *testing.T) {
	c := newClinic(t)
	c.twoFacilities()
	op := c.finished(tells("P1", "P4", "P5"))
	equal(t, "a rerun of what reached everybody", c.MayNotFollow(t.Context(), op, bulk.Rerun) == nil, false)
	for range 2 {
		must(t, c.Bounced(t.Context(), op.ID, "1-1"))
	}
	for _, number := range []string{"1-3", "x"} {
		equal(t, number, fault.CodeOf(c.Bounced(t.Context(), op.ID, number)), fault.NotFound)
	}
	equal(t, "an unknown operation", fault.CodeOf(c.Bounced(t.Context(), "OP-000000-0000", "1-1")), fault.NotFound)
	op = c.header(op.ID)
	list(t, "came back", op.Bounced, "1-1")
	equal(t, "counts", op.Final, bulk.Tally{Done: 2})
	o := c.outcomes(op)["fac-2"]
	if o.State != bulk.Failed || o.Code != bulk.MailBounced || !o.Retryable {
		t.Errorf("outcome %+v", o)
	}
	lines, err := c.PageOfLines(t.Context(), op, 1)
	must(t, err)
	equal(t, "on its page", lines[0].Outcome, o)
	equal(t, "the other", c.outcomes(op)["fac-1"].State, bulk.Done)
	again := c.again(op, bulk.Rerun)
	list(t, "the rerun is for", c.subjects(again), "fac-2")
	equal(t, "mails to Hilltop", len(c.notices()["desk@hilltop.example"]), 2)
	equal(t, "a second rerun", fault.CodeOf(c.MayNotFollow(t.Context(), c.header(op.ID), bulk.Rerun)), fault.Conflict)
	equal(t, "mails to Riverside", len(c.notices()["desk@riverside.example"]), 1)
}

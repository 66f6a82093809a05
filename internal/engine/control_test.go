package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

func TestTheStartIsReadAsAClockOnTheWallShowsIt(t *testing.T) {
	tests := []struct {
		name             string
		now              string // "" is noon of 1 December 2026
		date, time, zone string
		start            string // as people read it, or
		field, sentence  string
	}{
		{"none", "", "", "", "America/Chicago", "", "", ""},
		{"winter", "", "2026-12-03", "22:30", "America/Chicago", "3 Dec 2026, 22:30 (America/Chicago, UTC-06:00)", "", ""},
		{"half an hour off", "", "2026-12-01", "18:00", "Asia/Kolkata", "1 Dec 2026, 18:00 (Asia/Kolkata, UTC+05:30)", "", ""},
		{"spaces", "", " 2026-12-03 ", " 22:30 ", "UTC", "3 Dec 2026, 22:30 (UTC, UTC+00:00)", "", ""},
		{"the first of two", "2026-10-20", "2026-11-01", "01:30", "America/Chicago", "1 Nov 2026, 01:30 (America/Chicago, UTC-05:00)", "", ""},
		{"after the two", "2026-10-20", "2026-11-01", "02:00", "America/Chicago", "1 Nov 2026, 02:00 (America/Chicago, UTC-06:00)", "", ""},
		{"clocks half an hour forward", "2026-09-20", "2026-10-04", "02:29", "Australia/Lord_Howe", "", "start_time",
			"The time 02:29 does not exist on 4 October 2026 in Australia/Lord_Howe: the clocks are put forward then. Choose another time."},
		{"skipped", "2027-03-01", "2027-03-14", "02:30", "America/Chicago", "", "start_time",
			"The time 02:30 does not exist on 14 March 2027 in America/Chicago: the clocks are put forward then. Choose another time."},
		{"a day that was skipped", "2011-12-20", "2011-12-30", "12:00", "Pacific/Apia", "", "start_time",
			"The time 12:00 does not exist on 30 December 2011 in Pacific/Apia: the clocks are put forward then. Choose another time."},
		{"past", "", "2026-12-01", "05:59", "America/Chicago", "", "start_time",
			"Choose a start that is still to come: it is 06:00 on 1 December 2026 in America/Chicago now."},
		{"far", "", "2027-03-02", "06:00", "America/Chicago", "", "start_date", "Choose a start within the next 90 days."},
		{"no time", "", "2026-12-03", "", "UTC", "", "start_time", "Choose the time of the start too, or clear its day to start at once."},
		{"no day", "", "", "22:30", "UTC", "", "start_date", "Choose the day of the start too, or clear its time to start at once."},
		{"no such day", "", "2026-02-30", "22:30", "UTC", "", "start_date", "Write the day of the start as year, month and day, for example 2027-01-31."},
		{"no such time", "", "2026-12-03", "24:30", "UTC", "", "start_time", "Write the time of the start with hours and minutes, for example 22:30."},
		{"no zone", "", "2026-12-03", "22:30", "", "", "start_zone", "Choose the time zone in which the start is meant, for example America/Chicago."},
		{"no such zone", "", "2026-12-03", "22:30", "Mars/Base", "", "start_zone", "Choose the time zone in which the start is meant, for example America/Chicago."},
		{"whatever the machine has", "", "2026-12-03", "22:30", "Local", "", "start_zone", "Choose the time zone in which the start is meant, for example America/Chicago."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			if test.now != "" {
				c.now, _ = time.Parse(time.DateOnly, test.now)
			}
			s := submission(bulk.Operation{})
			s.Start = engine.StartWish{Date: test.date, Time: test.time, Zone: test.zone}
			problems := c.CheckSubmission(bulk.Operation{}, s, c.now)
			if test.field != "" {
				if len(problems) != 1 || problems[0].Field != test.field || problems[0].Sentence != test.sentence {
					t.Errorf("got %+v", problems)
				}
				return
			}
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			c.admit(registry.Active, []string{"P001"})
			op := c.planned(asks(registry.OnHold, "P001"))
			s.Digest = op.Plan.Digest
			op, err := c.Submit(t.Context(), ada, op.ID, s)
			must(t, err)
			if op = c.header(op.ID); op.Start.IsZero() != (test.start == "") || !op.Start.IsZero() && op.Start.String() != test.start {
				t.Errorf("the start is %s, want %s", op.Start, test.start)
			}
		})
	}
}

// scheduled is what was approved to start two days later.
func (c *clinic) scheduled(r engine.Request) bulk.Operation {
	c.t.Helper()
	op := c.planned(r)
	s := submission(op)
	s.Start = engine.StartWish{Date: "2026-12-03", Time: "06:00", Zone: "America/Chicago"}
	op, err := c.Submit(c.t.Context(), ada, op.ID, s)
	must(c.t, err)
	c.wait(op.ID, engine.WaitApprove, "token")
	return c.approve(op)
}

func TestTheMachineIsToldWhenToStart(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.scheduled(asks(registry.OnHold, "P001"))
	list(t, "answers", c.machine.answers, "token: run at 2026-12-03T12:00:00Z")
	equal(t, "waits for its start", op.StartsLater(c.now), true)
	equal(t, "waits when the time has come", op.StartsLater(op.Start.At), false)
	events, err := c.store.Events(t.Context(), op.ID)
	must(t, err)
	equal(t, "the submission in the history", events[2].Detail, "1 changes; asked: Grace Manages, Lin Manages All; 1 more may decide; to start 3 Dec 2026, 06:00 (America/Chicago, UTC-06:00)")
	for _, m := range c.mails {
		if !strings.Contains(m.Text, "Start:         3 Dec 2026, 06:00 (America/Chicago, UTC-06:00)\n") {
			t.Errorf("the mail %q does not say when it starts:\n%s", m.Subject, m.Text)
		}
	}
	equal(t, "mails", len(c.mails), 3) // two approvers and the requester
}

func TestAStartThatHasPassedWhenItIsApprovedIsAtOnce(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	c.fault = func(call string, do func() error) error {
		if call == "Decide" || strings.HasPrefix(call, "Token") {
			c.now = noon.Add(49 * time.Hour)
		}
		return do()
	}
	op := c.scheduled(asks(registry.OnHold, "P001"))
	c.fault = noFault
	equal(t, "the start had passed", op.StartPassed(), true)
	equal(t, "waits for its start", op.StartsLater(c.now), false)
	events, err := c.store.Events(t.Context(), op.ID)
	must(t, err)
	equal(t, "the approval in the history", events[3].Detail, "Its start, 3 Dec 2026, 06:00 (America/Chicago, UTC-06:00), had passed: it begins at once.")
	if m := c.mails[len(c.mails)-1]; !strings.Contains(m.Text, "at once: 3 Dec 2026, 06:00 (America/Chicago, UTC-06:00) has passed") {
		t.Errorf("the requester is told:\n%s", m.Text)
	}
	v, err := c.Verify(t.Context(), op.ID)
	must(t, err)
	equal(t, "it runs", v.OK, true)
}

func TestWhatWaitsForItsStartCanBeTakenBack(t *testing.T) {
	tests := []struct {
		name   string
		who    staff.Person
		told   int // mails to the requester about it
		denied string
	}{
		{"by its requester", ada, 0, ""},
		{"by its approver", grace, 1, ""},
		{"by somebody else who may approve it", lin, 1, ""},
		{"not by whoever may only look at it", tom, 0, "Only Ada Asks, who asked for it, or somebody who may approve it can take this operation back."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(2))
			op := c.scheduled(asks(registry.OnHold, "P001"))
			_, err := c.Cancel(t.Context(), test.who, op.ID)
			if test.denied != "" {
				refused(t, err, fault.Forbidden, test.denied)
				equal(t, "state", c.header(op.ID).State, bulk.Scheduled)
				return
			}
			must(t, err)
			equal(t, "cause", c.header(op.ID).Cause, "Taken back by "+test.who.Name+".")

			c.now = op.Start.At // the machine's wait ends all the same
			v, err := c.Verify(t.Context(), op.ID)
			must(t, err)
			equal(t, "it runs", v.OK, false)
			_, err = c.Finish(t.Context(), op.ID, "")
			must(t, err)
			equal(t, "state", c.header(op.ID).State, bulk.Cancelled)
			equal(t, "the patient", c.status("P001"), registry.Active)
			equal(t, "mails about it", len(c.sent("Cancelled: "+op.ID)), test.told)
		})
	}
}

func TestTheRuleThatStopsARunIsChosenWithTheSubmission(t *testing.T) {
	tests := []struct {
		percent, after string
		want           bulk.StopRule
		wrong          []string
	}{
		{"", "", bulk.DefaultStopRule, nil},
		{"10", "", bulk.StopRule{Percent: 10, After: 200}, nil},
		{" 1 ", "1,000", bulk.StopRule{Percent: 1, After: 1000}, nil},
		{"100", "100000", bulk.StopRule{Percent: 100, After: 100_000}, nil},
		{"0", "0", bulk.StopRule{}, []string{"stop_percent", "stop_after"}},
		{"101", "100,001", bulk.StopRule{}, []string{"stop_percent", "stop_after"}},
		{"half", "-3", bulk.StopRule{}, []string{"stop_percent", "stop_after"}},
	}
	for _, test := range tests {
		c := newClinic(t)
		c.admit(registry.Active, []string{"P001"})
		op := c.planned(asks(registry.OnHold, "P001"))
		s := submission(op)
		s.Stop = engine.StopWish{Percent: test.percent, After: test.after}
		var fields []string
		for _, p := range c.CheckSubmission(op, s, c.now) {
			fields = append(fields, p.Field)
		}
		list(t, "wrong", fields, test.wrong...)
		if op, err := c.Submit(t.Context(), ada, op.ID, s); len(test.wrong) == 0 {
			must(t, err)
			equal(t, "rule", op.StopAt, test.want)
			events, err := c.store.Events(t.Context(), op.ID)
			must(t, err)
			equal(t, "told in the history", strings.Contains(events[2].Detail, "to stop by itself"), test.want != bulk.DefaultStopRule)
		}
	}
}

func TestARunStopsByItsOwnRule(t *testing.T) {
	c := newClinic(t)
	ids := append([]string{poisoned}, numbered(250)...)
	c.admit(registry.Active, ids, visits(1))
	must(t, c.store.PutRecords(t.Context(), patientRecords(poisoned, registry.Active,
		registry.VisitRef{Start: noon.AddDate(0, 0, -1), ID: strings.Repeat("V", 400<<10)}, registry.VisitRef{Start: noon.AddDate(0, 0, 9), ID: "V1"})))
	op := c.planned(asks(registry.Discharged, ids...))
	s := submission(op)
	s.Stop = engine.StopWish{Percent: "1", After: "50"}
	op, err := c.Submit(t.Context(), ada, op.ID, s)
	must(t, err)
	op = c.finish(c.start(c.approve(op)))
	equal(t, "state", op.State, bulk.Stopped)
	equal(t, "cause", op.Cause, "Stopped by itself: 1 of 100 patients were skipped or failed.")
	if happened := c.happened(op.ID); !slices.Equal(happened[4:], []string{"started", "stopped", "stopped"}) {
		t.Errorf("history %v", happened)
	}
}

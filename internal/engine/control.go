package engine

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a start is chosen in a time zone, wherever the engine runs

	"bulkops/internal/bulk"
	"bulkops/internal/english"
)

// farthestStart is how far ahead a start may lie.
const farthestStart = 90 * 24 * time.Hour

// StartWish is when a run is to begin, as a clock on the wall shows it; the
// zero one is at once.
type StartWish struct {
	Date string // 2006-01-02
	Time string // 15:04
	Zone string // IANA name of a time zone
}

// read checks the wish against the clock and the calendar of its time zone.
func (w StartWish) read(now time.Time) (bulk.Start, Problems) {
	date, clock := strings.TrimSpace(w.Date), strings.TrimSpace(w.Time)
	if date == "" && clock == "" {
		return bulk.Start{}, nil
	}
	wrong := func(field, format string, args ...any) (bulk.Start, Problems) {
		return bulk.Start{}, Problems{problem(field, format, args...)}
	}
	if date == "" {
		return wrong("start_date", "Choose the day of the start too, or clear its time to start at once.")
	}
	if clock == "" {
		return wrong("start_time", "Choose the time of the start too, or clear its day to start at once.")
	}
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return wrong("start_date", "Write the day of the start as year, month and day, for example 2027-01-31.")
	}
	at, err := time.Parse("15:04", clock)
	if err != nil {
		return wrong("start_time", "Write the time of the start with hours and minutes, for example 22:30.")
	}
	zone, err := time.LoadLocation(w.Zone)
	if err != nil || w.Zone == "" || w.Zone == "Local" {
		return wrong("start_zone", "Choose the time zone in which the start is meant, for example America/Chicago.")
	}
	wall := time.Date(day.Year(), day.Month(), day.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
	start, ok := onTheWall(wall, zone)
	switch {
	case !ok:
		return wrong("start_time", "The time %s does not exist on %s in %s: the clocks are put forward then. Choose another time.",
			wall.Format("15:04"), wall.Format("2 January 2006"), w.Zone)
	case !start.After(now):
		return wrong("start_time", "Choose a start that is still to come: it is %s in %s now.", now.In(zone).Format("15:04 on 2 January 2006"), w.Zone)
	case start.Sub(now) > farthestStart:
		return wrong("start_date", "Choose a start within the next %s.", english.Span(farthestStart))
	}
	return bulk.Start{At: start, Zone: w.Zone}, nil
}

// onTheWall is the first moment at which clocks in the zone show the date and
// time of wall; not ok where they skip it. Where they show it twice, because
// they are put back, it is the first of the two.
func onTheWall(wall time.Time, zone *time.Location) (first time.Time, ok bool) {
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := wall.Add(near).In(zone).Zone()
		candidate := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if candidate.Format(time.DateTime) == wall.Format(time.DateTime) && (!ok || candidate.Before(first)) {
			first, ok = candidate, true
		}
	}
	return first, ok
}

// StopWish is when a run stops by itself, as typed; what is empty is as in
// bulk.DefaultStopRule.
type StopWish struct{ Percent, After string }

func (w StopWish) read(limits Limits) (bulk.StopRule, Problems) {
	var wrong Problems
	number := func(field, typed string, unless, most int, sentence string) int {
		typed = strings.ReplaceAll(strings.TrimSpace(typed), ",", "")
		if typed == "" {
			return unless
		}
		n, err := strconv.Atoi(typed)
		if err != nil || n < 1 || n > most {
			wrong = append(wrong, problem(field, sentence, english.Number(most)))
		}
		return n
	}
	rule := bulk.StopRule{
		Percent: number("stop_percent", w.Percent, bulk.DefaultStopRule.Percent, 100, "Write the percentage as a whole number from 1 to %s."),
		After: number("stop_after", w.After, bulk.DefaultStopRule.After, limits.MaxSubjects,
			"Write the number of patients after which failures are looked at as a whole number from 1 to %s."),
	}
	return rule, wrong
}

// control says, for the history, what a requester chose about the run beyond
// what is usual.
func control(op bulk.Operation) string {
	var words string
	if !op.Start.IsZero() {
		words += "; to start " + op.Start.String()
	}
	if op.StopAt != bulk.DefaultStopRule {
		words += fmt.Sprintf("; to stop by itself when %d %% of at least %s were skipped or failed", op.StopAt.Percent, english.Count(op.StopAt.After, "patient", "patients"))
	}
	return words
}

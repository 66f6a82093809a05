package portal

import (
	"fmt"
	"html/template"
	"strings"
	"time"
	_ "time/tzdata" // visits are shown in their facility's time, wherever the portal runs

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/registry"
)

// showTime is a moment in UTC, labelled; nothing for none.
func showTime(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + english.Minute(t) + `</time>`)
}

// showSecond is a moment in UTC to the second, as an auditor needs it.
func showSecond(t time.Time) template.HTML {
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + english.Second(t) + `</time>`)
}

// localDay is a moment's day where the facility is.
func localDay(t time.Time, f registry.Facility) string {
	return english.Day(t.In(f.Zone()))
}

// age says how long ago something was.
func age(now, then time.Time) string {
	if then.IsZero() {
		return ""
	}
	return lasting(now.Sub(then))
}

// lasting is about how long something takes: 15 minutes, 12 hours.
func lasting(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < time.Hour:
		return english.Count(int(d/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		return english.Count(int(d/time.Hour), "hour", "hours")
	}
	return english.Count(int(d/(24*time.Hour)), "day", "days")
}

// elapsed is a duration as a clock shows it: 4 s, 2 min 05 s, 1 h 02 min.
func elapsed(d time.Duration) string {
	seconds := max(0, int(d/time.Second))
	switch {
	case seconds < 60:
		return fmt.Sprintf("%d s", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%d min %02d s", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d h %02d min", seconds/3600, seconds%3600/60)
}

// fewWords is a small number in letters.
func fewWords(n int) string {
	if words := []string{"none", "one", "two", "three", "four", "five"}; n < len(words) {
		return words[n]
	}
	return english.Number(n)
}

// askedWords says for whose decision a request waits: "you, Jonas Weber for
// Maria Duarte". me is the person who reads it; "" names everybody.
func askedWords(a bulk.Approval, me string) string {
	var words []string
	for _, p := range a.Everybody() {
		who := p.Name
		if p.Sub == me {
			who = "you"
		}
		for i, away := range a.StandsInFor(p.Sub) {
			who += []string{" for ", " and "}[min(i, 1)] + away.Name
		}
		words = append(words, who)
	}
	return strings.Join(words, ", ")
}

package portal

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // visits are shown in their facility's time, wherever the portal runs

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// thousands writes a number as people read it: 120,345.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// plural is "1 visit" or "1,234 visits".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// showMinute is a moment in UTC.
func showMinute(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

// showTime is a moment in UTC, labelled; nothing for none.
func showTime(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + showMinute(t) + `</time>`)
}

// showSecond is a moment in UTC to the second, as an auditor needs it.
func showSecond(t time.Time) template.HTML {
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format("2 Jan 2006, 15:04:05 UTC") + `</time>`)
}

// showDate is a date as people read it; what is no date stays as it is.
func showDate(date string) string {
	if t, err := time.Parse(time.DateOnly, date); err == nil {
		return t.Format("2 Jan 2006")
	}
	return date
}

// localDay is a moment's day where the facility is.
func localDay(t time.Time, f registry.Facility) string {
	if zone, err := time.LoadLocation(f.TimeZone); err == nil && f.TimeZone != "" {
		t = t.In(zone)
	}
	return t.Format("2 Jan 2006")
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
		return plural(int(d/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		return plural(int(d/time.Hour), "hour", "hours")
	}
	return plural(int(d/(24*time.Hour)), "day", "days")
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

// capital is a word with a capital letter first.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// fewWords is a small number in letters.
func fewWords(n int) string {
	if words := []string{"none", "one", "two", "three", "four", "five"}; n < len(words) {
		return words[n]
	}
	return thousands(n)
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

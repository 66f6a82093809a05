// Package english writes numbers, days and spans of time as people read them,
// alike on pages, in mails, in answers and at a terminal. No I/O.
package english

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Number is a number with its thousands apart: 120,345.
func Number(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Count is "1 visit" or "1,234 visits".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Number(n) + " " + many
}

const day = "2 Jan 2006"

// Day is the day of a moment, in its own zone.
func Day(t time.Time) string { return t.Format(day) }

// Date is a date of a record or a form; what is no date stays as it is.
func Date(date string) string {
	if t, err := time.Parse(time.DateOnly, date); err == nil {
		return Day(t)
	}
	return date
}

// Minute is a moment in UTC, Second the same for who has to be exact.
func Minute(t time.Time) string { return t.UTC().Format(day + ", 15:04 UTC") }
func Second(t time.Time) string { return t.UTC().Format(day + ", 15:04:05 UTC") }

// At is a minute in UTC within a sentence, after "at": 12:00 UTC on 1 December 2026.
func At(t time.Time) string { return t.UTC().Format("15:04 UTC on 2 January 2006") }

// Span is a time span in the largest unit that it fills: 3 days, 36 hours.
func Span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour && d%(24*time.Hour) == 0:
		return Count(int(d/(24*time.Hour)), "day", "days")
	case d >= time.Hour && d%time.Hour == 0:
		return Count(int(d/time.Hour), "hour", "hours")
	case d >= time.Minute && d%time.Minute == 0:
		return Count(int(d/time.Minute), "minute", "minutes")
	}
	return d.String()
}

// Brief is the beginning of what somebody typed, to be quoted in a sentence.
func Brief(typed string) string { return Cut(typed, 40) }

// Cut is the beginning of a text, of so many characters, where it is longer.
func Cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

// Capital is a text that begins with a capital letter, Small one that does not.
func Capital(s string) string { return first(s, strings.ToUpper) }
func Small(s string) string   { return first(s, strings.ToLower) }

func first(s string, as func(string) string) string {
	if s == "" {
		return s
	}
	return as(s[:1]) + s[1:]
}

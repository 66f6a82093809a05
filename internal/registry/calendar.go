package registry

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bulkops/internal/english"
)

// Span is a part of a day by the clock on the wall, in minutes after midnight:
// From belongs to it, To does not. The zero Span is no time at all.
type Span struct{ From, To int }

const dayMinutes = 24 * 60

// ParseSpan reads a text such as 08:00-17:00; an empty one is the zero Span.
func ParseSpan(text string) (Span, error) {
	if strings.TrimSpace(text) == "" {
		return Span{}, nil
	}
	from, to, _ := strings.Cut(strings.ReplaceAll(text, "–", "-"), "-")
	s := Span{minuteOf(from), minuteOf(to)}
	if s.From < 0 || s.To < 0 || s.From >= s.To {
		return Span{}, fmt.Errorf("%q is no part of a day: write it like 08:00-17:00", english.Brief(text))
	}
	return s, nil
}

// minuteOf reads a time such as 8:00 or 17:30, also 24:00; -1 for anything else.
func minuteOf(clock string) int {
	h, m, ok := strings.Cut(strings.TrimSpace(clock), ":")
	if !ok || len(h) < 1 || len(h) > 2 || len(m) != 2 {
		return -1
	}
	hour, errH := strconv.ParseUint(h, 10, 8)
	minute, errM := strconv.ParseUint(m, 10, 8)
	if at := int(hour)*60 + int(minute); errH == nil && errM == nil && minute < 60 && at <= dayMinutes {
		return at
	}
	return -1
}

// Empty reports whether the span holds no time.
func (s Span) Empty() bool { return s.From >= s.To }

// Covers reports whether all of t is in s, and Meets whether a part of it is.
func (s Span) Covers(t Span) bool { return s.From <= t.From && t.To <= s.To }
func (s Span) Meets(t Span) bool  { return s.From < t.To && t.From < s.To }

func (s Span) String() string {
	if s.Empty() {
		return ""
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", s.From/60, s.From%60, s.To/60, s.To%60)
}

// MarshalText writes the span as String does.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads it as ParseSpan does.
func (s *Span) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSpan(string(text))
	return err
}

// Week is when a facility is open or a provider works on each day of the week,
// by time.Weekday. A zero Span is a day off; the zero Week says nothing.
type Week [7]Span

// weekdays in the order in which a week is written.
var weekdays = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}

// ParseWeek reads a text such as "Mon-Fri 08:00-17:00, Sat 09:00-12:00"; an
// empty one is the zero Week.
func ParseWeek(text string) (Week, error) {
	var w Week
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == '\n' }) {
		days, hours, ok := strings.Cut(strings.TrimSpace(part), " ")
		if days == "" {
			continue
		}
		first, last, several := strings.Cut(strings.ReplaceAll(days, "–", "-"), "-")
		if !several {
			last = first
		}
		from, to := weekdayIndex(first), weekdayIndex(last)
		span, err := ParseSpan(hours)
		if !ok || from < 0 || to < from || err != nil || span.Empty() {
			return Week{}, fmt.Errorf("%q is no day with hours: write it like Mon-Fri 08:00-17:00", english.Brief(part))
		}
		for _, day := range weekdays[from : to+1] {
			if !w[day].Empty() {
				return Week{}, fmt.Errorf("%s is given twice", day)
			}
			w[day] = span
		}
	}
	return w, nil
}

func weekdayIndex(name string) int {
	return slices.IndexFunc(weekdays, func(d time.Weekday) bool {
		return strings.EqualFold(name, d.String()) || strings.EqualFold(name, d.String()[:3])
	})
}

// Empty reports whether the week says nothing.
func (w Week) Empty() bool { return w == Week{} }

// String puts days in a row that have the same hours together.
func (w Week) String() string {
	var parts []string
	for i := 0; i < len(weekdays); {
		span, end := w[weekdays[i]], i
		for end+1 < len(weekdays) && w[weekdays[end+1]] == span {
			end++
		}
		if days := weekdays[i].String()[:3]; !span.Empty() {
			if end > i {
				days += "-" + weekdays[end].String()[:3]
			}
			parts = append(parts, days+" "+span.String())
		}
		i = end + 1
	}
	return strings.Join(parts, ", ")
}

// MarshalText writes the week as String does.
func (w Week) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads it as ParseWeek does.
func (w *Week) UnmarshalText(text []byte) (err error) {
	*w, err = ParseWeek(string(text))
	return err
}

// Days are some days in a row, both ends included, as 2006-01-02: a holiday, or
// time off.
type Days struct{ From, To string }

// ParseDays reads a text such as 2026-12-25, or 2026-12-24 to 2026-12-26.
func ParseDays(text string) (Days, error) {
	from, to, several := strings.Cut(strings.TrimSpace(text), " to ")
	if !several {
		to = from
	}
	d := Days{strings.TrimSpace(from), strings.TrimSpace(to)}
	if !isDate(d.From) || !isDate(d.To) || d.To < d.From {
		return Days{}, fmt.Errorf("%q is no day: write it like 2026-12-25, or 2026-12-24 to 2026-12-26", english.Brief(text))
	}
	return d, nil
}

// Hold reports whether the date is one of the days.
func (d Days) Hold(date string) bool { return d.From <= date && date <= d.To }

func (d Days) String() string {
	if d.From == d.To {
		return d.From
	}
	return d.From + " to " + d.To
}

// MarshalText writes the days as String does.
func (d Days) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads them as ParseDays does.
func (d *Days) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDays(string(text))
	return err
}

// isDate reports whether the text is a date as 2006-01-02.
func isDate(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

// DefaultHours are those of a facility of which nobody has said anything, and
// DefaultLunch is its lunch break.
var (
	DefaultHours = Week{time.Monday: officeHours, time.Tuesday: officeHours, time.Wednesday: officeHours, time.Thursday: officeHours, time.Friday: officeHours}
	DefaultLunch = Span{12 * 60, 13 * 60}

	officeHours = Span{8 * 60, 17 * 60}
)

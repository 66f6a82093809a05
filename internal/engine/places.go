package engine

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// FacilityAnswers are what an administrator says about a facility, as typed.
type FacilityAnswers struct {
	TimeZone, Provider, Hours, Lunch, Prefers, Closed, Capacity string
}

// ProviderAnswers are what an administrator says about a provider, as typed.
type ProviderAnswers struct{ Hours, Away, Daily, Limit string }

// AnswersOf puts a facility into the words in which an administrator changes it.
func AnswersOf(f registry.Facility) FacilityAnswers {
	return FacilityAnswers{f.TimeZone, f.DefaultProvider, f.Hours.String(), f.Lunch.String(), f.Prefers.String(), lines(f.Closed), numberWords(f.Capacity)}
}

// ProviderAnswersOf does the same for a provider.
func ProviderAnswersOf(p registry.Provider) ProviderAnswers {
	return ProviderAnswers{p.Hours.String(), lines(p.Away), numberWords(p.Daily), numberWords(p.Limit)}
}

func lines(days []registry.Days) string {
	texts := make([]string, len(days))
	for i, d := range days {
		texts[i] = d.String()
	}
	return strings.Join(texts, "\n")
}

// numberWords is a limit; nothing where there is none.
func numberWords(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// SetFacility changes what an administrator says about a facility. version is
// that of the facility which they have read.
func (e *Engine) SetFacility(ctx context.Context, actor staff.Person, id string, version int, a FacilityAnswers) error {
	d, err := e.places(ctx, actor)
	if err != nil {
		return err
	}
	f, known := d.Facility(id)
	if !known {
		return errNoPlace("facility")
	}
	was := AnswersOf(f)
	r := typed{}
	f.Hours, f.Lunch, f.Prefers = r.week("hours", a.Hours), r.span("lunch", a.Lunch), r.span("prefers", a.Prefers)
	f.Closed = r.days("closed", a.Closed)
	f.TimeZone = strings.TrimSpace(a.TimeZone)
	if _, err := time.LoadLocation(f.TimeZone); err != nil || f.TimeZone == "" || f.TimeZone == "Local" {
		r.wrong("time_zone", "Give the name of a time zone, for example America/New_York.")
	}
	f.Capacity = r.number("capacity", a.Capacity)
	f.DefaultProvider = a.Provider
	if p, _ := d.Provider(a.Provider); a.Provider != "" && (!p.Active || !p.WorksAt(f.ID)) {
		r.wrong("provider", "Choose a provider who works at this facility, or nobody.")
	}
	if len(r.problems) > 0 {
		return invalid(r.problems...)
	}
	if AnswersOf(f) == was {
		return nil
	}
	f.Version = version
	return changedSince(e.Places.WriteFacility(ctx, f, registry.Stamp{By: actor.Name, At: e.Now()}), f.Name)
}

// SetProvider changes what an administrator says about a provider.
func (e *Engine) SetProvider(ctx context.Context, actor staff.Person, id string, version int, a ProviderAnswers) error {
	d, err := e.places(ctx, actor)
	if err != nil {
		return err
	}
	p, known := d.Provider(id)
	if !known {
		return errNoPlace("provider")
	}
	was := ProviderAnswersOf(p)
	r := typed{}
	p.Hours, p.Away, p.Daily, p.Limit = r.week("hours", a.Hours), r.days("away", a.Away), r.number("daily", a.Daily), r.number("limit", a.Limit)
	if len(r.problems) > 0 {
		return invalid(r.problems...)
	}
	if ProviderAnswersOf(p) == was {
		return nil
	}
	p.Version = version
	return changedSince(e.Places.WriteProvider(ctx, p, registry.Stamp{By: actor.Name, At: e.Now()}), p.Name)
}

func (e *Engine) places(ctx context.Context, actor staff.Person) (registry.Directory, error) {
	if actor.Disabled || !actor.Role.AtLeast(staff.Admin) {
		return registry.Directory{}, fault.New(fault.Forbidden, "Facilities and providers are kept by administrators; your right is %s. Ask an administrator.", actor.Role.Title())
	}
	return e.Registry.Directory(ctx)
}

func errNoPlace(what string) error {
	return fault.New(fault.NotFound, "There is no such %s.", what)
}

func changedSince(err error, name string) error {
	if fault.Is(err, fault.Conflict) {
		return fault.New(fault.Conflict, "Somebody has changed %s since you opened this form. Nothing was changed. Look at it again, then send the form again.", name)
	}
	return err
}

// mostDaysOff and mostOfAnything are typing mistakes above.
const (
	mostDaysOff    = 200
	mostOfAnything = 100_000
)

// typed reads what was typed, and collects what is wrong with it.
type typed struct{ problems []kind.Problem }

func (r *typed) wrong(field, sentence string) {
	r.problems = append(r.problems, kind.Problem{Field: field, Sentence: sentence})
}

func (r *typed) week(field, text string) registry.Week {
	w, err := registry.ParseWeek(text)
	if err != nil {
		r.wrong(field, sentenceOf(err))
	}
	for _, s := range w {
		r.quarters(field, s)
	}
	return w
}

func (r *typed) span(field, text string) registry.Span {
	s, err := registry.ParseSpan(text)
	if err != nil {
		r.wrong(field, sentenceOf(err))
	}
	r.quarters(field, s)
	return s
}

// quarters asks for times on a quarter of an hour, as visits are.
func (r *typed) quarters(field string, s registry.Span) {
	if (s.From%15 != 0 || s.To%15 != 0) && !slices.ContainsFunc(r.problems, func(p kind.Problem) bool { return p.Field == field }) {
		r.wrong(field, "Use whole quarters of an hour, for example 08:15.")
	}
}

func (r *typed) days(field, text string) []registry.Days {
	var list []registry.Days
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		d, err := registry.ParseDays(line)
		if err != nil {
			r.wrong(field, sentenceOf(err))
			return nil
		}
		list = append(list, d)
	}
	if len(list) > mostDaysOff {
		r.wrong(field, "Give at most "+strconv.Itoa(mostDaysOff)+" lines. Leave out days that have passed.")
	}
	slices.SortFunc(list, func(a, b registry.Days) int { return strings.Compare(a.From+a.To, b.From+b.To) })
	return list
}

func (r *typed) number(field, text string) int {
	if text = strings.TrimSpace(text); text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostOfAnything {
		r.wrong(field, "Give a whole number from 1, or leave it empty for any number.")
		return 0
	}
	return n
}

// sentenceOf makes a sentence of an error of package registry.
func sentenceOf(err error) string { return strings.ToUpper(err.Error()[:1]) + err.Error()[1:] + "." }

package kind

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/registry"
)

// checker collects what is wrong with the answers to a kind's questions.
type checker struct {
	params   bulk.Params
	kind     string // as a sentence begins with it
	problems []Problem
}

func (c *checker) add(field, sentence string, args ...any) {
	if len(args) > 0 {
		sentence = fmt.Sprintf(sentence, args...)
	}
	if p := (Problem{field, sentence}); !slices.Contains(c.problems, p) {
		c.problems = append(c.problems, p)
	}
}

// has reports whether something is wrong with one of the answers.
func (c *checker) has(fields ...string) bool {
	return slices.ContainsFunc(c.problems, func(p Problem) bool { return slices.Contains(fields, p.Field) })
}

// oneOf asks for one of the answers.
func (c *checker) oneOf(field, sentence string, answers ...string) {
	if !slices.Contains(answers, c.params[field]) {
		c.add(field, sentence)
	}
}

// goesWith reports whether a question is asked because of another's answer. It
// refuses an answer to one that is not.
func (c *checker) goesWith(field string, asked bool, sentence string) bool {
	if !asked && c.params[field] != "" {
		c.add(field, sentence)
	}
	return asked
}

// day asks for a day in the years that a date may be in.
func (c *checker) day(field, missing string) {
	switch day, err := time.Parse(time.DateOnly, c.params[field]); {
	case c.params[field] == "":
		c.add(field, missing)
	case err != nil:
		c.add(field, "%q is no date. Write it as year-month-day, for example 2026-01-31.", english.Brief(c.params[field]))
	case day.Year() < firstYear || day.Year() > lastYear:
		c.add(field, "Check the year: it must be between %d and %d.", firstYear, lastYear)
	}
}

// works asks for a provider who works.
func (c *checker) works(field, missing string, d registry.Directory, id string) {
	p, known := d.Provider(id)
	switch {
	case id == "":
		c.add(field, missing)
	case !known:
		c.add(field, "Choose one of the listed providers.")
	case !p.Active:
		c.add(field, p.Name+" no longer works. Choose another provider.")
	}
}

// done returns the problems, with one for each answer to a question that the
// kind does not have.
func (c *checker) done(questions ...string) []Problem {
	for _, name := range slices.Sorted(maps.Keys(c.params)) {
		if !slices.Contains(questions, name) {
			c.add(name, "%s has no question %q.", c.kind, name)
		}
	}
	return c.problems
}

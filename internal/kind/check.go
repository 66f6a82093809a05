package kind

import (
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// checker collects what is wrong with the answers to a kind's questions.
type checker struct {
	params   bulk.Params
	kind     string // as the middle of a sentence
	problems []Problem
}

func (c *checker) add(field, sentence string) {
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

// works asks for a provider who works.
func (c *checker) works(field string, d registry.Directory, id string) {
	p, known := d.Provider(id)
	switch {
	case id == "":
		c.add(field, "Choose the new provider.")
	case !known:
		c.add(field, "Choose one of the listed providers.")
	case !p.Active:
		c.add(field, p.Name+" no longer works. Choose another provider.")
	}
}

// done returns the problems, with one for each answer to a question that the
// kind does not have.
func (c *checker) done(questions ...string) []Problem {
	return append(c.problems, unknownQuestions("A "+c.kind, c.params, questions...)...)
}

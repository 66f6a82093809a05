package kind

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Questions of a change of tags. An answer names tags, parted by commas,
// semicolons or line ends; a name is taken as TagName writes it.
const (
	AddTags    = "add"
	RemoveTags = "remove"
)

// MaxTags is how many tags a patient may have, and how many one answer may name.
const MaxTags = 20

// MaxTagLength is how many characters a tag may have.
const MaxTagLength = 30

// Tags adds tags to patients and removes others.
var Tags = Kind{
	Name:     "tags",
	Title:    "Tag/Label Assignment",
	Approver: staff.TeamLead,
	Undoable: true,
	Summary:  sumUpTags,
	Check:    checkTags,
	New: func(p bulk.Params, _ World) Planner {
		return tagPlanner{add: tagNames(p[AddTags]), remove: tagNames(p[RemoveTags])}
	},
}

// TagName is a tag as it is stored: in lower case, with one hyphen for spaces,
// and none at the ends.
func TagName(typed string) string {
	words := strings.FieldsFunc(strings.ToLower(typed), func(r rune) bool { return r == '-' || unicode.IsSpace(r) })
	return strings.Join(words, "-")
}

// typedTags are the names in an answer as they were typed, without empty ones.
func typedTags(answer string) []string {
	names := strings.FieldsFunc(answer, func(r rune) bool { return strings.ContainsRune(",;\r\n", r) })
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// tagNames are the tags that an answer names, sorted, each once.
func tagNames(answer string) []string {
	names := typedTags(answer)
	for i, name := range names {
		names[i] = TagName(name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// sumUpTags also says what a name becomes where it is written otherwise than
// it was typed.
func sumUpTags(p bulk.Params, _ registry.Directory) string {
	var parts []string
	for _, what := range []struct{ verb, answer string }{{"Add", p[AddTags]}, {"Remove", p[RemoveTags]}} {
		names := tagNames(what.answer)
		if len(names) == 0 {
			continue
		}
		if len(parts) > 0 {
			what.verb = strings.ToLower(what.verb)
		}
		noun := " tag "
		if len(names) > 1 {
			noun = " tags "
		}
		parts = append(parts, what.verb+noun+strings.Join(names, ", "))
	}
	words := strings.Join(parts, "; ")
	var become []string
	for _, typed := range append(typedTags(p[AddTags]), typedTags(p[RemoveTags])...) {
		if sentence := fmt.Sprintf("%q becomes %s", typed, TagName(typed)); typed != TagName(typed) && !slices.Contains(become, sentence) {
			become = append(become, sentence)
		}
	}
	if len(become) > 0 {
		words += " (" + strings.Join(become, ", ") + ")"
	}
	return words
}

func checkTags(p bulk.Params, _ registry.Directory) []Problem {
	c := checker{params: p, kind: "A change of tags"}
	checkTagNames(&c, AddTags)
	checkTagNames(&c, RemoveTags)
	add, remove := tagNames(p[AddTags]), tagNames(p[RemoveTags])
	if len(add)+len(remove) == 0 {
		c.add(AddTags, "Name a tag to add or a tag to remove.")
	}
	for _, tag := range add {
		if tag != "" && slices.Contains(remove, tag) {
			c.add(RemoveTags, "The tag %s is to be added and to be removed. Take it out of one of the two.", english.Brief(tag))
		}
	}
	return c.done(AddTags, RemoveTags)
}

func checkTagNames(c *checker, question string) {
	answer := c.params[question]
	if names := tagNames(answer); len(names) > MaxTags {
		c.add(question, "Name at most %d tags; these are %d.", MaxTags, len(names))
		return
	}
	for _, typed := range typedTags(answer) {
		tag := TagName(typed)
		switch {
		case tag == "" || strings.Trim(tag, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
			c.add(question, "%q cannot be a tag: write it with the letters a to z, digits, spaces and hyphens.", english.Brief(typed))
		case len(tag) > MaxTagLength:
			c.add(question, "%q is too long: as a tag it has %d characters, and at most %d fit.", english.Brief(typed), len(tag), MaxTagLength)
		}
	}
}

type tagPlanner struct{ add, remove []string }

func (t tagPlanner) Plan(s Subject) (bulk.Change, *bulk.Exclusion) {
	had := slices.Compact(slices.Sorted(slices.Values(s.Patient.TagList())))
	kept := slices.DeleteFunc(slices.Clone(had), func(tag string) bool { return slices.Contains(t.remove, tag) })
	tags := slices.Compact(slices.Sorted(slices.Values(slices.Concat(kept, t.add))))
	switch {
	case slices.Equal(tags, had):
		return bulk.Change{}, &bulk.Exclusion{Code: bulk.AlreadySo, Sentence: "The tags are already as asked."}
	case len(tags) > MaxTags && len(tags) > len(kept): // taking tags away is always a step in the right direction
		return bulk.Change{}, &bulk.Exclusion{Code: bulk.TooManyTags,
			Sentence: fmt.Sprintf("The patient has %d tags and would have %d; at most %d are allowed.", len(had), len(tags), MaxTags)}
	}
	return changeOf(s.Patient, profileEdit(s.Patient, registry.Fields{registry.Tags: strings.Join(tags, " ")})), nil
}

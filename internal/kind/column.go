package kind

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bulkops/internal/registry"
)

// Clear, as a value that is given for a patient, empties the field. A value
// that is empty or missing changes nothing.
const Clear = "<clear>"

// Column is a value that a kind takes for each patient: a column of an
// uploaded file, or a name in the API.
type Column struct {
	Field   string   // what it is called in Subject.Given and in the API: a contract
	Title   string   // how the example file heads it
	Others  []string // further headings by which it is known
	Hint    string   // what goes into it, in a few words
	Example string   // a value that a spreadsheet leaves as it is
	Keep    bool     // it cannot be cleared
	// Read returns the value as it is kept, or a sentence that says how to
	// repair it and does not repeat it. at is the moment of reading.
	Read func(text string, at time.Time) (value, problem string)
}

// PlainHeading is the form in which headings are compared: without regard to
// case, spaces, underscores, hyphens and quotation marks.
func PlainHeading(heading string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`_-"`, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, heading)
}

// ColumnFor returns the column that a file's heading stands for.
func (k Kind) ColumnFor(heading string) (Column, bool) {
	plain := PlainHeading(heading)
	for _, c := range k.Columns {
		for _, known := range append([]string{c.Field, c.Title}, c.Others...) {
			if plain == PlainHeading(known) {
				return c, true
			}
		}
	}
	return Column{}, false
}

// Value reads one value. "" changes nothing.
func (c Column) Value(text string, at time.Time) (value, problem string) {
	if !utf8.ValidString(text) {
		return "", "This cell has characters in an older encoding. Save the file as CSV (UTF-8)."
	}
	text = strings.Join(strings.Fields(text), " ") // a line end in a cell is a space too
	switch {
	case text == "":
		return "", ""
	case strings.EqualFold(text, Clear) && c.Keep:
		return "", fmt.Sprintf("The %s cannot be cleared. Leave the cell empty to keep it as it is.", strings.ToLower(c.Title))
	case strings.EqualFold(text, Clear):
		return Clear, ""
	case strings.ContainsFunc(text, unreadable):
		return "", "This cell has characters that cannot be read. Type the value again."
	}
	return c.Read(text, at)
}

// unreadable reports marks that nobody can see. The two joiners belong to the
// spelling of names in several scripts.
func unreadable(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != nonJoiner && r != joiner || r == unicode.ReplacementChar
}

// GivenProblem is what is wrong with one value given for the patient at Index.
type GivenProblem struct {
	Index           int
	Field, Sentence string
}

// ReadGiven reads what is given for each patient, as Value does, and says what
// is wrong with it.
func (k Kind) ReadGiven(given []registry.Fields, at time.Time) ([]registry.Fields, []GivenProblem) {
	read := make([]registry.Fields, len(given))
	var problems []GivenProblem
	for i, values := range given {
		read[i] = registry.Fields{}
		for _, c := range k.Columns {
			value, problem := c.Value(values[c.Field], at)
			switch {
			case problem != "":
				problems = append(problems, GivenProblem{i, c.Field, problem})
			case value != "":
				read[i][c.Field] = value
			}
		}
		for field := range values {
			if !slices.ContainsFunc(k.Columns, func(c Column) bool { return c.Field == field }) {
				problems = append(problems, GivenProblem{i, field, fmt.Sprintf("A %s takes no such value.", strings.ToLower(k.Title))})
			}
		}
	}
	return read, problems
}

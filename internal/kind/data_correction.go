package kind

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// DataCorrection gives each patient the new values that a file has for it.
var DataCorrection = Kind{
	Name:     "data-correction",
	Title:    "Data Correction",
	Approver: staff.Manager,
	Undoable: true,
	ByFile:   true,
	Columns: []Column{
		{Field: registry.Name, Title: "Name", Others: []string{"patient name", "full name"}, Keep: true,
			Hint: "At most 200 characters", Example: "Ann Example", Read: atMost(200)},
		{Field: registry.BirthDate, Title: "Birth date", Others: []string{"date of birth", "dob", "birthday"}, Keep: true,
			Hint: "Year-month-day, not in the future", Example: "1958-03-09", Read: readBirthDate},
		{Field: registry.Phone, Title: "Phone", Others: []string{"phone number", "telephone"},
			Hint: "With + and the country code", Example: "+1 512-555-0123", Read: readPhone},
		{Field: registry.Email, Title: "E-mail", Others: []string{"email address"},
			Hint: "One address", Example: "ann@example.org", Read: readMail},
		{Field: registry.Address, Title: "Address",
			Hint: "On one line, at most 500 characters", Example: "12 Example Street, Springfield", Read: atMost(500)},
		{Field: registry.EmergencyName, Title: "Emergency contact", Others: []string{"emergency contact name"},
			Hint: "A name, at most 200 characters", Example: "Bob Example", Read: atMost(200)},
		{Field: registry.EmergencyPhone, Title: "Emergency phone", Others: []string{"emergency contact phone"},
			Hint: "With + and the country code", Example: "+1 512-555-0124", Read: readPhone},
		{Field: registry.Language, Title: "Language", Others: []string{"preferred language"},
			Hint: "A language's name or its code", Example: "Spanish", Read: readLanguage},
	},
	Summary: func(bulk.Params, registry.Directory) string { return "Correct patient data from a file" },
	Check: func(p bulk.Params, _ registry.Directory) []Problem {
		c := checker{params: p, kind: "A data correction"}
		return c.done()
	},
	New: func(bulk.Params, World) Planner { return correctionPlanner{} },
}

type correctionPlanner struct{}

func (correctionPlanner) Plan(s Subject) (bulk.Change, *bulk.Exclusion) {
	p := s.Patient
	if len(s.Given) == 0 {
		return bulk.Change{}, &bulk.Exclusion{Code: bulk.AlreadySo, Sentence: "The file has no new value for this patient."}
	}
	wanted := registry.Fields{}
	for field, value := range s.Given {
		if value == Clear {
			value = ""
		}
		wanted[field] = value
	}
	edit := profileEdit(p, wanted)
	if len(edit.After) == 0 {
		return bulk.Change{}, &bulk.Exclusion{Code: bulk.AlreadySo, Sentence: "The record has all values of the file already."}
	}
	return changeOf(p, edit), nil
}

// atMost takes any text of at most n characters.
func atMost(n int) func(string, time.Time) (string, string) {
	return func(text string, _ time.Time) (string, string) {
		if utf8.RuneCountInString(text) > n {
			return "", fmt.Sprintf("Shorten this text to at most %d characters.", n)
		}
		return text, ""
	}
}

// oldest is how many years ago somebody can have been born.
const oldest = 130

func readBirthDate(text string, at time.Time) (string, string) {
	date, err := time.Parse(time.DateOnly, text)
	switch {
	case err != nil && regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`).MatchString(text):
		return "", "There is no such day. Check the month and the day."
	case err != nil:
		return "", "Write the date as year-month-day, for example 1958-03-09. Format the column as text, so that the spreadsheet leaves it so."
	case date.After(at):
		return "", "This day is in the future. Check the year."
	case date.Before(at.AddDate(-oldest, 0, 0)):
		return "", fmt.Sprintf("This is more than %d years ago. Check the year.", oldest)
	}
	return text, ""
}

// e164 is a telephone number as ITU-T E.164 has it.
var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// readPhone takes a number with the marks that people put between digits.
func readPhone(text string, _ time.Time) (string, string) {
	number := strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "/", "").Replace(text)
	if !e164.MatchString(number) {
		return "", "Write the number with + and the country code, for example +1 512-555-0123."
	}
	return number, ""
}

// wholeMail asks for what people mean by an address: a name, one @ and a domain
// with a dot.
var wholeMail = regexp.MustCompile(`^[^@\s"(),:;<>\[\]\\]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)

// IsMail reports whether a text is one address to which mail can go.
func IsMail(text string) bool { return len(text) <= 254 && wholeMail.MatchString(text) }

func readMail(text string, _ time.Time) (string, string) {
	if !IsMail(text) {
		return "", "Write one e-mail address, for example ann@example.org."
	}
	return text, ""
}

// language is a tag such as es or pt-BR (BCP 47), or a name such as Spanish:
// records hold either.
var language = regexp.MustCompile(`^\pL[\pL\pM]+([ -][\pL\pM0-9]+)*$`)

func readLanguage(text string, _ time.Time) (string, string) {
	if !language.MatchString(text) || utf8.RuneCountInString(text) > 60 {
		return "", "Write a language's name or its code, for example Spanish or es-MX."
	}
	return text, ""
}

package kind

import (
	"fmt"
	"slices"
	"strings"

	"bulkops/internal/english"
)

// Placeholder is a name in braces that a message may hold; each recipient reads
// what it stands for.
type Placeholder struct {
	Name  string // {patients}
	Means string
	only  string // the answer to MessageType that has it; "" for all
}

// OnlyProviders reports whether only a Provider Notification has it.
func (p Placeholder) OnlyProviders() bool { return p.only == ToProviders }

// Placeholders are all there are.
var Placeholders = []Placeholder{
	{"{recipient}", "who gets the mail: a facility, a provider or a member of staff", ""},
	{"{patients}", "how many patients it is about, for example “12 patients”", ""},
	{"{facility}", "where these patients are", ""},
	{"{provider}", "their provider", ToProviders},
	{"{requester}", "who asks for the message", ""},
	{"{date}", "the day of the plan, for example “5 March 2027”", ""},
}

// checkPlaceholders says what is wrong with the braces of a message.
func checkPlaceholders(text, messageType string) []string {
	var problems []string
	for text != "" {
		open := strings.IndexAny(text, "{}")
		if open < 0 {
			break
		}
		end := strings.IndexAny(text[open+1:], "{}")
		if text[open] == '}' || end < 0 || text[open+1+end] == '{' {
			problems = append(problems, "A brace stands alone. Write a placeholder with both, for example {patients}, and use braces for nothing else.")
			break
		}
		name := text[open : open+end+2]
		text = text[open+end+2:]
		switch n := slices.IndexFunc(Placeholders, func(p Placeholder) bool { return p.Name == name }); {
		case n < 0:
			problems = append(problems, fmt.Sprintf("There is no placeholder %s. There are: %s.", english.Brief(name), strings.Join(placeholderNames(messageType), ", ")))
		case Placeholders[n].only != "" && Placeholders[n].only != messageType:
			problems = append(problems, fmt.Sprintf("%s stands for something only in a Provider Notification. Here there are: %s.", name, strings.Join(placeholderNames(messageType), ", ")))
		}
	}
	return problems
}

// placeholderNames are those that a message of the type may hold.
func placeholderNames(messageType string) []string {
	var names []string
	for _, p := range Placeholders {
		if p.only == "" || p.only == messageType {
			names = append(names, p.Name)
		}
	}
	return names
}

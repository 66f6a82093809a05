package fhir

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The data types of FHIR R4, as far as the import reads them.
// https://hl7.org/fhir/R4/datatypes.html
type (
	identifier struct {
		System string `json:"system"`
		Value  string `json:"value"`
	}
	reference struct {
		Reference  string     `json:"reference"`
		Identifier identifier `json:"identifier"`
		Display    string     `json:"display"`
	}
	coding struct {
		System  string `json:"system"`
		Code    string `json:"code"`
		Display string `json:"display"`
	}
	concept struct {
		Coding []coding `json:"coding"`
		Text   string   `json:"text"`
	}
	period struct {
		Start string `json:"start"`
		End   string `json:"end"`
	}
	humanName struct {
		Use    string   `json:"use"`
		Text   string   `json:"text"`
		Family string   `json:"family"`
		Given  []string `json:"given"`
		Prefix []string `json:"prefix"`
		Suffix []string `json:"suffix"`
	}
	contactPoint struct {
		System string `json:"system"`
		Value  string `json:"value"`
		Use    string `json:"use"`
	}
	address struct {
		Use        string   `json:"use"`
		Text       string   `json:"text"`
		Line       []string `json:"line"`
		City       string   `json:"city"`
		State      string   `json:"state"`
		PostalCode string   `json:"postalCode"`
		Country    string   `json:"country"`
	}
)

// given reports whether anything refers.
func (r reference) given() bool { return r.Reference != "" || r.Identifier.Value != "" }

// words are what people read of a concept: its text, or a coding's display.
func (c concept) words() string {
	if c.Text != "" {
		return c.Text
	}
	for _, code := range c.Coding {
		if code.Display != "" {
			return code.Display
		}
	}
	return c.code()
}

func (c concept) code() string {
	for _, code := range c.Coding {
		if code.Code != "" {
			return code.Code
		}
	}
	return ""
}

// How long a stored text may be, in characters. A name is the key of indexes,
// which take 1,024 bytes.
const (
	maxText = 500
	maxName = 200
)

// tidy makes one line of a text and cuts what is over the limit.
func tidy(text string, limit int) (tidied string, cut bool) {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\ufffd"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	if utf8.RuneCountInString(text) <= limit {
		return text, false
	}
	return string([]rune(text)[:limit-1]) + "…", true
}

// moment reads a FHIR dateTime, which may be as short as a year. The zone is
// the one it was written in, UTC where it has none.
func moment(text string) (at time.Time, ok bool) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, "2006-01", "2006"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, at.UTC().Year() <= 9999 // a later year has no place in a key
		}
	}
	return time.Time{}, false
}

// date is the day of a dateTime as it was written there; "" for less than a day.
func date(text string) string {
	if at, ok := moment(text); ok && len(text) >= len(time.DateOnly) {
		return at.Format(time.DateOnly)
	}
	return ""
}

// flag is a boolean whose absence means yes.
type flag struct{ no bool }

func (f *flag) UnmarshalJSON(raw []byte) error {
	var yes *bool
	err := json.Unmarshal(raw, &yes)
	f.no = yes != nil && !*yes
	return err
}

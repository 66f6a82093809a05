package kind_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

func correct(given registry.Fields) (bulk.Change, *bulk.Exclusion) {
	who := patient(registry.Active)
	who.Fields[registry.Phone], who.Fields[registry.Email] = "+15125550100", "old@example.org"
	return kind.DataCorrection.New(nil, kind.World{At: noon}).Plan(kind.Subject{Patient: who, Given: given})
}

func TestACorrectionWritesWhatDiffers(t *testing.T) {
	change, exclusion := correct(registry.Fields{"phone": kind.Clear, "email": "old@example.org", "language": "es", "address": kind.Clear})
	if exclusion != nil || len(change.Edits) != 1 {
		t.Fatalf("%+v %+v", change, exclusion)
	}
	e := change.Edits[0]
	if !maps.Equal(e.Before, registry.Fields{"phone": "+15125550100", "language": ""}) || !maps.Equal(e.After, registry.Fields{"phone": "", "language": "es"}) {
		t.Errorf("%v → %v", e.Before, e.After)
	}
	if e.Reads[registry.FacilityField] != "fac-1" || change.Subject != "00042" || change.Name != "Ada" || change.Facility != "fac-1" {
		t.Errorf("%+v", change)
	}
}

func TestACorrectionThatChangesNothing(t *testing.T) {
	for sentence, given := range map[string]registry.Fields{
		"The file has no new value for this patient.":    {},
		"The record has all values of the file already.": {"email": "old@example.org", "address": kind.Clear},
	} {
		if _, x := correct(given); x == nil || x.Code != bulk.AlreadySo || x.Sentence != sentence {
			t.Errorf("%v: %+v", given, x)
		}
	}
}

func TestACorrectionIsAskedWithAFileAndNoQuestion(t *testing.T) {
	k := kind.DataCorrection
	if k.Approver != staff.Manager || !k.Undoable || !k.ByFile {
		t.Errorf("%+v", k)
	}
	if p := k.Check(bulk.Params{"to": "Active"}, registry.Directory{}); len(p) != 1 || p[0].Field != "to" {
		t.Errorf("%v", p)
	}
	if p := k.Check(nil, registry.Directory{}); len(p) != 0 {
		t.Errorf("%v", p)
	}
}

func TestWhatEachColumnTakes(t *testing.T) {
	long := strings.Repeat("ü", 200)
	for _, test := range []struct{ column, text, value, problem string }{
		{"name", "  Ann \t O'Hara ", "Ann O'Hara", ""},
		{"name", long, long, ""},
		{"name", long + "x", "", "Shorten this text to at most 200 characters."},
		{"name", "<Clear>", "", "The name cannot be cleared."},
		{"name", "می\u200cخواهم", "می\u200cخواهم", ""},
		{"name", "Ann\u202eevil", "", "This cell has characters that cannot be read."},
		{"name", "Zo\xeb", "", "This cell has characters in an older encoding."},
		{"birth date", "1958-03-09", "1958-03-09", ""},
		{"birth date", "2026-12-01", "2026-12-01", ""},
		{"birth date", "2026-12-02", "", "This day is in the future."},
		{"birth date", "1858-03-09", "", "This is more than 130 years ago."},
		{"birth date", "2025-02-29", "", "There is no such day."},
		{"birth date", "2024-02-29", "2024-02-29", ""},
		{"birth date", "3/9/1958", "", "Write the date as year-month-day"},
		{"birth date", "<clear>", "", "The birth date cannot be cleared."},
		{"phone", "+1 (512) 555-0123", "+15125550123", ""},
		{"phone", "<clear>", kind.Clear, ""},
		{"phone", "512 555 0123", "", "Write the number with +"},
		{"phone", "+0512555012", "", "Write the number with +"},
		{"phone", "+1234567890123456", "", "Write the number with +"},
		{"phone", "1.5E+10", "", "Write the number with +"},
		{"e-mail", "ann.o'hara+x@mail.example.org", "ann.o'hara+x@mail.example.org", ""},
		{"e-mail", "ann@example", "", "Write one e-mail address"},
		{"e-mail", "Ann <ann@example.org>", "", "Write one e-mail address"},
		{"e-mail", "a@example.org, b@example.org", "", "Write one e-mail address"},
		{"address", "12 Main Street\r\nSpringfield", "12 Main Street Springfield", ""},
		{"emergency contact", "Bob", "Bob", ""},
		{"emergency phone", "+49.30.901820", "+4930901820", ""},
		{"language", "pt-BR", "pt-BR", ""},
		{"language", "Haitian Creole", "Haitian Creole", ""},
		{"language", "12", "", "Write a language's name or its code"},
		{"language", "", "", ""},
	} {
		c, ok := kind.DataCorrection.ColumnFor(test.column)
		if !ok {
			t.Fatalf("there is no column %q", test.column)
		}
		value, problem := c.Value(test.text, noon)
		if value != test.value || !strings.HasPrefix(problem, test.problem) || (problem == "") != (test.problem == "") {
			t.Errorf("%s %q: %q, %q; want %q, %q", test.column, test.text, value, problem, test.value, test.problem)
		}
		if again, _ := c.Value(value, noon); again != value {
			t.Errorf("%s: %q is read as %q", test.column, value, again)
		}
	}
}

// What is read once is read again where the engine takes it, to the same.
func TestColumnsAreWhole(t *testing.T) {
	for _, k := range kind.All {
		headings := map[string]string{}
		for _, c := range k.Columns {
			value, problem := c.Value(c.Example, time.Now())
			if c.Title == "" || c.Hint == "" || value == "" || problem != "" {
				t.Errorf("%s: %+v, its example gives %q", k.Name, c, problem)
			}
			for _, heading := range append([]string{c.Field, c.Title}, c.Others...) {
				plain := kind.PlainHeading(heading)
				if other, taken := headings[plain]; taken && other != c.Field {
					t.Errorf("%s: %q stands for two columns", k.Name, heading)
				}
				headings[plain] = c.Field
			}
		}
	}
}

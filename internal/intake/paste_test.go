package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bulkops/internal/fault"
	"bulkops/internal/intake"
)

func TestPastedIDs(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		ids   []string
		twice int
	}{
		"one a line":               {"000123\n000124\r\n000125", []string{"000123", "000124", "000125"}, 0},
		"any separators":           {"000123,000124; 000125\t000126 000127\u00a0000128，000129", []string{"000123", "000124", "000125", "000126", "000127", "000128", "000129"}, 0},
		"duplicates keep order":    {"000124 000123 000124 000124", []string{"000124", "000123"}, 2},
		"leading zeros differ":     {"123 000123", []string{"123", "000123"}, 0},
		"invisible marks":          {"\ufeff000123\u200b\n\u200e000124", []string{"000123", "000124"}, 0},
		"with its heading":         {"\nPatient ID\n000123", []string{"000123"}, 0},
		"as another program lists": {`"000123", '000124', ="000125"`, []string{"000123", "000124", "000125"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := intake.Paste(c.text, 100)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.IDs, c.ids) || got.Duplicates != c.twice {
				t.Errorf("got %q, %d duplicates; want %q, %d", got.IDs, got.Duplicates, c.ids, c.twice)
			}
			if s := got.Selection(); s.Source != "pasted" || s.Rows != nil {
				t.Errorf("selection %+v", s)
			}
		})
	}
}

func TestPastedTextThatCannotBeUsed(t *testing.T) {
	var many strings.Builder
	for i := range 101 {
		fmt.Fprintln(&many, i)
	}
	for name, c := range map[string]struct {
		text string
		code fault.Code
		says string
	}{
		"nothing":         {"", fault.Invalid, "There is no patient id in the text."},
		"only separators": {" ,;\n\t\u00a0", fault.Invalid, "There is no patient id in the text."},
		"only a heading":  {"mrn\n", fault.Invalid, "There is no patient id in the text."},
		"scientific":      {"000123\n1.23E+05 9.9E+11\n", fault.Invalid, "Line 2 has an id that a spreadsheet turned into a number"},
		"too long":        {strings.Repeat("9", 65), fault.Invalid, "Line 1 has an id of more than 64 characters"},
		"unreadable":      {"a\x00b\n\xff\n", fault.Invalid, "Line 1 has an id with characters that cannot be read"},
		"too many":        {many.String(), fault.TooLarge, "There are 101 patient ids; one operation takes at most 100."},
		"too much":        {strings.Repeat(" ", intake.MaxPaste+1), fault.TooLarge, "longer than 4 MB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := intake.Paste(c.text, 100)
			wants(t, err, c.code, c.says)
		})
	}
}

func FuzzPaste(f *testing.F) {
	for _, seed := range []string{"1,2", "\"", "=\"\"", "'1'\n\xff", "Patient ID\n1", "\u2028\ufeff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := intake.Paste(text, 100)
		holds(t, got, err)
	})
}

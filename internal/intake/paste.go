package intake

import (
	"strings"
	"unicode"

	"bulkops/internal/export/csvfile"
	"bulkops/internal/fault"
)

// MaxPaste is the longest text that is read, in bytes; 100,000 ids take less
// than a quarter of it in practice.
const MaxPaste = 4 << 20

// idSeparators part pasted ids, besides every kind of space and line end. The
// last three are what East Asian keyboards write.
const idSeparators = ",;，；、"

// Paste reads ids from pasted text: parted by line ends, commas, semicolons,
// tabs or spaces in any mix, since an id holds none of them. A first line that
// is only a column's name (Patient ID) is skipped. More than max different ids
// are fault.TooLarge; text without ids, or with ids that cannot be right, is
// fault.Invalid.
func Paste(text string, max int) (Result, error) {
	if len(text) > MaxPaste {
		return Result{}, PastedTooMuch()
	}
	g := gatherer("Line")
	heading := true // nothing but empty lines so far
	number := 0
	for line := range strings.Lines(text) {
		number++
		if trim(line) == "" {
			continue
		}
		if heading {
			heading = false
			if isIDColumn(line) {
				continue
			}
		}
		for entry := range strings.FieldsFuncSeq(line, partsIDs) {
			if id := clean(csvfile.Plain(unquote(entry))); id != "" {
				g.add(id, number)
			}
		}
	}
	if err := g.verdict(max); err != nil {
		return Result{}, err
	}
	if len(g.ids) == 0 {
		return Result{}, fault.New(fault.Invalid, "There is no patient id in the text. Paste at least one, each on its own line or separated by commas.")
	}
	return Result{IDs: g.ids, Duplicates: g.twice}, nil
}

// PastedTooMuch refuses a text over MaxPaste.
func PastedTooMuch() error {
	return fault.New(fault.TooLarge, "The pasted text is longer than %d MB. Split it over several operations, or upload a CSV file.", MaxPaste>>20)
}

func partsIDs(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(idSeparators, r) }

// unquote takes the quotation marks off "000123", as lists copied from other
// programs have them.
func unquote(entry string) string {
	entry = trim(entry)
	if n := len(entry); n >= 2 && (entry[0] == '"' || entry[0] == '\'') && entry[n-1] == entry[0] {
		return entry[1 : n-1]
	}
	return entry
}

package intake

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"bulkops/internal/english"
)

// flaw is why a cell or a row cannot be used.
type flaw int

const (
	sound      flaw = iota
	openQuote       // a quotation mark that nothing closes
	inQuote         // text after a closing quotation mark
	tooWide         // more cells than a spreadsheet has columns
	ragged          // more cells than there are columns
	scientific      // 1.23E+5: a spreadsheet took the id for a number
	encoding        // bytes that are not UTF-8
	several         // a cell with a space or a separator inside
	tooLong
	unreadable
)

// flawOrder is the order in which flaws are told: those of the file first,
// because repairing them may remove the others.
var flawOrder = []flaw{openQuote, inQuote, tooWide, ragged, encoding, scientific, several, tooLong, unreadable}

// flawSentences continue "Row 7" or "Rows 7, 9".
var flawSentences = map[flaw]string{
	openQuote: "opens a quotation mark that is never closed, so everything after it reads as one cell. Remove that quotation mark, or save the file from a spreadsheet as CSV (UTF-8).",
	inQuote:   "has text directly after a closing quotation mark, so the cells cannot be told apart. Write a quotation mark inside a cell twice, or save the file from a spreadsheet as CSV (UTF-8).",
	tooWide:   "has more cells than a spreadsheet has columns. Check which separator the file uses.",
	ragged:    "has more cells than there are column names, so the ids may stand in the wrong column. Put cells that contain the separator in quotation marks, or save the file from a spreadsheet as CSV (UTF-8).",
	encoding:  "has a patient id with characters in an older encoding. " + saveAsUTF8,
	scientific: "has an id that a spreadsheet turned into a number such as 1.23E+5, so its digits are lost. " +
		"Format the id column as text, put the ids in again from their source, and send it again.",
	several:    "has more than one id in a cell. Put each id in a row of its own.",
	tooLong:    fmt.Sprintf("has an id of more than %d characters. Check that the column holds patient ids.", MaxID),
	unreadable: "has an id with characters that cannot be read. Type that id again.",
}

const saveAsUTF8 = "In Excel choose Save As and the type “CSV UTF-8 (comma delimited)”; in LibreOffice tick “Edit filter settings” and choose the character set Unicode (UTF-8)."

// scientificNumber is how spreadsheets show a long number. The sign is asked
// for because they always write it, and an id such as 12E4 has none.
var scientificNumber = regexp.MustCompile(`^[0-9]+([.,][0-9]+)?[eE][+-][0-9]+$`)

func flawOf(id string) flaw {
	switch {
	case !utf8.ValidString(id):
		return encoding
	case scientificNumber.MatchString(id):
		return scientific
	case strings.ContainsFunc(id, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(idSeparators, r) }):
		return several
	case len(id) > MaxID:
		return tooLong
	case !readable(id):
		return unreadable
	}
	return sound
}

// listedRows is how many rows a sentence names.
const listedRows = 20

// rowList counts rows and remembers the first ones.
type rowList struct {
	first []int
	count int
}

func (l *rowList) add(row int) {
	if n := len(l.first); n > 0 && l.first[n-1] == row {
		return // the same row twice: a line of pasted text can hold many ids
	}
	if l.count++; len(l.first) < listedRows {
		l.first = append(l.first, row)
	}
}

// name is "Row 7", "Rows 7, 9" or "Rows 7, 9, … and 35 more: each".
func (l *rowList) name(place string) string {
	if l.count == 1 {
		return place + " " + strconv.Itoa(l.first[0])
	}
	numbers := make([]string, len(l.first))
	for i, row := range l.first {
		numbers[i] = strconv.Itoa(row)
	}
	text := place + "s " + strings.Join(numbers, ", ")
	if more := l.count - len(l.first); more > 0 {
		text += " and " + english.Number(more) + " more"
	}
	return text + ": each"
}

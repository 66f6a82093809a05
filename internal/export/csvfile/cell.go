// Package csvfile writes CSV files that people open in spreadsheets.
package csvfile

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// formulaStarts begin what spreadsheets compute instead of showing: ASCII, and
// the wide forms that some take for the same.
const formulaStarts = "=+-@＝＋－＠"

// Cell makes a value safe for a spreadsheet: one that would be taken for a
// formula gets an apostrophe in front, which spreadsheets take as "this is
// text". (OWASP, CSV Injection.) Every file made for people to open uses it.
// A telephone number keeps every character: '+1 555 0100 instead of a sum.
//
// It guards the beginning of the cell. What a program makes of it that parts
// cells elsewhere, docs/exports.md says.
func Cell(value string) string {
	if computed(value) {
		return "'" + value
	}
	return value
}

// Plain gives back every value of which Cell made the cell.
func Plain(cell string) string {
	if value, marked := strings.CutPrefix(cell, "'"); marked && computed(value) {
		return value
	}
	return cell
}

// computed says whether a spreadsheet could take a value for a formula, or pass
// over how it begins. An apostrophe that is the value's own changes nothing, so
// Plain can tell it from Cell's.
func computed(value string) bool {
	value = strings.TrimLeft(value, "'")
	first, _ := utf8.DecodeRuneInString(value)
	if unicode.IsControl(first) {
		return true
	}
	first, _ = utf8.DecodeRuneInString(strings.TrimLeftFunc(value, blank))
	return strings.ContainsRune(formulaStarts, first)
}

// blank is what shows nothing, so that a reader may pass over it.
func blank(r rune) bool { return unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf) }

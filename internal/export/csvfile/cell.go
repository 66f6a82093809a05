// Package csvfile writes CSV files that people open in spreadsheets.
package csvfile

import (
	"strings"
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
// Plain takes it away again.
func Cell(value string) string {
	if value == "" {
		return value
	}
	switch value[0] {
	case '\t', '\r', 0:
		return "'" + value
	}
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(value, " \t\r\n\v\f\u00a0\ufeff\x00"))
	if first != utf8.RuneError && strings.ContainsRune(formulaStarts, first) {
		return "'" + value
	}
	return value
}

// Plain is the value of a cell that Cell may have made.
func Plain(cell string) string {
	if value, marked := strings.CutPrefix(cell, "'"); marked && Cell(value) == cell {
		return value
	}
	return cell
}

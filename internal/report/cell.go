// Package report writes what people take away from an operation as files that
// spreadsheets open.
package report

import "strings"

// formulaStarts begin what spreadsheets compute instead of showing: ASCII, and
// the wide forms that some take for the same.
const formulaStarts = "=+-@＝＋－＠"

// Cell makes a value safe for a spreadsheet: one that would be taken for a
// formula gets an apostrophe in front, which spreadsheets take as "this is
// text". (OWASP, CSV Injection.) Every file made for people to open uses it.
func Cell(value string) string {
	visible := strings.TrimLeft(value, " \t\r\n\v\f\u00a0\ufeff\x00")
	if visible != "" && strings.ContainsRune(formulaStarts, []rune(visible)[0]) || strings.HasPrefix(value, "\t") || strings.HasPrefix(value, "\r") {
		return "'" + value
	}
	return value
}

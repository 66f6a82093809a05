package main

import (
	"strings"
	"time"
	"unicode"
)

// visible makes text safe to show on a terminal: what would move the cursor or
// turn the line around is shown as a box.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return '\ufffd'
		}
		return r
	}, text)
}

// oneLine is visible text without line ends and tabs, for a cell of a table.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(visible(text), func(r rune) bool { return r == '\n' || r == '\t' }), " ")
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Package intake reads patient ids from what people paste and upload. It does
// no I/O besides the reader it is given. What it cannot read it refuses as a
// whole, with sentences that name rows and say how to repair them but repeat
// no patient data: half a selection would be worse than none.
package intake

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

// MaxID is the longest patient id in bytes; FHIR allows no longer one.
const MaxID = 64

// Result is what was read: each id once, in the order of its first mention.
type Result struct {
	IDs        []string
	Rows       []int  // for each id the row as a spreadsheet shows it; nil for pasted ids
	Duplicates int    // further mentions that were merged
	Blank      int    // rows without an id, skipped; empty rows at the end are not counted
	File       string // SHA-256 of the file, in hexadecimal; "" for pasted ids

	Given   []registry.Fields // for each id what the kind's columns hold; nil where the file has none of them
	Columns []ReadColumn      // those that were read
	Ignored []string          // names of the other columns, for a kind that has columns
	Sheet   *bulk.Sheet       // the file's rows, one for each id; nil for pasted ids and where there is too much to keep
}

// ReadColumn is a column that was read: how many values it has, and how many
// cells clear a field.
type ReadColumn struct {
	Title           string
	Values, Cleared int
}

// Selection is the result as an operation stores it.
func (r Result) Selection() bulk.Selection {
	if r.File == "" {
		return bulk.Selection{Source: bulk.Pasted, IDs: r.IDs}
	}
	return bulk.Selection{Source: bulk.Uploaded, IDs: r.IDs, Rows: r.Rows, File: r.File, Given: r.Given, Sheet: r.Sheet}
}

// gathering collects ids and, for those that cannot be used, the rows they
// stand in, so that one answer names everything there is to repair.
type gathering struct {
	place string         // what the numbers count: "Row" or "Line"
	seen  map[string]int // where in ids
	ids   []string
	rows  []int
	twice int
	bad   map[flaw]*rowList
}

func gatherer(place string) *gathering {
	return &gathering{place: place, seen: map[string]int{}, bad: map[flaw]*rowList{}}
}

// add takes one id, already cleaned and not empty.
func (g *gathering) add(id string, row int) {
	if f := flawOf(id); f != sound {
		g.spoil(f, row)
		return
	}
	if _, known := g.seen[id]; known {
		g.twice++
		return
	}
	id = strings.Clone(id) // or every id would keep the whole upload in memory
	g.seen[id] = len(g.ids)
	g.ids = append(g.ids, id)
	g.rows = append(g.rows, row)
}

func (g *gathering) spoil(f flaw, row int) {
	if g.bad[f] == nil {
		g.bad[f] = &rowList{}
	}
	g.bad[f].add(row)
}

// verdict is the fault for everything that was spoilt, or for more ids than
// max; nil when the ids can be used.
func (g *gathering) verdict(max int) error {
	var sentences []string
	for _, f := range flawOrder {
		if rows := g.bad[f]; rows != nil {
			sentences = append(sentences, rows.name(g.place)+" "+flawSentences[f])
		}
	}
	if len(sentences) > 0 {
		return fault.New(fault.Invalid, "%s", strings.Join(sentences, " "))
	}
	if len(g.ids) > max {
		return fault.New(fault.TooLarge, "There are %s patient ids; one operation takes at most %s. Split them over several operations.",
			english.Number(len(g.ids)), english.Number(max))
	}
	return nil
}

// clean removes what surrounds an id without belonging to it: spaces,
// no-break spaces, marks that nobody can see (byte order, direction, zero
// width), and the ="…" by which spreadsheets are made to keep leading zeros.
func clean(cell string) string {
	cell = trim(cell)
	if inner, ok := strings.CutPrefix(cell, `="`); ok {
		if inner, ok = strings.CutSuffix(inner, `"`); ok {
			return trim(inner)
		}
	}
	return cell
}

func trim(s string) string {
	return registry.NormalID(strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r)
	}))
}

// looksLikeID reports whether a cell holds data rather than a column's name:
// digits without letters, or a mix with more digits than letters.
func looksLikeID(cell string) bool {
	digits, others := 0, 0
	for _, r := range clean(cell) {
		if unicode.IsDigit(r) {
			digits++
		} else if unicode.IsLetter(r) {
			others++
		}
	}
	return digits > others
}

// readable reports whether an id has only characters that an id can have.
func readable(id string) bool {
	return utf8.ValidString(id) && !strings.ContainsFunc(id, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError
	})
}

// Package export writes tables as files that only their passphrase opens: CSV
// in a ZIP with WinZip's AES-256, or Excel with ECMA-376 Agile encryption. Rows
// go through one by one; memory does not grow with them.
//
// Equal input gives equal plain content, and so an equal digest. Only salts and
// keys differ.
package export

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"bulkops/internal/english"
	"bulkops/internal/export/xlsx"
	"bulkops/internal/fault"
)

// Format is a file format. Its text is a contract: parameters hold it.
type Format string

const (
	CSV   Format = "csv"
	Excel Format = "excel"
)

// Formats are all formats, in the order in which pages offer them.
var Formats = []Format{CSV, Excel}

// Extension is the end of a file's name in the format, with the dot.
func (f Format) Extension() string {
	if f == Excel {
		return ".xlsx"
	}
	return ".zip"
}

// MediaType is the media type of a file in the format.
func (f Format) MediaType() string {
	if f == Excel {
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return "application/zip"
}

// Column is one column of a table: its title, the type of its cells, and its
// width in characters, 0 for what suits its first rows. Cells are given as text always,
// and CSV writes that text. In Excel, a text that is not exactly of its column's
// type is written as the text it is, so nothing is lost.
type Column = xlsx.Column

// The types of columns.
const (
	Text   = xlsx.Text   // as it is: names, ids, telephone numbers, with leading zeros
	Note   = xlsx.Note   // long text, over several lines
	Date   = xlsx.Date   // 2006-01-02
	Moment = xlsx.Moment // 2006-01-02T15:04 or 2006-01-02T15:04:05, in the time zone that the cover names
	Number = xlsx.Number // a decimal number
)

// Table is a table before its rows: a sheet of Excel, a CSV file of the ZIP.
// Its name has at most 25 characters and none of \ / ? * [ ] : ' < > | "
type Table struct {
	Name    string
	Columns []Column
}

// Fact is one line of the cover: who asked, who approved, why, when, …
type Fact struct{ Name, Value string }

// File is what a file is made of, besides its tables.
type File struct {
	Format     Format
	Title      string    // what stands on top of the cover
	Cover      []Fact    // in this order; counts of rows follow by themselves
	Made       time.Time // when the file says it was made; the same again when it is made again
	Passphrase string
}

// Summary is what came out.
type Summary struct {
	Rows    int      // of all tables together
	Tables  []Count  // of each table
	Digest  string   // SHA-256 of the plain content in hexadecimal, see docs/exports.md
	Bytes   int64    // the size of the file
	Remarks []string // sentences about what does not stand in the file as it was given; no patient data
}

// Count is how many rows a table has, as they were given.
type Count struct {
	Table string
	Rows  int
}

// Writer writes one file: a call of Table, one of Row for each of its rows, the
// next Table, …, Close. After an error the file is not good and only Discard
// helps.
type Writer struct {
	out     *counting
	format  format
	columns int
	counts  []Count
	broken  int // cells that were no valid text
}

// format is what a file format does with tables that are well formed.
type format interface {
	begin(Table) error
	row(cells []string) error
	// close ends the file with its cover and returns the digest.
	close(cover []Fact) (string, error)
	// remarks are sentences about what had to be written otherwise.
	remarks() []string
	discard()
}

// New begins a file that goes to w, in order and without going back. Each use
// ends with Close or Discard.
func New(w io.Writer, f File) (*Writer, error) {
	if f.Passphrase == "" {
		return nil, fault.New(fault.Internal, "A file without a passphrase was asked for.")
	}
	f.Title, f.Cover = valid(f.Title), slices.Clone(f.Cover)
	for i, fact := range f.Cover {
		f.Cover[i] = Fact{valid(fact.Name), valid(fact.Value)}
	}
	out := &counting{w: w}
	switch f.Format {
	case CSV:
		return &Writer{out: out, format: newCSV(out, f)}, nil
	case Excel:
		excel, err := newExcel(out, f)
		if err != nil {
			return nil, err
		}
		return &Writer{out: out, format: excel}, nil
	}
	return nil, fault.New(fault.Invalid, "The file format %q is unknown. Choose %s or %s.", f.Format, CSV, Excel)
}

// Table begins a table. Its row of titles is written by itself.
func (w *Writer) Table(t Table) error {
	if n := utf8.RuneCountInString(t.Name); n == 0 || n > 25 || strings.ContainsAny(t.Name, `\/?*[]:'<>|"`) || len(t.Columns) == 0 {
		return fault.New(fault.Internal, "The table %q cannot be written: it needs columns, and a name of at most 25 characters without \\ / ? * [ ] : ' < > | \".", t.Name)
	}
	taken := func(c Count) bool { return strings.EqualFold(c.Table, t.Name) }
	if slices.ContainsFunc(w.counts, taken) || taken(Count{Table: CoverSheet}) {
		return fault.New(fault.Internal, "There are two tables with the name %q.", t.Name)
	}
	w.columns = len(t.Columns)
	w.counts = append(w.counts, Count{Table: t.Name})
	return w.format.begin(t)
}

// Row writes one row of the table. It keeps nothing of cells, but may change
// them.
func (w *Writer) Row(cells []string) error {
	if len(w.counts) == 0 || len(cells) != w.columns {
		return fault.New(fault.Internal, "A row of %d cells was given for %d columns.", len(cells), w.columns)
	}
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			cells[i] = valid(cell)
			w.broken++
		}
	}
	w.counts[len(w.counts)-1].Rows++
	return w.format.row(cells)
}

// Close ends the file, with facts for its cover that are known only now. Without
// an error it is complete.
func (w *Writer) Close(facts ...Fact) (Summary, error) {
	s := Summary{Tables: w.counts, Remarks: w.format.remarks()}
	if w.broken > 0 {
		s.Remarks = append(s.Remarks, english.Count(w.broken, "cell held", "cells held")+" bytes that are no text; each such place shows \ufffd.")
	}
	facts = slices.Clone(facts)
	for _, c := range w.counts {
		s.Rows += c.Rows
		facts = append(facts, Fact{"Rows in " + c.Table, strconv.Itoa(c.Rows)})
	}
	for _, r := range s.Remarks {
		facts = append(facts, Fact{"Note", r})
	}
	var err error
	s.Digest, err = w.format.close(facts)
	s.Bytes = w.out.bytes
	return s, err
}

// Discard gives up a file that was not closed, and frees what it holds. After
// Close it does nothing, so it can be deferred.
func (w *Writer) Discard() { w.format.discard() }

// valid is a text as it can be shown.
func valid(text string) string { return strings.ToValidUTF8(text, "\ufffd") }

// counting counts what goes through it.
type counting struct {
	w     io.Writer
	bytes int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.bytes += int64(n)
	return n, err
}

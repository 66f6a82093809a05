// Package xlsx writes Excel workbooks row by row, in one pass and constant
// memory. Equal input gives equal bytes.
package xlsx

import (
	"archive/zip"
	"compress/flate"
	"fmt"
	"io"
	"slices"
	"time"
)

// Excel's limits. Tests lower them.
var (
	maxRows = 1_048_576 // of a sheet, with its titles
	maxText = 32_767    // of a cell, in units of UTF-16
)

// Type says how the cells of a column look. Cells are given as text always. A
// text that is not exactly of its column's type becomes a cell of text, so
// nothing is lost.
type Type int

const (
	Text   Type = iota // as it is: names, ids, telephone numbers, with leading zeros
	Note               // long text, over several lines
	Date               // 2006-01-02
	Moment             // 2006-01-02T15:04 or 2006-01-02T15:04:05
	Number             // a decimal number
)

// Column is one column of a table.
type Column struct {
	Title string
	Type  Type
	Width int // in characters; 0 for what suits the type, the title and the first rows
}

// Cover is the first sheet: a title, and lines of a name and a value.
type Cover struct {
	Sheet, Title string
	Lines        [][2]string
	Made         time.Time
}

// Writer writes one workbook: Sheet, its rows, the next Sheet, …, Close.
type Writer struct {
	zip    *zip.Writer
	part   io.Writer // the part that is open
	buffer []byte
	sheets []sheet
	held   [][]string // the first rows of the sheet, whose widths make those of its columns
	long   int
}

// sheet is one sheet of the workbook. A table of many rows has several.
type sheet struct {
	name    string
	table   string // its name, and which of its sheets this is
	number  int
	columns []Column // none for the cover
	letters []string
	looks   []look
	started bool // whether the titles are written
	rows    int
}

// NewWriter returns a writer of a workbook to w.
func NewWriter(w io.Writer) *Writer {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, compression) })
	return &Writer{zip: z, buffer: make([]byte, 0, 2*flushAt)}
}

const (
	compression = 5 // the next level takes half as long again and saves nothing
	flushAt     = 64 << 10
	measured    = 200 // rows
)

// Sheet ends the sheet before and begins one.
func (w *Writer) Sheet(name string, columns []Column) error {
	s := sheet{name: name, table: name, number: 1, columns: columns}
	for i := range columns {
		s.letters = append(s.letters, letters(i))
	}
	return w.open(s)
}

// start writes the sheet up to its titles, and the rows that were held back.
func (w *Writer) start() error {
	s, held := w.sheet(), w.held
	s.started, w.held = true, nil
	s.columns = fitted(s.columns, held)
	titles, looks := make([]string, len(s.columns)), make([]look, len(s.columns))
	s.looks = nil
	for i, c := range s.columns {
		titles[i], looks[i] = c.Title, look{style: titleStyle(c.Type)}
		s.looks = append(s.looks, c.look())
	}
	w.buffer = sheetStart(w.buffer, s.columns)
	if err := w.row(titles, looks); err != nil {
		return err
	}
	for _, row := range held {
		if err := w.shortRow(row); err != nil {
			return err
		}
	}
	return nil
}

// open ends the sheet before and begins the part of another.
func (w *Writer) open(s sheet) error {
	if err := w.end(); err != nil {
		return err
	}
	w.sheets = append(w.sheets, s)
	return w.create(sheetPart(len(w.sheets)))
}

// end ends the sheet that is open, if one is.
func (w *Writer) end() error {
	if len(w.sheets) == 0 {
		return nil
	}
	if !w.sheet().started {
		if err := w.start(); err != nil {
			return err
		}
	}
	w.buffer = sheetEnd(w.buffer, w.sheet())
	return w.flush()
}

func (w *Writer) sheet() *sheet { return &w.sheets[len(w.sheets)-1] }

// Row writes one row of the sheet. A text too long for a cell continues in the
// row below, which repeats the first cell; both places say so. After the last
// row that a sheet holds the next goes to another sheet, "Name (2)".
func (w *Writer) Row(cells []string) error {
	for _, cell := range cells {
		if len(cell) > maxText && units(cell) > maxText {
			return w.longRow(cells)
		}
	}
	return w.shortRow(cells)
}

func (w *Writer) shortRow(cells []string) error {
	s := w.sheet()
	if !s.started {
		if w.held = append(w.held, slices.Clone(cells)); len(w.held) < measured {
			return nil
		}
		return w.start()
	}
	if s.rows == maxRows {
		next := sheet{table: s.table, number: s.number + 1, columns: s.columns, letters: s.letters}
		next.name = fmt.Sprintf("%s (%d)", next.table, next.number)
		if err := w.open(next); err != nil {
			return err
		}
		if err := w.start(); err != nil {
			return err
		}
	}
	return w.row(cells, w.sheet().looks)
}

func (w *Writer) row(cells []string, looks []look) error {
	s := w.sheet()
	s.rows++
	w.buffer = appendRow(w.buffer, s, cells, looks)
	if len(w.buffer) < flushAt {
		return nil
	}
	return w.flush()
}

func (w *Writer) flush() error {
	_, err := w.part.Write(w.buffer)
	w.buffer = w.buffer[:0]
	return err
}

func (w *Writer) create(name string) (err error) {
	w.part, err = w.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
	return err
}

// Long is how many texts continue in the row below.
func (w *Writer) Long() int { return w.long }

// Close writes the cover and the workbook around the sheets.
func (w *Writer) Close(c Cover) error {
	if err := w.open(coverOf(c)); err != nil {
		return err
	}
	w.buffer = append(w.buffer, coverStart...)
	if err := w.row([]string{c.Title}, []look{{style: styleCover}}); err != nil {
		return err
	}
	w.sheet().rows++ // an empty one
	for _, line := range c.Lines {
		if err := w.Row(line[:]); err != nil {
			return err
		}
	}
	if err := w.end(); err != nil {
		return err
	}
	for _, part := range w.frame(c) {
		if err := w.create(part.name); err != nil {
			return err
		}
		if _, err := w.part.Write(part.content); err != nil {
			return err
		}
	}
	return w.zip.Close()
}

// letters are the name of a column: A, …, Z, AA, …
func letters(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return letters(i/26-1) + string(rune('A'+i%26))
}

package csvfile

import (
	"io"
	"strings"
)

// byteOrderMark makes spreadsheets read the file as UTF-8.
const byteOrderMark = "\ufeff"

// flushAt is how many bytes are held back at most, but for one row.
const flushAt = 64 << 10

// Writer writes rows as RFC 4180 has them: comma, CRLF, quotes where they are
// needed. Line breaks inside a cell stay as they are, byte by byte.
type Writer struct {
	w      io.Writer
	buffer []byte
}

// NewWriter returns a writer. The file begins with the mark that it is UTF-8,
// also without rows.
func NewWriter(w io.Writer) *Writer { return &Writer{w, []byte(byteOrderMark)} }

// Write writes one row, every cell made safe by Cell.
func (w *Writer) Write(cells []string) error {
	if len(cells) == 1 && cells[0] == "" {
		w.buffer = append(w.buffer, `""`...) // an empty line would be no row
	}
	for i, cell := range cells {
		if i > 0 {
			w.buffer = append(w.buffer, ',')
		}
		w.buffer = appendCell(w.buffer, Cell(cell))
	}
	w.buffer = append(w.buffer, "\r\n"...)
	if len(w.buffer) < flushAt {
		return nil
	}
	return w.Flush()
}

// Flush writes what is still held back.
func (w *Writer) Flush() error {
	_, err := w.w.Write(w.buffer)
	w.buffer = w.buffer[:0]
	return err
}

// appendCell appends one cell. A cell with white space at an end is quoted,
// because some readers trim it otherwise.
func appendCell(b []byte, text string) []byte {
	if text == "" || !strings.ContainsAny(text, "\",\r\n\x00") && strings.TrimSpace(text) == text {
		return append(b, text...)
	}
	b = append(b, '"')
	for {
		before, after, found := strings.Cut(text, `"`)
		b = append(b, before...)
		if !found {
			return append(b, '"')
		}
		b = append(b, `""`...)
		text = after
	}
}

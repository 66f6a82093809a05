package csvfile

import (
	"bufio"
	"io"
	"strings"
)

// byteOrderMark makes spreadsheets read the file as UTF-8.
const byteOrderMark = "\ufeff"

// Writer writes rows as RFC 4180 has them: comma, CRLF, quotes where they are
// needed. Line breaks inside a cell stay as they are, byte by byte.
type Writer struct{ buffer *bufio.Writer }

// NewWriter returns a writer that has written nothing but the mark that the
// file is UTF-8.
func NewWriter(w io.Writer) *Writer {
	buffer := bufio.NewWriterSize(w, 64<<10)
	buffer.WriteString(byteOrderMark) // an error stays until Flush
	return &Writer{buffer}
}

// Write writes one row, every cell made safe by Cell.
func (w *Writer) Write(cells []string) error {
	if len(cells) == 1 && cells[0] == "" {
		w.buffer.WriteString(`""`) // an empty line would be no row
	}
	for i, cell := range cells {
		if i > 0 {
			w.buffer.WriteByte(',')
		}
		w.cell(Cell(cell))
	}
	_, err := w.buffer.WriteString("\r\n")
	return err
}

// cell writes one cell. A cell with white space at an end is quoted, because
// some readers trim it otherwise.
func (w *Writer) cell(text string) {
	if text == "" || !strings.ContainsAny(text, "\",\r\n\x00") && strings.TrimSpace(text) == text {
		w.buffer.WriteString(text)
		return
	}
	w.buffer.WriteByte('"')
	for {
		before, after, found := strings.Cut(text, `"`)
		w.buffer.WriteString(before)
		if !found {
			break
		}
		w.buffer.WriteString(`""`)
		text = after
	}
	w.buffer.WriteByte('"')
}

// Flush writes what is still held back, and says what went wrong if anything
// did.
func (w *Writer) Flush() error { return w.buffer.Flush() }

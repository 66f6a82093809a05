package xlsx

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// cell is the XML of a cell as encoding/xml reads it.
type cell struct {
	Ref   string `xml:"r,attr"`
	Style int    `xml:"s,attr"`
	Type  string `xml:"t,attr"`
	Value string `xml:"v"`
	Text  string `xml:"is>t"`
}

type row struct {
	Number int     `xml:"r,attr"`
	Height float64 `xml:"ht,attr"`
	Cells  []cell  `xml:"c"`
}

// sheets reads the rows of a workbook's sheets, the cover first.
func sheets(t *testing.T, file []byte) (names []string, rows [][]row) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	parse := func(name string, into any) {
		t.Helper()
		f, err := z.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := xml.NewDecoder(f).Decode(into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	var book struct {
		Sheets []struct {
			Name string `xml:"name,attr"`
			ID   int    `xml:"sheetId,attr"`
		} `xml:"sheets>sheet"`
	}
	parse("xl/workbook.xml", &book)
	for _, s := range book.Sheets {
		var sheet struct {
			Rows []row `xml:"sheetData>row"`
		}
		parse(fmt.Sprintf("xl/worksheets/sheet%d.xml", s.ID), &sheet)
		names, rows = append(names, s.Name), append(rows, sheet.Rows)
	}
	return names, rows
}

func write(t *testing.T, columns []Column, rows ...[]string) (file []byte, long int) {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	if err := w.Sheet("Patients", columns); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := w.Row(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(Cover{Sheet: "About", Title: "Patient List", Lines: [][2]string{{"Reason", "a <b> & \"c\""}}, Made: time.Unix(0, 0)}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), w.Long()
}

// lower sets Excel's limits to small ones, which are quickly reached.
func lower(t *testing.T, rows, text int) {
	oldRows, oldText := maxRows, maxText
	maxRows, maxText = rows, text
	t.Cleanup(func() { maxRows, maxText = oldRows, oldText })
}

func TestWhatACellBecomes(t *testing.T) {
	text, number := "inlineStr", ""
	for _, test := range []struct {
		kind  Type
		cell  string
		style style
		typ   string
		value string
	}{
		{Text, "000123", styleText, text, "000123"},
		{Text, "+1 555 0100", styleText, text, "+1 555 0100"},
		{Text, "=1+1", styleText, text, "=1+1"},
		{Note, "a\nb", styleNote, text, "a\nb"},
		{Date, "1957-03-04", styleDate, number, "20883"},
		{Date, "1900-03-01", styleDate, number, "61"},
		{Date, "1900-02-28", styleText, text, "1900-02-28"},
		{Date, "1957-02-30", styleText, text, "1957-02-30"},
		{Date, "1957", styleText, text, "1957"},
		{Date, "1957-03-04T10:00", styleText, text, "1957-03-04T10:00"},
		{Date, "=1", styleText, text, "=1"},
		{Moment, "2026-11-26T12:00", styleMoment, number, "46352.5"},
		{Moment, "2026-11-26T12:00:00", styleSeconds, number, "46352.5"},
		{Moment, "2026-11-26T12:00:00Z", styleText, text, "2026-11-26T12:00:00Z"},
		{Moment, "2026-11-26", styleText, text, "2026-11-26"},
		{Moment, "2026-11-26T24:00", styleText, text, "2026-11-26T24:00"},
		{Number, "0", styleNumber, number, "0"},
		{Number, "-12.5", styleNumber, number, "-12.5"},
		{Number, "0.25", styleNumber, number, "0.25"},
		{Number, "999999999999999", styleNumber, number, "999999999999999"},
		{Number, "1234567890123456", styleText, text, "1234567890123456"},
		{Number, "007", styleText, text, "007"},
		{Number, "1.50", styleText, text, "1.50"},
		{Number, "-", styleText, text, "-"},
		{Number, "-0", styleText, text, "-0"},
		{Number, ".5", styleText, text, ".5"},
		{Number, "-.5", styleText, text, "-.5"},
		{Number, "5.", styleText, text, "5."},
		{Number, "1.2.3", styleText, text, "1.2.3"},
		{Number, "1e5", styleText, text, "1e5"},
		{Number, "Inf", styleText, text, "Inf"},
	} {
		b := appendCell([]byte(`<c s="`), Column{Type: test.kind}.look(), test.cell)
		var got cell
		if err := xml.Unmarshal(b, &got); err != nil {
			t.Errorf("%q: %v in %s", test.cell, err, b)
			continue
		}
		if got.Style != int(test.style) || got.Type != test.typ || got.Value+got.Text != test.value {
			t.Errorf("%d %q: %+v", test.kind, test.cell, got)
		}
	}
}

var escape = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// unescaped undoes Excel's _xHHHH_.
func unescaped(text string) string {
	return escape.ReplaceAllStringFunc(text, func(found string) string {
		n, _ := strconv.ParseUint(found[2:6], 16, 32)
		return string(rune(n))
	})
}

func TestEveryTextSurvives(t *testing.T) {
	survives := func(t rapid.TB, want string) {
		var got cell
		if err := xml.Unmarshal(appendCell([]byte(`<c s="`), look{kind: Text, style: styleText}, want), &got); err != nil {
			t.Fatalf("%q: %v", want, err)
		}
		if unescaped(got.Text) != want {
			t.Fatalf("%q became %q", want, got.Text)
		}
	}
	// An escape's first underscore must not complete what stands before it.
	for _, text := range []string{"_x0041\x01", "_x000D\r", "a_xABCD\x1f", "_x0041\ufffe", "_x0041\uffff", "_x0041_x0042\x00", "\rx0041\r", "_x0041\t", "_x0041\ufffd"} {
		survives(t, text)
	}
	piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"_x0041_", "_x005F_", "_x0041", "_x005f", "_", "_x", "_x000", "x0041_", "\x00", "\r\n", "\r", "\t", "\x1f", "\x7f", "\ufffe", "\uffff", "\ufffd", "\uf000", "<", "&amp;", "]]>", "😀", " "}))
	rapid.Check(t, func(t *rapid.T) {
		want := strings.Join(rapid.SliceOfN(piece, 1, 8).Draw(t, "pieces"), "")
		if want == "" || !utf8.ValidString(want) {
			t.Skip("the package's caller sees to that")
		}
		survives(t, want)
	})
}

func TestRowsContinueOnFurtherSheets(t *testing.T) {
	lower(t, 4, 32_767)
	var rows [][]string
	for i := range 7 {
		rows = append(rows, []string{fmt.Sprint(i)})
	}
	file, _ := write(t, []Column{{Title: "Id"}}, rows...)
	names, got := sheets(t, file)
	if want := []string{"About", "Patients", "Patients (2)", "Patients (3)"}; fmt.Sprint(names) != fmt.Sprint(want) {
		t.Fatalf("sheets are %v, want %v", names, want)
	}
	var ids []string
	for i, sheet := range got[1:] {
		if sheet[0].Cells[0].Text != "Id" {
			t.Errorf("sheet %d has no titles", i)
		}
		for n, r := range sheet[1:] {
			ids = append(ids, r.Cells[0].Text)
			if r.Number != n+2 {
				t.Errorf("row %d says that it is %d", n+2, r.Number)
			}
		}
	}
	if strings.Join(ids, "") != "0123456" {
		t.Errorf("rows are %v", ids)
	}
}

func TestLongTextsContinueInTheRowBelow(t *testing.T) {
	lower(t, 1_048_576, 100)
	rapid.Check(t, func(rt *rapid.T) {
		long := rapid.StringOfN(rapid.SampledFrom([]rune("a é😀\n_x0041_")), 101, 400, -1).Draw(rt, "long")
		file, n := write(t, []Column{{Title: "Id"}, {Title: "Note", Type: Note}, {Title: "City"}}, []string{"P1", long, "Rome"}, []string{"P2", "short", "Oslo"})
		_, got := sheets(t, file)
		if n != 1 {
			rt.Fatalf("%d texts continue", n)
		}
		whole := ""
		rows := got[1][1:]
		for i, r := range rows[:len(rows)-1] {
			text := unescaped(r.Cells[1].Text)
			if units(text) > 100 || r.Cells[0].Text != "P1" || (i == 0) != (len(r.Cells) == 3) {
				rt.Fatalf("row %d: %+v", i, r)
			}
			if i > 0 {
				text = strings.TrimPrefix(text, Continued)
			}
			if i < len(rows)-2 {
				if !strings.HasSuffix(text, Continues) {
					rt.Fatalf("row %d does not say that it continues: %q", i, text)
				}
				text = strings.TrimSuffix(text, Continues)
			}
			whole += text
		}
		if whole != long {
			rt.Fatalf("%q became %q", long, whole)
		}
		if last := rows[len(rows)-1]; last.Cells[0].Text != "P2" {
			rt.Fatalf("the last row is %+v", last)
		}
	})
}

func TestATextThatFillsItsCellDoesNotContinue(t *testing.T) {
	for text, want := range map[string]int{strings.Repeat("é", 32_767): 0, strings.Repeat("é", 32_768): 1, strings.Repeat("😀", 16_383): 0, strings.Repeat("😀", 16_384): 1} {
		if _, n := write(t, []Column{{Title: "Note"}}, []string{text}); n != want {
			t.Errorf("%d units: %d continue, want %d", units(text), n, want)
		}
	}
}

func TestLongTextsMakeTheirRowHigher(t *testing.T) {
	file, _ := write(t, []Column{{Title: "Note", Type: Note, Width: 20}},
		[]string{"short"}, []string{strings.Repeat("word ", 12)}, []string{"a\nb\nc"}, []string{strings.Repeat("a\n", 100)})
	_, got := sheets(t, file)
	for i, want := range []float64{0, 45, 45, 180} {
		if h := got[1][i+1].Height; h != want {
			t.Errorf("row %d is %v high, want %v", i, h, want)
		}
	}
}

func TestColumnsAreAsWideAsTheirFirstRows(t *testing.T) {
	columns := []Column{{Title: "Id"}, {Title: "A title of some length"}, {Title: "Address"}, {Title: "Given", Width: 33}, {Title: "Note", Type: Note}, {Title: "Born", Type: Date}}
	rows := [][]string{{"1", "x", "12 Long Street, Springfield", "x", strings.Repeat("note ", 50), "1957-03-04"}, {"2", "", strings.Repeat("é", 90), "", "", ""}}
	for i, want := range []int{10, 26, 29, 33, 60, 12} {
		if got := fitted(columns, rows[:1])[i].Width; got != want {
			t.Errorf("%s is %d wide, want %d", columns[i].Title, got, want)
		}
	}
	if got := fitted(columns, rows)[2].Width; got != 40 {
		t.Errorf("a very long address makes its column %d wide", got)
	}
}

// Rows held back for their widths come in their order, once, whether or not
// there are enough of them.
func TestRowsHeldBackAreWritten(t *testing.T) {
	for _, n := range []int{0, 1, measured - 1, measured, measured + 1, 3 * measured} {
		var rows [][]string
		for i := range n {
			rows = append(rows, []string{fmt.Sprint(i)})
		}
		file, _ := write(t, []Column{{Title: "Id"}}, rows...)
		_, got := sheets(t, file)
		if len(got[1]) != n+1 {
			t.Fatalf("%d rows became %d", n, len(got[1])-1)
		}
		for i, r := range got[1][1:] {
			if r.Number != i+2 || r.Cells[0].Text != fmt.Sprint(i) {
				t.Fatalf("row %d of %d is %+v", i, n, r)
			}
		}
	}
}

func TestEqualInputGivesEqualBytes(t *testing.T) {
	one, _ := write(t, []Column{{Title: "Id"}}, []string{"1"}, []string{"2"})
	two, _ := write(t, []Column{{Title: "Id"}}, []string{"1"}, []string{"2"})
	if !bytes.Equal(one, two) {
		t.Error("the bytes differ")
	}
}

// The number of each look stands in the cells, so the list must have it there.
func TestEveryStyleIsInTheList(t *testing.T) {
	var list struct {
		Formats struct {
			Count int        `xml:"count,attr"`
			All   []struct{} `xml:"xf"`
		} `xml:"cellXfs"`
	}
	if err := xml.Unmarshal([]byte(styles), &list); err != nil {
		t.Fatal(err)
	}
	if want := int(styleCoverValue) + 1; list.Formats.Count != want || len(list.Formats.All) != want {
		t.Errorf("the list says %d and has %d looks, want %d", list.Formats.Count, len(list.Formats.All), want)
	}
}

func TestColumnsHaveExcelsNames(t *testing.T) {
	for i, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA", 16_383: "XFD"} {
		if got := letters(i); got != want {
			t.Errorf("column %d is %s, want %s", i, got, want)
		}
	}
}

func TestAFailedWriteIsTold(t *testing.T) {
	w := NewWriter(failing{})
	err := w.Sheet("Patients", []Column{{Title: "Id"}})
	for i := 0; i < 100_000 && err == nil; i++ {
		err = w.Row([]string{fmt.Sprint(i)})
	}
	if err == nil {
		t.Error("nothing failed")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

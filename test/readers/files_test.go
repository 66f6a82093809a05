package readers_test

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"bulkops/internal/export"
	"bulkops/internal/export/csvfile"
	"bulkops/internal/export/xlsx"
	"bulkops/test/readers"
)

// table is a table with its rows.
type table struct {
	export.Table
	rows [][]string
}

// write writes a file.
func write(t testing.TB, format export.Format, tables ...table) ([]byte, export.Summary) {
	t.Helper()
	var file bytes.Buffer
	w, err := export.New(&file, export.File{
		Format: format, Title: "Patient List", Made: time.Date(2026, 11, 26, 9, 30, 0, 0, time.UTC), Passphrase: passphrase,
		Cover: []export.Fact{
			{Name: "Requested by", Value: "Ann Lee"}, {Name: "Reason", Value: "=1+1\nsecond line"}, {Name: "Time zone", Value: "America/\xffChicago"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	for _, table := range tables {
		if err := w.Table(table.Table); err != nil {
			t.Fatal(err)
		}
		for _, row := range table.rows {
			if err := w.Row(append([]string(nil), row...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if s.Bytes != int64(file.Len()) {
		t.Errorf("the summary says %d bytes of %d", s.Bytes, file.Len())
	}
	return file.Bytes(), s
}

// typed is a table with a column of every type.
func typed(rows ...[]string) table {
	return table{export.Table{Name: "Patients", Columns: []export.Column{
		{Title: "Patient id"}, {Title: "Born", Type: export.Date}, {Title: "Next visit", Type: export.Moment}, {Title: "Visits", Type: export.Number}, {Title: "Note", Type: export.Note},
	}}, rows}
}

var ordinary = typed(
	[]string{"000123", "1957-03-04", "2026-11-26T09:30", "12", "+1 555 0100"},
	[]string{"-5", "1957", "2026-11-26T09:30:15", "007", "=HYPERLINK(\"x\")"},
	[]string{"@a", "", "tomorrow", "-1.5", "line one\nline two"},
)

// hostile draws tables of texts that break careless writers.
var hostile = rapid.Custom(func(t *rapid.T) table {
	piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"=cmd|' /C calc'!A0", "+1 555 0100", "-2+3", "@SUM(A1)", "\tx", "\r", "\n", "\r\n", "\x00", "\x01\x1f\x7f", "\u0085\u2028", "\ufeff", "\ufffe\uffff",
		"_x0041_", "_x005F_x0041_", "_x0041", "_x000D", "_x00", "<b>&amp;]]>", `"`, `""`, ",", ";", "'", " ", "  padded  ", "😀👩‍⚕️", "e\u0301", "محمد", "12345678901234567890", "1e5", "TRUE", "#N/A", "2026-11-26",
	}))
	text := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 4).Draw(t, "pieces"), "") })
	result := typed()
	for range rapid.IntRange(0, 8).Draw(t, "rows") {
		result.rows = append(result.rows, rapid.SliceOfN(text, 5, 5).Draw(t, "row"))
	}
	return result
})

// shown is what a reader must find: the titles, and every cell as it was given,
// or, in CSV, made safe.
func shown(format export.Format, t table) [][]string {
	var titles []string
	for _, c := range t.Columns {
		titles = append(titles, c.Title)
	}
	rows := [][]string{titles}
	for _, row := range t.rows {
		want := append([]string(nil), row...)
		for i := range want {
			if want[i] = strings.ToValidUTF8(want[i], "\ufffd"); format == export.CSV {
				want[i] = csvfile.Cell(want[i])
			}
		}
		rows = append(rows, want)
	}
	return rows
}

func compare(t *testing.T, reader string, got, want [][]string) {
	t.Helper()
	for len(got) > len(want) && strings.Join(got[len(got)-1], "") == "" {
		got = got[:len(got)-1]
	}
	if len(got) > len(want) {
		t.Errorf("%s finds %d rows instead of %d", reader, len(got), len(want))
		return
	}
	for i := range want {
		for j, cell := range want[i] {
			found := "" // a reader of Excel leaves empty cells out at the end
			if i < len(got) && j < len(got[i]) {
				found = got[i][j]
			}
			if found != cell {
				t.Errorf("%s finds %q instead of %q in row %d, column %d", reader, found, cell, i, j)
			}
		}
	}
}

func tableName(format export.Format, name string) string {
	if format == export.CSV {
		return name + ".csv"
	}
	return name
}

// drawFrom is where drawing begins, so that tables which were found can be drawn
// again: go test ./test/readers -run TestOthersRead -from N.
var drawFrom = flag.Int("from", int(rand.Int32()), "number of the first table that is drawn")

// One run of Python opens many files that are drawn at random, others each time.
func TestOthersReadWhatWasWritten(t *testing.T) {
	defer func() {
		if t.Failed() {
			t.Logf("to see it again: -from %d", *drawFrom)
		}
	}()
	for _, format := range export.Formats {
		var files []readers.File
		var want []table
		var summaries []export.Summary
		for n := range 30 {
			drawn := ordinary
			if n > 0 {
				drawn = hostile.Example(*drawFrom + n)
			}
			file, s := write(t, format, drawn)
			files, want, summaries = append(files, readers.Write(t, "a"+format.Extension(), passphrase, file)), append(want, drawn), append(summaries, s)
		}
		for i, c := range readers.Python(t, files...) {
			if c.Error != "" {
				t.Errorf("file %d of %s does not open: %s", i, format, c.Error)
				continue
			}
			compare(t, string(format), c.Table(t, tableName(format, "Patients")), shown(format, want[i]))
			if c.Digest != summaries[i].Digest {
				t.Errorf("file %d of %s has the digest %s, the summary says %s", i, format, c.Digest, summaries[i].Digest)
			}
			if n := len(want[i].rows); summaries[i].Rows != n || summaries[i].Tables[0] != (export.Count{Table: "Patients", Rows: n}) {
				t.Errorf("file %d of %s has %d rows, the summary says %+v", i, format, n, summaries[i])
			}
		}
	}
}

// LibreOffice starts once, for everything that is asked of it: it opens a file
// with its passphrase, without a wrong one, and not when a byte was changed.
func TestLibreOfficeShowsWhatWasWritten(t *testing.T) {
	long := strings.Repeat("Long note. ", 3700) // 40,700 characters
	tables := []table{ordinary, {export.Table{Name: "Long", Columns: []export.Column{{Title: "Patient id"}, {Title: "Note", Type: export.Note}}},
		[][]string{{"000123", long}, {"000124", "_x0041_ \x01 _x000D\x02"}}}}
	file, s := write(t, export.Excel, tables...)
	if len(s.Remarks) != 1 || !strings.HasPrefix(s.Remarks[0], "1 text is longer than a cell") {
		t.Errorf("remarks are %q", s.Remarks)
	}
	turned := bytes.Clone(file)
	turned[2000] ^= 1 // inside of the encrypted workbook
	good := readers.Write(t, "good.xlsx", passphrase, file)
	all := readers.LibreOffice(t, good, readers.File{Path: good.Path, Passphrase: strings.ToUpper(passphrase)}, readers.Write(t, "turned.xlsx", passphrase, turned))
	if all[0].Error != "" || all[1].Error == "" || all[2].Error == "" {
		t.Fatalf("right: %q, wrong: %q, turned: %q", all[0].Error, all[1].Error, all[2].Error)
	}
	compare(t, "LibreOffice", all[0].Table(t, "Patients"), shown(export.Excel, ordinary))
	rows := all[0].Table(t, "Long")
	if len(rows) != 4 || rows[2][0] != "000123" {
		t.Fatalf("the long note has %d rows", len(rows)-2)
	}
	if got := strings.TrimSuffix(rows[1][1], xlsx.Continues) + strings.TrimPrefix(rows[2][1], xlsx.Continued); got != long {
		t.Errorf("of the long note %d characters are left", len(got))
	}
	if rows[3][1] != "_x0041_ \x01 _x000D\x02" {
		t.Errorf("LibreOffice shows %q", rows[3][1])
	}
	checkCover(t, all[0].Table(t, export.CoverSheet), [][]string{
		{"Patient List", ""}, {"", ""}, {"Requested by", "Ann Lee"}, {"Reason", "=1+1\nsecond line"}, {"Time zone", "America/\ufffdChicago"},
		{"Rows in Patients", "3"}, {"Rows in Long", "2"}, {"Note", s.Remarks[0]},
	})
}

func checkCover(t *testing.T, got, want [][]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("the cover is %q", got)
	}
	compare(t, "the cover's reader", got, want)
}

func TestSevenZipExtractsWhatWasWritten(t *testing.T) {
	file, s := write(t, export.CSV, ordinary)
	f := readers.Write(t, "a.zip", passphrase, file)
	got, err := readers.SevenZip(t, f, "Patients.csv")
	want := "\ufeffPatient id,Born,Next visit,Visits,Note\r\n" +
		"000123,1957-03-04,2026-11-26T09:30,12,'+1 555 0100\r\n" +
		"'-5,1957,2026-11-26T09:30:15,007,\"'=HYPERLINK(\"\"x\"\")\"\r\n" +
		"'@a,,tomorrow,'-1.5,\"line one\nline two\"\r\n"
	if err != nil || string(got) != want {
		t.Errorf("7-Zip extracts %q, %v", got, err)
	}
	got, err = readers.SevenZip(t, f, export.CoverFile)
	cover := "\ufeffPatient List\r\n\r\nRequested by: Ann Lee\r\nReason: =1+1\r\n    second line\r\nTime zone: America/\ufffdChicago\r\nRows in Patients: 3\r\nSHA-256 of the tables: " + s.Digest + "\r\n"
	if err != nil || string(got) != cover {
		t.Errorf("7-Zip extracts %q, %v", got, err)
	}
	if _, err := readers.SevenZip(t, readers.File{Path: f.Path, Passphrase: passphrase + "x"}, "Patients.csv"); err == nil {
		t.Error("7-Zip opens it with a wrong passphrase")
	}
	file[100] ^= 1 // inside of the encrypted table
	if _, err := readers.SevenZip(t, readers.Write(t, "b.zip", passphrase, file), "Patients.csv"); err == nil {
		t.Error("7-Zip does not notice a turned bit")
	}
}

// What is encrypted, or says how, cannot be changed unnoticed; and without the
// passphrase nothing opens.
func TestOthersRefuseWrongPassphrasesAndTurnedBits(t *testing.T) {
	var files []readers.File
	for _, format := range export.Formats {
		file, _ := write(t, format, ordinary)
		good := readers.Write(t, "good"+format.Extension(), passphrase, file)
		for _, wrong := range []string{"x", strings.ToUpper(passphrase), strings.ReplaceAll(passphrase, "-", "")} {
			files = append(files, readers.File{Path: good.Path, Passphrase: wrong})
		}
		from, to := 512, 512+4096 // the first sectors of the workbook
		if format == export.CSV {
			from, to = bytes.Index(file, []byte("AE\x03"))+6, bytes.Index(file, []byte("PK\x07\x08"))
		}
		for i := range 12 {
			turned := bytes.Clone(file)
			turned[from+(to-from-1)*i/11] ^= 1 << (i % 8)
			files = append(files, readers.Write(t, "turned"+format.Extension(), passphrase, turned))
		}
	}
	for i, c := range readers.Python(t, files...) {
		if c.Error == "" {
			t.Errorf("file %d opens", i)
		}
	}
}

// A name in a file must never be a question of what its bytes are.
func TestTextThatIsNoneIsShownAndRemarked(t *testing.T) {
	broken := typed([]string{"a\xffb", "", "", "", "lone \xed\xa0\x80 surrogate"})
	for _, format := range export.Formats {
		file, s := write(t, format, broken)
		if want := []string{"2 cells held bytes that are no text; each such place shows \ufffd."}; len(s.Remarks) != 1 || s.Remarks[0] != want[0] {
			t.Errorf("%s: remarks are %q", format, s.Remarks)
		}
		c := readers.Python(t, readers.Write(t, "a"+format.Extension(), passphrase, file))[0]
		compare(t, string(format), c.Table(t, tableName(format, "Patients")), shown(format, broken))
	}
	if shown(export.Excel, broken)[1][0] != "a\ufffdb" || !utf8.ValidString(shown(export.Excel, broken)[1][4]) {
		t.Error("the test expects what is no text")
	}
}

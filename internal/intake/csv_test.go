package intake_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"bulkops/internal/fault"
	"bulkops/internal/intake"
	"bulkops/internal/kind"
)

func TestReadsTheIDColumnOfEveryUsualFile(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		ids  []string
		rows []int
	}{
		"comma":                             {"patient_id,name\n000123,Ann\n000124,Bob\n", []string{"000123", "000124"}, []int{2, 3}},
		"semicolon":                         {"name;MRN\nAnn, Dr;000123\n", []string{"000123"}, []int{2}},
		"tab":                               {"name\tPatient ID\nAnn\t000123", []string{"000123"}, []int{2}},
		"one column":                        {"id\n000123\n000124\n", []string{"000123", "000124"}, []int{2, 3}},
		"Windows line ends":                 {"id,x\r\n000123,1\r\n\"000124\",2\r\n", []string{"000123", "000124"}, []int{2, 3}},
		"old Macintosh line ends":           {"id\r000123\r000124\r", []string{"000123", "000124"}, []int{2, 3}},
		"stated separator":                  {"sep=;\r\nx;id\r\n1;000123\r\n", []string{"000123"}, []int{2}},
		"rows before the column names":      {"\n,\nid,x\n000123,1\n", []string{"000123"}, []int{4}},
		"UTF-8 with byte order mark":        {"\ufeffpatient_id\n000123\n", []string{"000123"}, []int{2}},
		"UTF-16 little endian":              {inUTF16(binary.LittleEndian, "name\tid\nZoë 😀\t000123\n"), []string{"000123"}, []int{2}},
		"UTF-16 big endian":                 {inUTF16(binary.BigEndian, "id,name\n000123,Zoë\n"), []string{"000123"}, []int{2}},
		"a line end inside quotation marks": {"id,note\n000123,\"two\nlines\"\n000124,\"say \"\"hi\"\"\"\n", []string{"000123", "000124"}, []int{2, 3}},
		"spaces around":                     {"id\n 000123\u00a0\n\u200b000124\ufeff\n", []string{"000123", "000124"}, []int{2, 3}},
		"text by formula":                   {"id,x\n=\"000123\",1\n\"=\"\"000124\"\"\",2\n", []string{"000123", "000124"}, []int{2, 3}},
		"empty cells left out at the end":   {"id,name,city\n000123\n000124,Bob\n", []string{"000123", "000124"}, []int{2, 3}},
		"an older encoding beside the ids":  {"id,name\n000123,Zo\xeb\n", []string{"000123"}, []int{2}},
		"a quotation mark inside a cell":    {"id,height\n000123,5'10\"\n", []string{"000123"}, []int{2}},
		"ids that only look scientific":     {"id\n12E4\n1e5\n", []string{"12E4", "1e5"}, []int{2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(c.file)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.IDs, c.ids) || !slices.Equal(got.Rows, c.rows) {
				t.Errorf("ids %q in rows %v, want %q in %v", got.IDs, got.Rows, c.ids, c.rows)
			}
			if len(got.File) != 64 {
				t.Errorf("file's SHA-256 is %q", got.File)
			}
		})
	}
}

func TestNamesOfTheIDColumn(t *testing.T) {
	for _, name := range []string{"patient_id", "patient id", "id", "ID", "patientid", "PatientId", "mrn", "MRN", "Patient ID", "Patient-ID", " Patient_Id "} {
		if _, err := read("x," + name + "\n1,000123\n"); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestCountsWhatItMergesAndSkips(t *testing.T) {
	got, err := read("id,name\n000123,Ann\n,nobody\n000123,Ann\n\n 000123 ,Ann\n000124,Bob\n\n,\n")
	if err != nil {
		t.Fatal(err)
	}
	if got.Duplicates != 2 || got.Blank != 2 || !slices.Equal(got.Rows, []int{2, 7}) {
		t.Errorf("duplicates %d, blank %d, rows %v; want 2, 2, [2 7]", got.Duplicates, got.Blank, got.Rows)
	}
	if s := got.Selection(); s.Source != "upload" || s.File != got.File || len(s.Rows) != len(s.IDs) {
		t.Errorf("selection %+v", s)
	}
}

func TestRefusesFilesItCannotReadAndSaysWhatToDo(t *testing.T) {
	long := strings.Repeat("x", 65)
	for name, c := range map[string]struct {
		file string
		says string // part of the sentence
	}{
		"empty":                       {"", "The file is empty."},
		"only spaces":                 {" \n\t\n", "The file is empty."},
		"only a byte order mark":      {"\xff\xfe", "The file is empty."},
		"only column names":           {"id,name\n\n", "column names but no rows"},
		"empty id column":             {"id,name\n,Ann\n,Bob\n", `The column "id" is empty in every row.`},
		"xlsx":                        {"PK\x03\x04\x14\x00[Content_Types].xml", "This is an Excel workbook; save it as CSV (UTF-8) and upload that."},
		"ods":                         {"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "LibreOffice workbook"},
		"zip":                         {"PK\x03\x04\x14\x00list.csv", "Unpack it"},
		"xls":                         {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00", "old Excel workbook"},
		"pdf":                         {"%PDF-1.7", "PDF"},
		"png":                         {"\x89PNG\r\n", "picture"},
		"jpeg":                        {"\xff\xd8\xff\xe0", "picture"},
		"web page named xls":          {"\r\n<html><table>", "web page"},
		"json":                        {`{"id": 1}`, "JSON"},
		"zero bytes":                  {"id\n\x00\x00\x01\n", "not a text file"},
		"UTF-16 without its mark":     {inUTF16(binary.LittleEndian, "id,name\n000123,Ann\n")[2:], "CSV UTF-8"},
		"ids in an older encoding":    {"id,name\n00\xe9,Ann\n", "Row 2 has a patient id with characters in an older encoding."},
		"no id column":                {"name,city\nAnn,Rome\n", "Its columns are: name, city. Name the column with the ids patient_id, id or mrn."},
		"many columns":                {"a,b,c,d,e,f,g,h,i,j,k,l\n1\n", "a, b, c, d, e, f, g, h, i, j, and 2 more"},
		"two id columns":              {"patient_id,MRN\n1,2\n", "more than one column that could hold the patient ids: patient_id, MRN."},
		"no column names":             {"000123\n000124\n", "Row 1 holds data where the column names should stand."},
		"no column names but data":    {"000123,Ann,ann@example.org\n", "Row 1 holds data"},
		"scientific ids":              {"id\n1.23E+5\n000123\n1,5e+10\n", "Row 2 has an id that a spreadsheet turned into a number such as 1.23E+5"},
		"scientific ids in two rows":  {"id\n1.23E+5\n000123\n1.5E+10\n", "Rows 2, 4: each has an id that a spreadsheet"},
		"how to repair them":          {"id\n1.23E+5\n", "Format the id column as text"},
		"more cells than columns":     {"name,id\nAnn,000123\nDoe, Ann,000124\n", "Row 3 has more cells than there are column names"},
		"quotation mark never closed": {"id,name\n000123,Ann\n000124,\"Bob\n000125,Cy\n", "Row 3 opens a quotation mark that is never closed"},
		"quotation mark in between":   {"id,name\n000123,\"Ann\n000124,\"Bob\" x\n", "Row 2 has text directly after a closing quotation mark"},
		"in the column names":         {"\"id,name\n000123,Ann\n", "Row 1 opens a quotation mark"},
		"two ids in a cell":           {"id;x\n000123, 000124;1\n", "Row 2 has more than one id in a cell"},
		"not an id":                   {"id\n" + long + "\n", "Row 2 has an id of more than 64 characters"},
		"unreadable":                  {"id\n00\u202e12\n", "Row 2 has an id with characters that cannot be read"},
		"too many columns":            {"id\n" + strings.Repeat(",", 20_000), "more cells than a spreadsheet has columns"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(c.file)
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("got %+v, %v; want a fault that says %q", got, err, c.says)
			}
			if !strings.Contains(fault.Sentence(err), c.says) {
				t.Errorf("sentence %q\nshould say %q", fault.Sentence(err), c.says)
			}
		})
	}
}

func TestOneAnswerNamesEverythingToRepair(t *testing.T) {
	var file strings.Builder
	file.WriteString("id,name\n")
	for range 30 {
		file.WriteString("1.2E+9,x\n")
	}
	file.WriteString("000123,a,b\n")
	_, err := read(file.String())
	sentence := fault.Sentence(err)
	if !strings.Contains(sentence, "Rows 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21 and 10 more: each") {
		t.Errorf("the first 20 rows and a count are missing in %q", sentence)
	}
	if !strings.Contains(sentence, "Row 32 has more cells") {
		t.Errorf("the second flaw is missing in %q", sentence)
	}
}

func TestSentencesRepeatNoPatientData(t *testing.T) {
	for _, file := range []string{
		"000777\n000778\n", "000777,Zqxvcanary\n", "Zqxvcanary,000777\n", "id\nZqxvcanary 000777\n",
		"id,name\n000777,Zqxvcanary,x\n", "id\n1.777E+5\n",
	} {
		_, err := read(file)
		if s := fault.Sentence(err); err == nil || strings.Contains(s, "777") || strings.Contains(s, "Zqxv") {
			t.Errorf("%q: %q", file, s)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Run("stated size is refused before reading", func(t *testing.T) {
		_, err := intake.CSV(unreadable{t}, 50<<20, 10, kind.Kind{}, noon)
		wants(t, err, fault.TooLarge, "A file may have at most 4 MB. This one has 50 MB.")
	})
	t.Run("unstated size", func(t *testing.T) {
		_, err := intake.CSV(io.LimitReader(zeros{}, 1<<40), -1, 10, kind.Kind{}, noon)
		wants(t, err, fault.TooLarge, "A file may have at most 4 MB.")
	})
	t.Run("number of ids", func(t *testing.T) {
		var file strings.Builder
		file.WriteString("id\n")
		for i := range 1234 {
			fmt.Fprintf(&file, "%06d\n%06d\n", i, i)
		}
		_, err := intake.CSV(strings.NewReader(file.String()), -1, 1000, kind.Kind{}, noon)
		wants(t, err, fault.TooLarge, "There are 1,234 patient ids; one operation takes at most 1,000.")
	})
	t.Run("broken transmission", func(t *testing.T) {
		_, err := intake.CSV(io.MultiReader(strings.NewReader("id\n"), broken{}), -1, 10, kind.Kind{}, noon)
		wants(t, err, fault.Invalid, "did not arrive completely")
	})
}

func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"id\n1\n", "\"id\";x\r\n\"1\n\";2", "sep=", "sep=;", "\xff\xfei\x00d\x00\n\x00", "\xfe\xff\x00i", "PK\x03\x04", "id,\"", "id\n=\"1\"", ",,,\n\n\"\"\"", "id\n1.2E+5"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := intake.CSV(bytes.NewReader(file), int64(len(file)), 100, kind.DataCorrection, noon)
		holds(t, got, err)
		if err == nil && (len(got.Rows) != len(got.IDs) || !slices.IsSorted(got.Rows) || got.Rows[0] < 2) {
			t.Errorf("rows %v for ids %q", got.Rows, got.IDs)
		}
	})
}

// holds checks what is true of every answer.
func holds(t *testing.T, got intake.Result, err error) {
	t.Helper()
	if err != nil {
		if c := fault.CodeOf(err); c != fault.Invalid && c != fault.TooLarge {
			t.Errorf("code %q", c)
		}
		return
	}
	if len(got.IDs) == 0 || len(got.IDs) > 100 {
		t.Errorf("%d ids", len(got.IDs))
	}
	seen := map[string]bool{}
	for _, id := range got.IDs {
		if id == "" || len(id) > intake.MaxID || id != strings.TrimSpace(id) || seen[id] {
			t.Errorf("id %q", id)
		}
		seen[id] = true
	}
}

func wants(t *testing.T, err error, code fault.Code, says string) {
	t.Helper()
	if !fault.Is(err, code) || !strings.Contains(fault.Sentence(err), says) {
		t.Errorf("got %v, want %s: %s", err, code, says)
	}
}

func read(file string) (intake.Result, error) {
	return intake.CSV(strings.NewReader(file), int64(len(file)), 100_000, kind.Kind{}, noon)
}

// inUTF16 is the text with its byte order mark.
func inUTF16(order binary.AppendByteOrder, text string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the file was read")
	return 0, io.EOF
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

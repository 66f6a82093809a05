package intake_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/fault"
	"bulkops/internal/intake"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func readValues(file string) (intake.Result, error) {
	return intake.CSV(strings.NewReader(file), int64(len(file)), 100_000, kind.DataCorrection, noon)
}

func TestReadsTheValuesBesideTheIDs(t *testing.T) {
	for name, c := range map[string]struct {
		file  string
		given []registry.Fields
	}{
		"the kind's own names": {"patient_id,birth_date,phone\n1,1958-03-09,+15125550123\n", []registry.Fields{{"birth_date": "1958-03-09", "phone": "+15125550123"}}},
		"as people write them": {"E-Mail;Date of Birth;MRN;Emergency Contact\nann@example.org;1958-03-09;1;Bob\n", []registry.Fields{{"email": "ann@example.org", "birth_date": "1958-03-09", "emergency_name": "Bob"}}},
		"an empty cell changes nothing": {"id,phone,name\n1,,Ann\n2, ,\n3\n",
			[]registry.Fields{{"name": "Ann"}, {}, {}}},
		"clear":                     {"id,phone\n1,<clear>\n2,<CLEAR>\n", []registry.Fields{{"phone": "<clear>"}, {"phone": "<clear>"}}},
		"what a spreadsheet needs":  {"id\tphone\n1\t=\"+15125550123\"\n", []registry.Fields{{"phone": "+15125550123"}}},
		"the same row twice":        {"id,phone\n1,+1 512 555 0123\n1,+15125550123\n", []registry.Fields{{"phone": "+15125550123"}}},
		"a line end inside a cell":  {"id,address\n1,\"12 Main Street\nSpringfield\"\n", []registry.Fields{{"address": "12 Main Street Springfield"}}},
		"rows of nobody are passed": {"id,phone,note\n1,,\n,,x\n", []registry.Fields{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readValues(c.file)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(got.Given, c.given, maps.Equal) || len(got.Given) != len(got.IDs) {
				t.Errorf("given %v, want %v", got.Given, c.given)
			}
			if s := got.Selection(); len(s.Given) != len(c.given) {
				t.Errorf("the selection has %v", s.Given)
			}
		})
	}
}

func TestSaysWhichColumnsWereReadAndWhichNot(t *testing.T) {
	got, err := readValues("note,id,phone,Insured by,e-mail\nx,1,+15125550123,y,\nx,2,<clear>,y,a@example.org\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := []intake.ReadColumn{{Title: "Phone", Values: 1, Cleared: 1}, {Title: "E-mail", Values: 1}}; !slices.Equal(got.Columns, want) {
		t.Errorf("read %v, want %v", got.Columns, want)
	}
	if want := []string{"note", "Insured by"}; !slices.Equal(got.Ignored, want) {
		t.Errorf("ignored %q, want %q", got.Ignored, want)
	}
	plain, err := read("note,id,phone\nx,1,rubbish\n")
	if err != nil || plain.Given != nil || plain.Ignored != nil {
		t.Errorf("a kind without columns: %+v, %v", plain, err)
	}
}

func TestRefusesHeadingsThatDoNotFit(t *testing.T) {
	_, err := readValues("id,phone_nr,note\n1,2,3\n")
	wants(t, err, fault.Invalid, "The file has no column with new values. Its columns are: id, phone_nr, note. Name at least one column Name, Birth date,")
	_, err = readValues("id,Phone,name,phone number\n1,2,3,4\n")
	wants(t, err, fault.Invalid, "The file has more than one column for the phone: Phone, phone number.")
}

func TestRowErrorsHoldTheFilesOwnRowsAndColumns(t *testing.T) {
	_, err := readValues("note,id,phone,birth date\n\nok,1,+15125550123,1958-03-09\nodd,2,12,1958-02-30\n,1.2E+5\n,1,<clear>\n,,+15125550123\n,4,\"z\xeb\"\n")
	wants(t, err, fault.Invalid, "5 rows of the file have errors. Row 4, phone: Write the number with +")
	var rows *intake.RowErrors
	if !errors.As(err, &rows) || rows.Count != 5 || !slices.Equal(rows.Headings, []string{"note", "id", "phone", "birth date"}) {
		t.Fatalf("got %+v", rows)
	}
	want := []struct {
		row, column    int
		text, sentence string
	}{
		{4, 2, "12", "Write the number with + and the country code"},
		{4, 3, "1958-02-30", "There is no such day."},
		{5, 1, "1.2E+5", "This row has an id that a spreadsheet turned into a number"},
		{6, 1, "1", "Row 3 has the same patient id with other values."},
		{7, 1, "", "This row has values but no patient id."},
		{8, 2, "z?", "This cell has characters in an older encoding."},
	}
	n := 0
	for _, row := range rows.Rows {
		for i, cell := range row.Cells {
			if cell.Problem == "" {
				continue
			}
			if w := want[n]; row.Row != w.row || i != w.column || cell.Text != w.text || !strings.HasPrefix(cell.Problem, w.sentence) {
				t.Errorf("row %d, column %d: %+v, want %+v", row.Row, i, cell, w)
			}
			n++
		}
	}
	if n != len(want) {
		t.Errorf("%d problems, want %d", n, len(want))
	}
	if rows.Rows[0].Cells[0].Text != "odd" {
		t.Errorf("the other cells of the row are %+v", rows.Rows[0].Cells)
	}
}

func TestOnlyTheFirstRowsWithErrorsAreShown(t *testing.T) {
	var file strings.Builder
	file.WriteString("id,phone\n")
	for i := range 1234 {
		fmt.Fprintf(&file, "%d,Zqxvcanary\n", i)
	}
	_, err := readValues(file.String())
	var rows *intake.RowErrors
	if !errors.As(err, &rows) || rows.Count != 1234 || len(rows.Rows) != 50 || rows.Rows[49].Row != 51 {
		t.Fatalf("got %v", err)
	}
	if s := fault.Sentence(err); !strings.HasPrefix(s, "1,234 rows of the file have errors.") || strings.Contains(s, "Zqxv") || len(s) > 4000 {
		t.Errorf("sentence %q", s)
	}
}

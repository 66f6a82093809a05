package intake_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestTheRowsOfAFileAreKeptAsTheirSenderWroteThem(t *testing.T) {
	for name, c := range map[string]struct {
		file   string
		header []string
		rows   [][]string
	}{
		"every column, also those that are not read": {"note;MRN;phone\nsays \"\"hi;000123;555\n=1+1;000124;\n", []string{"note", "MRN", "phone"}, [][]string{{`says ""hi`, "000123", "555"}, {"=1+1", "000124"}}},
		"the first row of a patient":                 {"id,note\n1,a\n,nobody\n1,b\n2,c\n", []string{"id", "note"}, [][]string{{"1", "a"}, {"2", "c"}}},
		"without what our own files add":             {"Outcome Code,id,outcome reason,note\nlocked,1,Locked.,a\n", []string{"id", "note"}, [][]string{{"1", "a"}}},
		"only ids":                                   {"\ufeffid\n1\n2\n", []string{"id"}, [][]string{{"1"}, {"2"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(c.file)
			if err != nil {
				t.Fatal(err)
			}
			s := got.Selection().Sheet
			if s == nil || !reflect.DeepEqual(s.Header, c.header) || !reflect.DeepEqual(s.Rows, c.rows) {
				t.Errorf("kept %q, want %q and %q", s, c.header, c.rows)
			}
		})
	}
}

func TestWhatOurOwnFilesAddIsNotRead(t *testing.T) {
	got, err := readValues("id,phone,Outcome code,Outcome reason\n'-7,'+15125550123,locked,Locked by Rita.\n8,\"'+1 512 555 0124\",,\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Ignored) != 0 || got.IDs[0] != "-7" || got.Given[0]["phone"] != "+15125550123" || got.Given[1]["phone"] != "+15125550124" {
		t.Errorf("read %q with %v, ignored %q", got.IDs, got.Given, got.Ignored)
	}
}

func TestAFileOfTooManyCellsIsNotKept(t *testing.T) {
	header, row := "id"+strings.Repeat(",x", 499), strings.Repeat(",1", 499)
	var file strings.Builder
	file.WriteString(header + "\n")
	for i := range 2100 {
		fmt.Fprintf(&file, "%d%s\n", i, row)
	}
	got, err := read(file.String())
	if err != nil || len(got.IDs) != 2100 || got.Sheet != nil {
		t.Errorf("%d ids (%v); the rows are kept: %v", len(got.IDs), err, got.Sheet != nil)
	}
}

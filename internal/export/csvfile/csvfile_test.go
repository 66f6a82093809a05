package csvfile_test

import (
	"testing"

	"bulkops/internal/export/csvfile"
)

func TestCellsThatASpreadsheetWouldComputeBecomeText(t *testing.T) {
	for value, want := range map[string]string{
		"Ann":                    "Ann",
		"":                       "",
		"000123":                 "000123",
		"O'Brien":                "O'Brien",
		"a=b":                    "a=b",
		"=SUM(A1:A9)":            "'=SUM(A1:A9)",
		"+15555501":              "'+15555501",
		"-2+3":                   "'-2+3",
		"@SUM(1)":                "'@SUM(1)",
		"  =1+1":                 "'  =1+1",
		"\t=1+1":                 "'\t=1+1",
		"\tAnn":                  "'\tAnn",
		"\x00Ann":                "'\x00Ann",
		"\xff=1":                 "\xff=1",
		"+1 555 0100":            "'+1 555 0100",
		"\rAnn":                  "'\rAnn",
		"\u00a0=1":               "'\u00a0=1",
		"＝1+1":                   "'＝1+1",
		"   ":                    "   ",
		"\"=1\"":                 "\"=1\"",
		"محمد":                   "محمد",
		"=cmd|' /C calc'!A0":     "'=cmd|' /C calc'!A0",
		"Ann\n=HYPERLINK(\"x\")": "Ann\n=HYPERLINK(\"x\")",
	} {
		if got := csvfile.Cell(value); got != want {
			t.Errorf("Cell(%q) = %q, want %q", value, got, want)
		}
	}
}

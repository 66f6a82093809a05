package csvfile_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

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
		"\nAnn":                  "'\nAnn",
		"\x01=1":                 "'\x01=1",
		"\u0085=1":               "'\u0085=1",
		"\u00a0=1":               "'\u00a0=1",
		"\u2003=1":               "'\u2003=1",
		"\u3000=1":               "'\u3000=1",
		"\u200b\u200e \ufeff+1":  "'\u200b\u200e \ufeff+1",
		"'=1":                    "''=1",
		"''+49 170 1":            "'''+49 170 1",
		"'\tAnn":                 "''\tAnn",
		"'Ann":                   "'Ann",
		"'":                      "'",
		"- milk\n- honey":        "'- milk\n- honey",
		"Buy:\n- milk; -5":       "Buy:\n- milk; -5",
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
		if got := csvfile.Plain(want); got != value {
			t.Errorf("Plain(%q) = %q, want %q", want, got, value)
		}
	}
}

func TestEveryValueComesBack(t *testing.T) {
	piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"'", "=", "+", "-", "@", "＝", " ", "\t", "\r", "\n", "\x00", "\u200b", "\u3000", "\xff", "a"}))
	rapid.Check(t, func(t *rapid.T) {
		value := strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "")
		if got := csvfile.Plain(csvfile.Cell(value)); got != value {
			t.Fatalf("%q comes back as %q", value, got)
		}
	})
}

func TestRowsAreAsRFC4180HasThem(t *testing.T) {
	var out strings.Builder
	w := csvfile.NewWriter(&out)
	for _, row := range [][]string{{"Id", "Note"}, {"007", `say "hi", twice`}, {"", "a\nb"}, {" a ", "b\r"}, {""}, {"+1 555 0100", "=1"}} {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "\ufeffId,Note\r\n007,\"say \"\"hi\"\", twice\"\r\n,\"a\nb\"\r\n\" a \",\"b\r\"\r\n\"\"\r\n'+1 555 0100,'=1\r\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestAFailedWriteIsToldAtTheEnd(t *testing.T) {
	w := csvfile.NewWriter(failing{})
	if err := errors.Join(w.Write([]string{"a"}), w.Flush()); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("error is %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

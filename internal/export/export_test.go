package export_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bulkops/internal/export"
	"bulkops/internal/fault"
)

const passphrase = "7k3m-9qwx-02fa-ht6z-1bne-5c8v-rj4d"

func write(t *testing.T, format export.Format, ids ...string) ([]byte, export.Summary) {
	t.Helper()
	var file bytes.Buffer
	w, err := export.New(&file, export.File{Format: format, Title: "Patient List", Made: time.Unix(0, 0), Passphrase: passphrase})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	err = w.Table(export.Table{Name: "Patients", Columns: []export.Column{{Title: "Id"}}})
	for _, id := range ids {
		err = errors.Join(err, w.Row([]string{id}))
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.Close()
	if err != nil || s.Bytes != int64(file.Len()) || s.Rows != len(ids) {
		t.Fatalf("the summary of %d bytes is %+v, %v", file.Len(), s, err)
	}
	return file.Bytes(), s
}

func TestEqualInputGivesTheSameDigestInAnotherFile(t *testing.T) {
	for _, format := range export.Formats {
		one, first := write(t, format, "1", "2")
		two, second := write(t, format, "1", "2")
		if first.Digest != second.Digest || len(first.Digest) != 64 || bytes.Equal(one, two) {
			t.Errorf("%s: digests %s and %s; the same bytes: %v", format, first.Digest, second.Digest, bytes.Equal(one, two))
		}
		if _, third := write(t, format, "1", "3"); third.Digest == first.Digest {
			t.Errorf("%s: other rows have the same digest", format)
		}
	}
}

func TestNothingStaysOnDisk(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	w, err := export.New(io.Discard, export.File{Format: export.Excel, Passphrase: passphrase})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("while a workbook is written there are %v, %v", entries, err)
	}
	w.Discard()
	w.Discard()
	t.Setenv("TMPDIR", filepath.Join(dir, "missing"))
	if _, err := export.New(io.Discard, export.File{Format: export.Excel, Passphrase: passphrase}); err == nil {
		t.Error("a workbook needs a place to wait, and there was none")
	}
}

func TestWhatCannotBeWrittenIsRefused(t *testing.T) {
	column := []export.Column{{Title: "Id"}}
	begin := func(f export.File) *export.Writer {
		t.Helper()
		w, err := export.New(io.Discard, f)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Discard)
		return w
	}
	if _, err := export.New(io.Discard, export.File{Format: export.CSV}); !fault.Is(err, fault.Internal) {
		t.Errorf("without a passphrase: %v", err)
	}
	if _, err := export.New(io.Discard, export.File{Format: "pdf", Passphrase: passphrase}); !fault.Is(err, fault.Invalid) {
		t.Errorf("pdf: %v", err)
	}
	for _, format := range export.Formats {
		w := begin(export.File{Format: format, Passphrase: passphrase})
		if err := w.Row([]string{"a"}); err == nil {
			t.Errorf("%s takes a row without a table", format)
		}
		for _, name := range []string{"", "a/b", "what?", "[x]", "it's", strings.Repeat("x", 26)} {
			if err := w.Table(export.Table{Name: name, Columns: column}); err == nil {
				t.Errorf("%s takes a table with the name %q", format, name)
			}
		}
		if err := w.Table(export.Table{Name: "Empty"}); err == nil {
			t.Errorf("%s takes a table without columns", format)
		}
		if err := w.Table(export.Table{Name: "Patients", Columns: column}); err != nil {
			t.Error(err)
		}
		for _, taken := range []string{"PATIENTS", export.CoverSheet} {
			if err := w.Table(export.Table{Name: taken, Columns: column}); err == nil {
				t.Errorf("%s takes a second table with the name %q", format, taken)
			}
		}
		if err := w.Row([]string{"a", "b"}); err == nil {
			t.Errorf("%s takes a row with too many cells", format)
		}
	}
}

func TestFormatsSayWhatTheyAre(t *testing.T) {
	if export.CSV.Extension() != ".zip" || export.CSV.MediaType() != "application/zip" || export.Excel.Extension() != ".xlsx" ||
		export.Excel.MediaType() != "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" {
		t.Error("a format has another name than its files")
	}
}

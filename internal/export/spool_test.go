package export_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bulkops/internal/export"
)

func TestSpooledRowsComeBackInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.SliceOfN(rapid.String(), 1, 5)).Draw(t, "rows")
		var s export.Spool
		defer s.Discard()
		for _, row := range want {
			if err := s.Add(row); err != nil {
				t.Fatal(err)
			}
		}
		var got [][]string
		if err := s.Each(func(row []string) error { got = append(got, row); return nil }); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q came back as %q", want, got)
		}
	})
}

// What lies on the disk has no name and cannot be read there, and is gone when
// the spool is.
func TestSpooledRowsCannotBeReadOnTheDisk(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var s export.Spool
	const secret = "Sofia Martinez has a rare disease"
	for i := range 200_000 {
		if err := s.Add([]string{fmt.Sprint(i * 7919 % 200_003), secret}); err != nil {
			t.Fatal(err)
		}
	}
	open := hidden(t, dir)
	if len(open) != 1 || bytes.Contains(open[0], []byte(secret)) || bytes.HasPrefix(open[0], []byte("\x1f\x8b")) || len(open[0]) < 100_000 {
		t.Errorf("%d files are open", len(open))
	}
	if named, err := os.ReadDir(dir); err != nil || len(named) != 0 {
		t.Errorf("the folder of temporary files has %d, %v", len(named), err)
	}
	stop := errors.New("that is enough")
	if err := s.Each(func([]string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the error of who takes the rows comes back as %v", err)
	}
	s.Discard()
	if open := hidden(t, dir); len(open) != 0 {
		t.Errorf("%d files are left", len(open))
	}
}

// hidden are the contents of the files without a name that this process has open
// in the folder.
func hidden(t *testing.T, dir string) [][]byte {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	var contents [][]byte
	for _, link := range links {
		target, _ := os.Readlink(link) // none for one that is closed by now
		if filepath.Dir(target) != dir {
			continue
		}
		content, err := os.ReadFile(link)
		if err != nil {
			t.Fatal(err)
		}
		contents = append(contents, content)
	}
	return contents
}

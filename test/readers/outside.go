// Package readers opens exported files as their receivers do: with
// msoffcrypto-tool and openpyxl, with pyzipper, LibreOffice and 7-Zip, none of
// which knows how they were written, and with readers of its own that refuse
// whatever is not as the standards have it.
package readers

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"bulkops/local/stack"
	"bulkops/local/tools"
)

//go:embed pythonreaders.py
var pythonReaders string

//go:embed libreoffice.py
var libreOfficeReader string

// File is a file to open. Its format follows from its extension.
type File struct {
	Path       string `json:"path"`
	Passphrase string `json:"passphrase"`
}

// Content is what a reader found in a file: an error, or tables with their
// cells as a person reads them, titles first, and the SHA-256 of the plain
// content as docs/exports.md defines it.
type Content struct {
	Error  string
	Tables []Table
	Digest string
}

// Table is a sheet of a workbook or an entry of a ZIP.
type Table struct {
	Name string
	Rows [][]string
}

// Table returns the table with the name, or fails the test.
func (c Content) Table(t testing.TB, name string) [][]string {
	t.Helper()
	for _, table := range c.Tables {
		if table.Name == name {
			return table.Rows
		}
	}
	t.Fatalf("there is no table %q but %d others; %s", name, len(c.Tables), c.Error)
	return nil
}

// Write writes files for readers into the test's folder.
func Write(t testing.TB, name, passphrase string, content []byte) File {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return File{path, passphrase}
}

// Python opens files, all in one process: workbooks with msoffcrypto-tool, which
// checks their HMAC, and openpyxl; ZIP files with pyzipper.
func Python(t testing.TB, files ...File) []Content {
	t.Helper()
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	if err := tools.Ensure(t.Context(), root, os.Stderr, tools.Readers); err != nil {
		t.Fatal(err)
	}
	return read(t, files, filepath.Join(tools.Readers.Dir(root), "bin", "python"), "-c", pythonReaders)
}

// LibreOffice opens workbooks, all in one process.
func LibreOffice(t testing.TB, files ...File) []Content {
	t.Helper()
	ensure(t, tools.LibreOffice, tools.UNO)
	// The bridge to LibreOffice belongs to Debian's own Python.
	return read(t, files, "/usr/bin/python3", "-c", libreOfficeReader, t.TempDir())
}

func read(t testing.TB, files []File, name string, args ...string) []Content {
	t.Helper()
	question, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = bytes.NewReader(question)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, complaint.Bytes())
	}
	var contents []Content
	if err := json.Unmarshal(answer, &contents); err != nil || len(contents) != len(files) {
		t.Fatalf("%s answered for %d of %d files, %v", name, len(contents), len(files), err)
	}
	return contents
}

// SevenZip returns what 7-Zip extracts of one entry of a ZIP. It says no when
// the passphrase is wrong or anything of the entry was changed.
func SevenZip(t testing.TB, f File, entry string) ([]byte, error) {
	t.Helper()
	ensure(t, tools.SevenZip)
	return exec.CommandContext(t.Context(), "7z", "x", "-so", "-p"+f.Passphrase, f.Path, entry).Output()
}

func ensure(t testing.TB, packages ...tools.Package) {
	t.Helper()
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	if err := tools.EnsureDebian(t.Context(), root, os.Stderr, packages...); err != nil {
		t.Fatal(err)
	}
}

package fhir

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"bulkops/internal/fault"
)

// MaxLine is the longest line, or entry of a Bundle, in bytes. Longer ones are
// refused: a resource of that size holds pictures or documents.
const MaxLine = 16 << 20

// The resource types that the registry has a place for.
const (
	kindOrganization = "Organization"
	kindPractitioner = "Practitioner"
	kindRole         = "PractitionerRole"
	kindPatient      = "Patient"
	kindEncounter    = "Encounter"
	kindCondition    = "Condition"
	kindMedication   = "MedicationRequest"
	kindAllergy      = "AllergyIntolerance"
)

var kinds = []string{
	kindOrganization, kindPractitioner, kindRole, kindPatient,
	kindEncounter, kindCondition, kindMedication, kindAllergy,
}

// file is one file of an import.
type file struct {
	path, name string
	bundle     bool
	kind       string // the type its name states: Patient.000.ndjson; "" when its lines decide
}

// named recognises the type in a file's name: a FHIR type starts with a
// capital and is followed by a number or the ending.
var named = regexp.MustCompile(`^([A-Z][A-Za-z]+)([._-][0-9]+)?\.ndjson$`)

// open lists the files of a folder, by name, or takes the one file.
func open(path string) ([]file, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "There is no file or folder %s, or it cannot be read.", path)
	}
	paths := []string{path}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "The folder %s cannot be read.", path)
		}
		paths = nil
		for _, e := range entries {
			if !e.IsDir() {
				paths = append(paths, filepath.Join(path, e.Name()))
			}
		}
	}
	var files []file
	for _, p := range paths {
		f := file{path: p, name: filepath.Base(p)}
		switch filepath.Ext(p) {
		case ".json":
			f.bundle = true
		case ".ndjson":
			if m := named.FindStringSubmatch(f.name); m != nil {
				f.kind = m[1]
			}
		default:
			continue // a licence, a note
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil, fault.New(fault.Invalid, "%s holds no FHIR files: bulk data ends in .ndjson, a Bundle in .json.", path)
	}
	return files, nil
}

// item is one line or entry. raw is valid until the next one.
type item struct {
	file    string
	line    int
	kind    string
	id      string
	fullURL string // in a Bundle
	raw     []byte
	flaw    string // why it cannot be used; kind is then the file's, or Unreadable
}

func (it item) checksum() uint32 { return crc32.ChecksumIEEE(it.raw) }

// each hands on every resource of the wanted kinds, counted as read, and of
// the peeked ones, not counted. A broken line is reported once in all passes:
// where its file's type is wanted or, in files of no stated type, where
// organizations are. Types without a place in the registry are counted there too.
func (im *importer) each(wanted, peeked []string, use func(item) error) error {
	first := slices.Contains(wanted, kindOrganization)
	for _, f := range im.files {
		answers := slices.Contains(wanted, f.kind) || first && !slices.Contains(kinds, f.kind)
		if !answers && f.kind != "" && !slices.Contains(peeked, f.kind) {
			continue
		}
		err := f.read(func(it item) error {
			if err := im.ctx.Err(); err != nil {
				return err
			}
			switch {
			case it.flaw == "" && slices.Contains(peeked, it.kind):
				return use(it)
			case it.flaw == "" && slices.Contains(wanted, it.kind):
				im.report.count(it.kind).Read++
				return use(it)
			case it.flaw != "" && answers:
				im.report.count(it.kind).Read++
				im.report.refuse(it, it.flaw)
			case answers && !slices.Contains(kinds, it.kind):
				im.report.count(it.kind).Read++
				im.report.count(it.kind).Ignored++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// read hands on every line or entry.
func (f file) read(use func(item) error) error {
	opened, err := os.Open(f.path)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "The file %s cannot be read.", f.name)
	}
	defer opened.Close()
	if f.bundle {
		return f.readBundle(opened, use)
	}
	r := bufio.NewReaderSize(opened, 64<<10)
	var line []byte
	for number := 1; ; number++ {
		var tooLong bool
		line, tooLong, err = readLine(r, line[:0])
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read %s: %w", f.name, err)
		}
		ended := errors.Is(err, io.EOF)
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
		if len(line) > 0 || tooLong {
			it := f.item(number, line)
			if tooLong {
				it = f.broken(number, fmt.Sprintf("The line is longer than %d MB.", MaxLine>>20))
			}
			if err := use(it); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
	}
}

// readLine appends a line to the buffer. Of a line that is too long it keeps
// nothing.
func readLine(r *bufio.Reader, line []byte) (_ []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if !tooLong {
			line = append(line, part...)
		}
		if len(line) > MaxLine {
			line, tooLong = line[:0], true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err
		}
	}
}

// id of a resource, as FHIR R4 defines it.
var fhirID = regexp.MustCompile(`^[A-Za-z0-9.-]{1,64}$`)

// item reads a resource's type and id.
func (f file) item(number int, raw []byte) item {
	var head struct {
		ResourceType string `json:"resourceType"`
		ID           string `json:"id"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		if !json.Valid(raw) {
			return f.broken(number, "It is not complete JSON.")
		}
		return f.broken(number, "It is no FHIR resource: its type or id is not a text.")
	}
	switch {
	case !resourceType.MatchString(head.ResourceType):
		return f.broken(number, "It is no FHIR resource: it has no resourceType.")
	case f.kind != "" && f.kind != head.ResourceType:
		return f.broken(number, "Its resourceType is not the one that the file's name states.")
	}
	return item{file: f.name, line: number, kind: head.ResourceType, id: head.ID, raw: raw}
}

var resourceType = regexp.MustCompile(`^[A-Z][A-Za-z]{1,63}$`)

func (f file) broken(number int, flaw string) item {
	kind := f.kind
	if kind == "" {
		kind = Unreadable
	}
	return item{file: f.name, line: number, kind: kind, flaw: flaw}
}

// checkID is why the id cannot be used; "" when it can.
func (it item) checkID() string {
	switch {
	case it.id == "":
		return "It has no id."
	case !fhirID.MatchString(it.id):
		return "Its id is not a FHIR id: up to 64 letters, digits, hyphens and dots."
	}
	return ""
}

// decode reads the resource's fields.
func (it item) decode(into any) string {
	err := json.Unmarshal(it.raw, into)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return fmt.Sprintf("Its field %s has another form than in FHIR R4.", strings.TrimPrefix(wrong.Field, "."))
	}
	if err != nil {
		return "It is not complete JSON."
	}
	return ""
}

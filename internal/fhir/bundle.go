package fhir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readBundle hands on the resources of a Bundle, entry by entry. After an
// entry that is no JSON the rest cannot be read: nothing says where the next
// one begins.
func (f file) readBundle(r io.Reader, use func(item) error) error {
	limited := &rationed{from: r, left: ration}
	d := json.NewDecoder(limited)
	number := 0
	// lost says what could not be read and ends the file.
	lost := func(err error) error {
		if limited.failed != nil {
			return fmt.Errorf("read %s: %w", f.name, limited.failed)
		}
		reason := "It is not complete JSON from here on; what follows was not read."
		if errors.Is(err, errTooLong) {
			reason = "An entry is far too long; it and what follows were not read."
		}
		return use(f.broken(number, reason))
	}
	noBundle := func() error { return use(f.broken(0, "It is no FHIR Bundle.")) }

	if t, err := d.Token(); err != nil {
		return lost(err)
	} else if t != json.Delim('{') {
		return noBundle()
	}
	kind := ""
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return lost(err)
		}
		limited.left = ration
		switch name {
		case "resourceType":
			var value any
			if err := d.Decode(&value); err != nil {
				return lost(err)
			}
			if kind, _ = value.(string); kind != "Bundle" {
				return noBundle()
			}
		case "entry":
			if t, err := d.Token(); err != nil {
				return lost(err)
			} else if t != json.Delim('[') {
				return noBundle()
			}
			for d.More() {
				number++
				limited.left = ration
				var raw json.RawMessage
				if err := d.Decode(&raw); err != nil {
					return lost(err)
				}
				if err := f.entry(number, raw, use); err != nil {
					return err
				}
			}
			if _, err := d.Token(); err != nil {
				return lost(err)
			}
		default:
			var skipped json.RawMessage
			if err := d.Decode(&skipped); err != nil {
				return lost(err)
			}
		}
	}
	if _, err := d.Token(); err != nil {
		return lost(err)
	}
	if kind == "" {
		return noBundle()
	}
	return nil
}

// entry hands on one entry of a Bundle. A resource without an id takes that of
// its urn:uuid, by which the Bundle's other resources refer to it.
func (f file) entry(number int, raw []byte, use func(item) error) error {
	if len(raw) > MaxLine {
		return use(f.broken(number, fmt.Sprintf("The entry is longer than %d MB.", MaxLine>>20)))
	}
	var e struct {
		FullURL  string          `json:"fullUrl"`
		Resource json.RawMessage `json:"resource"`
		Request  struct {
			Method string `json:"method"`
		} `json:"request"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return use(f.broken(number, "The entry has another form than in FHIR R4."))
	}
	if len(e.Resource) == 0 {
		if e.Request.Method == "DELETE" {
			return use(f.broken(number, "The entry asks to delete; an import only adds and changes."))
		}
		return use(f.broken(number, "The entry has no resource."))
	}
	it := f.item(number, e.Resource)
	it.fullURL = e.FullURL
	if uuid, ok := strings.CutPrefix(e.FullURL, "urn:uuid:"); ok && it.id == "" {
		it.id = uuid
	}
	return use(it)
}

// ration is how much of a file is read for one entry. It is more than MaxLine,
// since the decoder reads ahead, and bounds the memory that a file can ask for.
const ration = 2*MaxLine + 1<<20

var errTooLong = errors.New("longer than an entry may be")

// rationed ends with errTooLong where more is read than is left; whoever reads
// sets left again after each entry.
type rationed struct {
	from   io.Reader
	left   int
	failed error // of the file itself
}

func (r *rationed) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errTooLong
	}
	n, err := r.from.Read(p[:min(len(p), r.left)])
	r.left -= n
	if err != nil && err != io.EOF {
		r.failed = err
	}
	return n, err
}

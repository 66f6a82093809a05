// Package fhir imports FHIR R4 into the registry: folders of bulk data
// (NDJSON, one resource a line) and Bundles.
//
// Files are streamed several times rather than held: first what others refer
// to (organizations, practitioners, the patients' ids), then encounters,
// patients and clinical resources. What stays in memory is a few hundred bytes
// for each patient and about 40 for each other resource, its key, by which
// repeats are found.
//
// An import repeated changes nothing. A record that somebody has changed here
// since it was imported, in an operation or by hand, is kept as it is. The
// directory of facilities and providers belongs to the clinic once it exists:
// an import adds to it and fills gaps, it never replaces.
package fhir

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

// Store is where the import reads what exists and writes what differs.
type Store interface {
	// Records returns the latest version of the records that exist.
	Records(ctx context.Context, refs []registry.Ref) (map[registry.Ref]registry.Record, error)
	// PutRecords stores records, each named once, replacing those that exist.
	PutRecords(ctx context.Context, records []registry.Record) error
	// Directory returns every facility and provider.
	Directory(ctx context.Context) (registry.Directory, error)
	PutFacility(ctx context.Context, f registry.Facility) error
	PutProvider(ctx context.Context, p registry.Provider) error
}

// Options say what an import needs to know besides the files.
type Options struct {
	// Source names the import in the stamp of every record: "import <Source>".
	Source string
	// At is the moment of the import. Planned encounters after it are visits to
	// come. Its date is the registration date of patients without encounters.
	At time.Time
	// TimeZone is the IANA name for new facilities: FHIR organizations have none.
	TimeZone string
}

// stampPrefix marks records that an import may overwrite.
const stampPrefix = "import "

// chunk is how many resources are compared and written together.
const chunk = 100

// Import reads a folder, or one file, and writes what differs to the store.
// What cannot be used of it is in the report. The error is for files that
// cannot be read, a store that fails, and options that cannot be used; what
// was written before it stays, and the import can be repeated.
func Import(ctx context.Context, store Store, path string, o Options) (Report, error) {
	if o.Source == "" || o.At.IsZero() {
		return Report{}, fault.New(fault.Invalid, "An import needs a name and a moment.")
	}
	if _, err := time.LoadLocation(o.TimeZone); err != nil || o.TimeZone == "" {
		return Report{}, fault.New(fault.Invalid, "The time zone of new facilities must be an IANA name such as America/New_York.")
	}
	files, err := open(path)
	if err != nil {
		return Report{}, err
	}
	directory, err := store.Directory(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("import %s: read the directory: %w", o.Source, err)
	}
	im := &importer{
		ctx: ctx, store: store, files: files, at: o.At.UTC(), zone: o.TimeZone,
		stamp:    registry.Stamp{By: stampPrefix + o.Source, At: o.At.UTC()},
		report:   Report{Counts: map[string]*Count{}},
		index:    newIndex(directory),
		before:   directory,
		patients: map[string]*patient{},
		once:     map[key]uint32{},
	}
	for _, pass := range []func() error{im.readDirectory, im.readEncounters, im.writeDirectory, im.readPatients, im.readClinical} {
		if err := pass(); err != nil {
			return im.report, fmt.Errorf("import %s: %w", o.Source, err)
		}
	}
	maps.DeleteFunc(im.report.Counts, func(_ string, n *Count) bool { return n.Read == 0 })
	return im.report, nil
}

type importer struct {
	ctx    context.Context
	store  Store
	files  []file
	at     time.Time
	zone   string
	stamp  registry.Stamp
	report Report
	*index
	before   registry.Directory  // as it was found
	patients map[string]*patient // of the files, and others whose encounters are
	once     map[key]uint32      // checksum of each resource that was read
}

// first reports whether a resource is read for the first time. A repeat that
// says the same is unchanged; one that says something else is refused, since
// the order of files means nothing.
func (im *importer) first(it item) bool {
	k := hash(it.kind, it.id)
	sum, repeated := im.once[k]
	switch {
	case !repeated:
		im.once[k] = it.checksum()
		return true
	case sum == it.checksum():
		im.report.count(it.kind).Unchanged++
	default:
		im.report.refuse(it, "The same id was read before with other content; the first one counts.")
	}
	return false
}

// refuse reports a resource that cannot be used, and forgets that it was read:
// another one with its id may be better.
func (im *importer) refuse(it item, reason string) {
	delete(im.once, hash(it.kind, it.id))
	im.report.refuse(it, reason)
}

// ours reports whether nobody has written the record since an import did.
func ours(r registry.Record) bool {
	return r.Stamp.Operation == "" && strings.HasPrefix(r.Stamp.By, stampPrefix)
}

// sameFields compares what is stored: an empty field is an absent one.
func sameFields(a, b registry.Fields) bool {
	for name, value := range a {
		if b[name] != value {
			return false
		}
	}
	for name, value := range b {
		if a[name] != value {
			return false
		}
	}
	return true
}

// record makes what is stored: without empty fields, stamped.
func (im *importer) record(ref registry.Ref, fields registry.Fields) registry.Record {
	for name, value := range fields {
		if value == "" {
			delete(fields, name)
		}
	}
	return registry.Record{Ref: ref, Fields: fields, Stamp: im.stamp}
}

// settle counts under the kind what becomes of a record, and adds it to puts
// when it differs from what is stored and may replace it.
func (im *importer) settle(kind string, stored map[registry.Ref]registry.Record, want registry.Record, puts *[]registry.Record) {
	n := im.report.count(kind)
	old, exists := stored[want.Ref]
	switch {
	case !exists:
		n.New++
	case sameFields(old.Fields, want.Fields):
		n.Unchanged++
		return
	case !ours(old):
		n.Kept++
		return
	default:
		n.Changed++
	}
	*puts = append(*puts, want)
}

func (im *importer) put(records []registry.Record) error {
	if len(records) == 0 {
		return nil
	}
	if err := im.store.PutRecords(im.ctx, records); err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	return nil
}

func (im *importer) stored(refs []registry.Ref) (map[registry.Ref]registry.Record, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	found, err := im.store.Records(im.ctx, refs)
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	return found, nil
}

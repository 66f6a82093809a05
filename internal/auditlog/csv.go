package auditlog

import (
	"cmp"
	"context"
	"io"

	"bulkops/internal/audit"
	"bulkops/internal/export/csvfile"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Columns of the file. A record of several fields has a row for each.
var Columns = []string{"Timestamp (UTC)", "What", "Result", "Operation", "Operation type", "Operator", "Approver", "Reason", "Patient id", "Record", "Field",
	"Old value", "New value", "Facility", "Detail", "Target", "Source address", "Request id", "Audit record"}

const (
	// MostInFile is how many records one file holds.
	MostInFile = 10_000
	// mostBytes bounds a file: more than 5 MB no function can answer.
	mostBytes = 4 << 20
	// pagesInFile bounds how far back is read for one file.
	pagesInFile = 20
)

// File is what came of writing a file.
type File struct {
	Records  int
	Complete bool // false: there are more records than a file holds, or reading stopped before
}

// WriteCSV writes what the question finds, newest first. Values that a
// spreadsheet would compute are made text. A file that is not complete says so
// in its last row.
func (l Log) WriteCSV(ctx context.Context, w io.Writer, actor staff.Person, q Query) (File, error) {
	d, err := l.Engine.Registry.Directory(ctx)
	if err != nil {
		return File{}, err
	}
	counted := &counter{w: w}
	out := csvfile.NewWriter(counted)
	if err := out.Write(Columns); err != nil {
		return File{}, err
	}
	var file File
	after := ""
	for range pagesInFile {
		page, err := l.Find(ctx, actor, q, after, MostInFile-file.Records)
		if err != nil {
			return file, err
		}
		names, err := l.names(ctx, d, page.Records)
		if err != nil {
			return file, err
		}
		for _, r := range page.Records {
			if counted.bytes > mostBytes {
				page.Next = r.SortKey()
				break
			}
			if err := writeRows(out, names, r); err != nil {
				return file, err
			}
			file.Records++
		}
		if after = page.Next; after == "" {
			file.Complete = true
			return file, out.Flush()
		}
		if file.Records == MostInFile || counted.bytes > mostBytes {
			break
		}
	}
	last := make([]string, len(Columns))
	last[1] = "This file is not complete: there is more further back. Ask for fewer days."
	if err := out.Write(last); err != nil {
		return file, err
	}
	return file, out.Flush()
}

func writeRows(out *csvfile.Writer, n Names, r audit.Record) error {
	title := r.Kind
	if k, ok := kind.Find(r.Kind); ok {
		title = k.Title
	}
	row := []string{r.At.UTC().Format("2006-01-02T15:04:05Z"), Words(r), string(r.Result), r.Operation, title, r.Operator.Name, r.Approver.Name, r.Reason, r.Patient, cmp.Or(n.About(r), r.Part),
		"", "", "", n.Display(registry.FacilityField, r.Facility), r.Detail, r.Target, r.Source, r.Request, Name(r)}
	fields := Fields(r)
	if len(fields) == 0 {
		return out.Write(row)
	}
	for _, f := range fields {
		row[10], row[11], row[12] = n.Label(r, f), n.Value(r, f, r.Old[f]), n.Value(r, f, r.New[f])
		if err := out.Write(row); err != nil {
			return err
		}
	}
	return nil
}

// counter counts what is written.
type counter struct {
	w     io.Writer
	bytes int
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.bytes += n
	return n, err
}

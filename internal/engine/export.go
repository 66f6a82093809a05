package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/export"
	"bulkops/internal/export/passphrase"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

const (
	// maxMoved is how many patients of a plan may be missing from the file: more
	// of them ask for a new plan, not for a file that is less than was approved.
	maxMoved = 5000
	// reserve is the time of a call that is kept to give up an unfinished file.
	reserve = 15 * time.Second
)

// RunExport writes the file of an export and records it with the outcome of
// every subject. There is no file before it is complete: a call that fails
// leaves none, and a repeat begins anew, or takes the file that an earlier call
// completed. It ends early, without error, when the operation is to stop.
func (e *Engine) RunExport(ctx context.Context, id string) (bulk.Tally, error) {
	if end, ok := ctx.Deadline(); ok {
		limited, cancel := context.WithDeadline(ctx, end.Add(-reserve))
		defer cancel()
		ctx = limited
	}
	op, err := e.Operations.Operation(ctx, id)
	if err != nil {
		return bulk.Tally{}, err
	}
	if op.File == nil {
		if op, err = e.makeFile(ctx, op); err != nil || op.File == nil {
			return bulk.Tally{}, err
		}
	}
	return e.recordFile(ctx, op)
}

// makeFile writes the operation's file, unless it is there, and puts it into
// the header. The header comes back without a file when the operation is to stop.
func (e *Engine) makeFile(ctx context.Context, op bulk.Operation) (bulk.Operation, error) {
	attempt, size, there, err := e.Files.Stat(ctx, op.ID)
	if err != nil {
		return op, err
	}
	if !there {
		if op.State != bulk.Running {
			return op, nil
		}
		if stopped, err := e.attempt(ctx, op); err != nil || stopped {
			return op, err
		}
		if attempt, size, there, err = e.Files.Stat(ctx, op.ID); err != nil {
			return op, err
		}
	}
	if !there {
		return op, fault.New(fault.Busy, "The file of %s is not there after it was written; it is tried again.", op.ID)
	}
	written, err := e.Operations.Written(ctx, op.ID, attempt)
	if err != nil {
		return op, err
	}
	if written.File.Size != size {
		return op, errors.Join(fault.New(fault.Internal, "a file of %d bytes was written, one of %d is there", written.File.Size, size),
			e.Files.Delete(ctx, op.ID))
	}
	made, err := e.update(ctx, op.ID, func(op *bulk.Operation) (bulk.Event, error) {
		if op.File != nil {
			return bulk.Event{}, errNothingNew
		}
		if op.State.Ended() {
			return bulk.Event{}, fault.New(fault.Conflict, "%s has ended without its file.", op.ID)
		}
		file := written.File
		file.Attempt, file.Ready = attempt, e.Now()
		file.Expires = file.Ready.Add(e.Limits.KeepFiles)
		op.File = &file
		return bulk.Event{What: "file ready", Detail: fmt.Sprintf("%s, %s, %d bytes, SHA-256 %s",
			english.Count(file.Patients, "patient", "patients"), english.Count(bulk.AllRows(file.Rows), "row", "rows"), file.Size, file.Digest)}, nil
	})
	if fault.Is(err, fault.Conflict) && made.State.Ended() {
		return made, errors.Join(err, e.Files.Delete(ctx, op.ID))
	}
	return made, err
}

// attempt writes the file once. stopped says that it gave up because the
// operation is to stop.
func (e *Engine) attempt(ctx context.Context, op bulk.Operation) (stopped bool, err error) {
	attempt := e.Secret()
	out, err := e.Files.Create(ctx, op.ID, attempt)
	if err != nil {
		return false, err
	}
	defer func() {
		if aborted := out.Abort(); aborted != nil {
			e.Log(ctx, "what is left of an export's file could not be removed", aborted, "operation", op.ID)
		}
	}()
	secret := passphrase.New()
	sum := sha256.New()
	written, err := e.writeFile(ctx, op, io.MultiWriter(out, sum), sum, secret)
	if err != nil || written == nil {
		return written == nil && err == nil, err
	}
	sealed, err := e.Sealer.Seal(ctx, op.ID, secret)
	if err != nil {
		return false, err
	}
	if err := e.Operations.PutWritten(ctx, op.ID, attempt, *written, sealed); err != nil {
		return false, err
	}
	if err := out.Complete(); err != nil && !errors.Is(err, ErrFileExists) {
		return false, err
	}
	return false, nil
}

// writeFile writes every row of the plan's patients, with the values that they
// have now. Who has left the facility in which they were planned is left out
// and listed. nil: the operation is to stop.
func (e *Engine) writeFile(ctx context.Context, op bulk.Operation, w io.Writer, sum hash.Hash, secret string) (*Written, error) {
	directory, err := e.Registry.Directory(ctx)
	if err != nil {
		return nil, err
	}
	k, err := mustKind(op.Kind)
	if err != nil {
		return nil, err
	}
	file, err := export.New(w, export.File{
		Format: formatOf(op), Title: op.Summary, Cover: cover(op, directory),
		Made: op.Started, Passphrase: secret,
	})
	if err != nil {
		return nil, err
	}
	defer file.Discard()
	sheets := k.Sheets(op.Params)
	later := make([]export.Spool, len(sheets)) // the rows of all sheets but the first, which come after it
	defer func() {
		for i := range later {
			later[i].Discard()
		}
	}()
	written := &Written{}
	if err := file.Table(tableOf(sheets[0])); err != nil {
		return nil, err
	}
	for chunk, err := range e.readAhead(ctx, e.planned(ctx, op), reading{parts: k.ReadsParts(op.Params), latest: true}) {
		if err != nil {
			return nil, err
		}
		if now, err := e.Operations.Operation(ctx, op.ID); err != nil || now.State != bulk.Running {
			return nil, err
		}
		for _, c := range chunk.candidates {
			p, found := chunk.patients[c.id]
			if outcome, skip := missing(*c.change, p, found); skip {
				if written.Skipped = append(written.Skipped, outcome); len(written.Skipped) > maxMoved {
					return nil, fault.New(fault.Stale, "More than %s patients have left their facilities since the preview. Make a new plan.", english.Number(maxMoved))
				}
				continue
			}
			written.File.Patients++
			for i, sheet := range sheets {
				for _, row := range sheet.Rows(p, chunk.parts[c.id], directory) {
					if err := put(file, &later[i], i == 0, row); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	for i, sheet := range sheets[1:] {
		if err := file.Table(tableOf(sheet)); err != nil {
			return nil, err
		}
		if err := later[i+1].Each(file.Row); err != nil {
			return nil, err
		}
	}
	s, err := file.Close(
		export.Fact{Name: "Patients in this file", Value: english.Number(written.File.Patients)},
		export.Fact{Name: "Left out since the plan", Value: english.Number(len(written.Skipped))},
	)
	if err != nil {
		return nil, err
	}
	if got := written.File.Patients + len(written.Skipped); got != op.Plan.Changes {
		return nil, fault.New(fault.Internal, "%d patients were planned and %d were met", op.Plan.Changes, got)
	}
	written.File.Rows = map[string]int{}
	for i, t := range s.Tables {
		written.File.Rows[sheets[i].Name] = t.Rows
	}
	written.File.Size, written.File.Digest, written.File.Remarks = s.Bytes, hex.EncodeToString(sum.Sum(nil)), s.Remarks
	return written, nil
}

func put(file *export.Writer, later *export.Spool, first bool, row []string) error {
	if first {
		return file.Row(row)
	}
	return later.Add(row)
}

// missing says why a planned patient is not in the file.
func missing(c bulk.Change, p registry.Patient, found bool) (bulk.Outcome, bool) {
	switch {
	case !found:
		return bulk.Outcome{Subject: c.Subject, State: bulk.Skipped, Code: bulk.Gone, Sentence: "The record is no longer there."}, true
	case !profileHolds(c, p):
		return bulk.Outcome{Subject: c.Subject, State: bulk.Skipped, Code: bulk.ChangedSince, Retryable: true,
			Sentence: "The patient has left the facility that the plan names, and is not in the file."}, true
	}
	return bulk.Outcome{}, false
}

// columnFor is a column of a file for what the sheets hold.
var columnFor = map[kind.CellType]export.Column{
	kind.TextCells: {Type: export.Text}, kind.NoteCells: {Type: export.Note}, kind.DateCells: {Type: export.Date},
	kind.MomentCells: {Type: export.Moment}, kind.NumberCells: {Type: export.Number},
}

func tableOf(s kind.Sheet) export.Table {
	t := export.Table{Name: s.Title, Columns: []export.Column{{Title: kind.PatientID}}}
	for _, c := range s.Columns {
		column := columnFor[c.Cells]
		column.Title = c.Title
		t.Columns = append(t.Columns, column)
	}
	return t
}

// cover says who asked for the file, who approved it, why, when, and what it
// was to hold. It says the same each time the file is made.
func cover(op bulk.Operation, d registry.Directory) []export.Fact {
	moment := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
	t, _ := kind.FindExport(op.Params[kind.ExportType])
	facilities := make([]string, len(op.Plan.Facilities))
	for i, id := range op.Plan.Facilities {
		facilities[i] = d.Display(registry.FacilityField, id)
	}
	return []export.Fact{
		{Name: "Operation", Value: op.ID},
		{Name: "Type", Value: t.Title},
		{Name: "Asked for by", Value: op.Requester.Name + ", " + moment(op.Submitted)},
		{Name: "Approved by", Value: op.Decision.By.Name + ", " + moment(op.Decision.At)},
		{Name: "Reason", Value: op.Reason},
		{Name: "Patients chosen by", Value: op.Selected.Words},
		{Name: "Facilities", Value: strings.Join(facilities, ", ")},
		{Name: "Patients in the plan", Value: english.Number(op.Plan.Changes)},
		{Name: "Left out of the plan", Value: english.Number(op.Plan.Excluded)},
		{Name: "SHA-256 of the plan", Value: op.Plan.Digest},
		{Name: "Values as they were at", Value: moment(op.Started) + " or a little later"},
		{Name: "Dates and times", Value: "ISO 8601. Times are in the time zone UTC."},
		{Name: "Handling", Value: "This file holds protected health information (PHI). Keep it where patient data belongs, do not send it by unsecured mail, and delete it when it is no longer needed."},
	}
}

// recordFile writes the outcome of every subject of an export that has made
// its file. What is recorded already stays as it is.
func (e *Engine) recordFile(ctx context.Context, op bulk.Operation) (bulk.Tally, error) {
	written, err := e.Operations.Written(ctx, op.ID, op.File.Attempt)
	if err != nil {
		return bulk.Tally{}, err
	}
	skipped := make(map[string]bulk.Outcome, len(written.Skipped))
	for _, o := range written.Skipped {
		skipped[o.Subject] = o
	}
	for number := 1; number <= op.Plan.Batches; number++ {
		b, err := e.Operations.Batch(ctx, op.ID, op.Plan.Run, number)
		if err != nil {
			return bulk.Tally{}, err
		}
		for group := range b.Groups {
			result := bulk.Result{Batch: number, Group: group}
			for _, c := range b.Group(group) {
				if o, ok := skipped[c.Subject]; ok {
					result.Others = append(result.Others, o)
				}
			}
			if err := e.recordResult(ctx, op.ID, result, len(b.Group(group))); err != nil {
				return bulk.Tally{}, err
			}
		}
	}
	return e.Operations.Progress(ctx, op.ID)
}

// recordResult stores the result of a group that changes no record.
func (e *Engine) recordResult(ctx context.Context, id string, r bulk.Result, size int) error {
	for try := 0; ; try++ {
		err := e.Operations.CommitGroup(ctx, Group{Operation: id, Result: r, Tally: r.Tally(size)})
		if err == nil || errors.Is(err, ErrRecorded) {
			return nil
		}
		if try+1 >= maxTries || ctx.Err() != nil {
			return err
		}
		e.Pause(ctx, jitter(try))
	}
}

// SheetRows are the rows of each sheet of an export, by title.
type SheetRows struct {
	Name, Title   string
	Columns       []string
	Planned, Made int
}

// Sheets says of each sheet of an export which columns it has, and how many
// rows were planned and, once the file is there, made.
func Sheets(op bulk.Operation) []SheetRows {
	k, ok := kind.Find(op.Kind)
	if !ok || !k.MakesFile() {
		return nil
	}
	var made map[string]int
	if op.File != nil {
		made = maps.Clone(op.File.Rows)
	}
	var sheets []SheetRows
	for _, s := range k.Sheets(op.Params) {
		sheets = append(sheets, SheetRows{s.Name, s.Title, slices.Clone(s.Headings()), op.Plan.Rows[s.Name], made[s.Name]})
	}
	return sheets
}

package report

import (
	"bytes"
	"context"
	"io"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/staff"
)

// files are the CSV files about an operation that people can take away, by name.
var files = map[string]func(ctx context.Context, e *engine.Engine, person staff.Person, op bulk.Operation, w io.Writer) error{
	"outcomes": func(ctx context.Context, e *engine.Engine, _ staff.Person, op bulk.Operation, w io.Writer) error {
		directory, err := e.Registry.Directory(ctx)
		if err != nil {
			return err
		}
		return Outcomes(w, directory, e.Lines(ctx, op), e.Exclusions(ctx, op))
	},
	"not-changed": func(ctx context.Context, e *engine.Engine, person staff.Person, op bulk.Operation, w io.Writer) error {
		header, rows, err := e.Sheet(ctx, person, op)
		if err != nil {
			return err
		}
		return NotChanged(w, Sheet{header, rows}, e.Lines(ctx, op))
	},
	"left-out": func(ctx context.Context, e *engine.Engine, person staff.Person, op bulk.Operation, w io.Writer) error {
		header, rows, err := e.Sheet(ctx, person, op)
		if err != nil {
			return err
		}
		return LeftOut(w, Sheet{header, rows}, e.Exclusions(ctx, op))
	},
}

// plainLimit is the most subjects whose file fits into an answer that is not
// compressed: a function may answer with 6 MB. Package lambdahttp compresses
// larger ones for who takes it, which all browsers do.
const plainLimit = 15_000

// File makes the file of that name about an operation, for whoever may read who
// its subjects are, and says under which name it is to be saved. The names are
// outcomes: what became of every subject; not-changed: those whom the run did not
// change; and left-out: those whom the plan could not include. accepts is the
// Accept-Encoding of who asks.
func File(ctx context.Context, e *engine.Engine, person staff.Person, op bulk.Operation, name, accepts string) (saved string, content []byte, err error) {
	if !strings.Contains(accepts, "gzip") && op.Plan.Changes+op.Plan.Excluded > plainLimit {
		return "", nil, fault.New(fault.TooLarge, "This file is too large for a browser or a program that takes no compressed files. Open the page with another browser, or ask with Accept-Encoding: gzip.")
	}
	if err := e.MayNotReadSubjects(person, op); err != nil {
		return "", nil, err
	}
	var file bytes.Buffer
	if err := files[name](ctx, e, person, op, &file); err != nil {
		return "", nil, err
	}
	return op.ID + "-" + name + ".csv", file.Bytes(), nil
}

package report

import (
	"bytes"
	"context"
	"io"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
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

// File makes the file of that name about an operation which the person may see,
// and says under which name it is to be saved. The names are outcomes: what
// became of every subject; not-changed: those whom the run did not change; and
// left-out: those whom the plan could not include.
func File(ctx context.Context, e *engine.Engine, person staff.Person, op bulk.Operation, name string) (saved string, content []byte, err error) {
	var file bytes.Buffer
	if err := files[name](ctx, e, person, op, &file); err != nil {
		return "", nil, err
	}
	return op.ID + "-" + name + ".csv", file.Bytes(), nil
}

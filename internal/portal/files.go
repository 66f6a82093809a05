package portal

import (
	"bytes"
	"io"
	"net/http"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/journal"
	"bulkops/internal/report"
)

// plainFileLimit is the most subjects whose file fits into an answer that is not
// compressed: a function may answer with 6 MB. Package lambdahttp compresses
// larger ones for browsers that take it, which all do.
const plainFileLimit = 15_000

// operationFile answers with a CSV file about an operation that has a plan.
func operationFile(name string, write func(*request, bulk.Operation, io.Writer) error) func(*request) error {
	return func(rq *request) error {
		op, _, err := rq.theOperation()
		if err != nil {
			return err
		}
		if op.Plan.Digest == "" {
			return fault.New(fault.NotFound, "This operation has no plan, so there is nothing to download.")
		}
		if !strings.Contains(rq.r.Header.Get("Accept-Encoding"), "gzip") && op.Plan.Changes+op.Plan.Excluded > plainFileLimit {
			return fault.New(fault.TooLarge, "This file is too large for a browser that takes no compressed files. Open the page with another browser.")
		}
		var content bytes.Buffer
		if err := write(rq, op, &content); err != nil {
			return err
		}
		named := op.ID + "-" + name + ".csv"
		journal.Note(rq.ctx()).Target = named
		h := rq.w.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="`+named+`"`)
		rq.Log(rq.ctx(), "a file about an operation was downloaded", nil, "operation", op.ID, "file", name, "sub", rq.person.Sub)
		rq.w.WriteHeader(http.StatusOK)
		_, _ = rq.w.Write(content.Bytes())
		return nil
	}
}

// outcomesFile is what became of every subject.
func outcomesFile(rq *request, op bulk.Operation, w io.Writer) error {
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	return report.Outcomes(w, d, rq.engine.Lines(rq.ctx(), op), rq.engine.Exclusions(rq.ctx(), op))
}

// notChangedFile is those whom the run did not change, in the columns of the
// file they came from.
func notChangedFile(rq *request, op bulk.Operation, w io.Writer) error {
	header, rows, err := rq.engine.Sheet(rq.ctx(), rq.person, op)
	if err != nil {
		return err
	}
	return report.NotChanged(w, report.Sheet{Header: header, Rows: rows}, rq.engine.Lines(rq.ctx(), op))
}

// leftOutFile is those whom the plan could not include, in those columns.
func leftOutFile(rq *request, op bulk.Operation, w io.Writer) error {
	header, rows, err := rq.engine.Sheet(rq.ctx(), rq.person, op)
	if err != nil {
		return err
	}
	return report.LeftOut(w, report.Sheet{Header: header, Rows: rows}, rq.engine.Exclusions(rq.ctx(), op))
}

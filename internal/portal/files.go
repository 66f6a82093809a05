package portal

import (
	"net/http"
	"strings"

	"bulkops/internal/fault"
	"bulkops/internal/journal"
	"bulkops/internal/report"
)

// plainFileLimit is the most subjects whose file fits into an answer that is not
// compressed: a function may answer with 6 MB. Package lambdahttp compresses
// larger ones for browsers that take it, which all do.
const plainFileLimit = 15_000

// operationFile answers with the file of that name about an operation that has a plan.
func operationFile(name string) func(*request) error {
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
		saved, content, err := report.File(rq.ctx(), rq.engine, rq.person, op, name)
		if err != nil {
			return err
		}
		journal.Note(rq.ctx()).Target = saved
		h := rq.w.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="`+saved+`"`)
		rq.Log(rq.ctx(), "a file about an operation was downloaded", nil, "operation", op.ID, "file", name, "sub", rq.person.Sub)
		rq.w.WriteHeader(http.StatusOK)
		_, _ = rq.w.Write(content)
		return nil
	}
}

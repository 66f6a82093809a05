package portal

import (
	"net/http"

	"bulkops/internal/fault"
	"bulkops/internal/journal"
	"bulkops/internal/report"
)

// operationFile answers with the file of that name about an operation that has a plan.
func operationFile(name string) func(*request) error {
	return func(rq *request) error {
		op, _, err := rq.theSubjects()
		if err != nil {
			return err
		}
		if op.Plan.Digest == "" {
			return fault.New(fault.NotFound, "This operation has no plan, so there is nothing to download.")
		}
		saved, content, err := report.File(rq.ctx(), rq.engine, rq.person, op, name, rq.r.Header.Get("Accept-Encoding"))
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

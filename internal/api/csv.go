package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/journal"
	"bulkops/internal/report"
	"bulkops/internal/staff"
)

type csvIn struct {
	OperationID
	Accepts string `header:"Accept-Encoding" doc:"With gzip in it, a file of any size is answered; without, one of up to 15,000 patients." example:"gzip"`
}

type csvOut struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (a *api) csvRoutes(h huma.API) {
	outcomes := reading("outcomes-file", "outcomes.csv", "Get what became of every patient as a CSV file")
	outcomes.Description = "The same as asking for the outcomes with Accept: text/csv. Values that a spreadsheet would compute begin with an apostrophe."
	notChanged := reading("not-changed-file", "not-changed.csv", "Get those whom the run did not change as a CSV file")
	leftOut := reading("left-out-file", "left-out.csv", "Get those whom the plan could not include as a CSV file")
	notChanged.Description = "In the columns of the file that was uploaded, where there was one, with code and reason. Corrected, it can be uploaded as it is."
	leftOut.Description = notChanged.Description
	for name, file := range map[string]huma.Operation{"outcomes": outcomes, "not-changed": notChanged, "left-out": leftOut} {
		file.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: "string"}}}}}
		use(a, h, file, a.csv(name))
	}
}

// csv answers with the file of that name about an operation.
func (a *api) csv(name string) func(context.Context, staff.Person, *csvIn) (*csvOut, error) {
	return func(ctx context.Context, person staff.Person, in *csvIn) (*csvOut, error) {
		op, err := a.visible(ctx, person, in.ID)
		if err != nil {
			return nil, err
		}
		saved, content, err := report.File(ctx, a.engine, person, op, name, in.Accepts)
		if err != nil {
			return nil, err
		}
		journal.Note(ctx).Target = saved
		return &csvOut{"text/csv; charset=utf-8; header=present", `attachment; filename="` + saved + `"`, content}, nil
	}
}

package api_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/api"
	"bulkops/internal/audit"
)

func TestAnExportAndItsFile(t *testing.T) {
	c := newClinic(t)
	ask := func(columns string) object {
		return object{"kind": "export", "params": object{"type": "patient-list", "format": "csv", "columns": columns},
			"selection": object{"ids": []string{"000001", "000002", "000010", "000210"}}}
	}
	p := c.as(t, "sam", "POST", "/v1/operations", ask("patient.name visit.start"), key(1)...).problem(422, "invalid")
	if len(p.Problems) != 1 || p.Problems[0].Field != "columns" {
		t.Errorf("%+v", p)
	}
	op := c.ready(t, ask("patient.name patient.status"))
	if op.Plan.Changes != 3 || op.Plan.Rows["patients"] != 3 || op.Plan.Bytes == 0 || op.Plan.ByReason["other-facility"] != 1 || op.File != nil ||
		!strings.HasPrefix(op.Summary, "Export Patient List as CSV with Name, Status only") {
		t.Errorf("%+v %+v", op, op.Plan)
	}
	c.as(t, "sam", "POST", "/v1/operations/"+op.ID+"/file", nil).problem(404, "not-found")
	sent := submission(op)
	sent["checklist"] = op.You.ToSubmit.Checklist
	op = c.as(t, "sam", "POST", "/v1/operations/"+op.ID+"/submit", sent).operation(200)
	c.as(t, "maria", "POST", "/v1/operations/"+op.ID+"/decision", object{"verdict": "approved", "digest": op.Plan.Digest}).operation(200)
	op = c.as(t, "sam", "GET", "/v1/operations/"+op.ID, nil).operation(200)
	if op.State != "completed" || op.File == nil || op.File.Patients != 3 || op.File.Rows["patients"] != 3 || op.File.PassphraseShown != nil ||
		op.StateSays != "The file is complete: every patient in the plan is in it." {
		t.Fatalf("%+v %+v", op, op.File)
	}
	var link struct{ Link, Name, Digest string }
	c.as(t, "sam", "POST", "/v1/operations/"+op.ID+"/file", nil).into(200, &link)
	if link.Link != "https://files.example/"+op.ID+"?as="+op.ID+".zip" || link.Name != op.ID+".zip" || link.Digest != op.File.Digest {
		t.Errorf("%+v", link)
	}
	c.as(t, "maria", "POST", "/v1/operations/"+op.ID+"/file", nil).problem(403, "forbidden")
	c.as(t, "omar", "POST", "/v1/operations/"+op.ID+"/file", nil).problem(403, "forbidden")
	c.as(t, "lena", "POST", "/v1/operations/"+op.ID+"/file", nil).problem(404, "not-found")
	var downloads []string
	for _, r := range c.searched(t, "omar", object{"operation": op.ID, "show": "views"}).Records {
		if r.What == audit.FileDownloaded {
			downloads = append(downloads, r.Operator.Name+" "+string(r.Result))
		}
	}
	if want := []string{"Omar Haddad refused", "Maria Duarte refused", "Sam Okafor done", "Sam Okafor refused"}; !slices.Equal(downloads, want) {
		t.Errorf("the downloads are written down as %q, want %q", downloads, want)
	}
	var listed struct{ Operations []api.Operation }
	c.as(t, "omar", "GET", "/v1/operations?which=exports", nil).into(200, &listed)
	if len(listed.Operations) != 1 || listed.Operations[0].ID != op.ID || listed.Operations[0].File == nil {
		t.Errorf("%+v", listed)
	}
	c.Engine.Limits.KeepFiles = 30 * 24 * time.Hour
	before := c.Engine.Now
	c.Engine.Now = func() time.Time { return before().AddDate(0, 0, 7) }
	c.as(t, "sam", "POST", "/v1/operations/"+op.ID+"/file", nil).problem(410, "gone")
}

func TestTheKindsSayWhatAnExportMayHold(t *testing.T) {
	var kinds struct{ Kinds []api.KindView }
	newClinic(t).as(t, "sam", "GET", "/v1/kinds", nil).into(200, &kinds)
	for _, k := range kinds.Kinds {
		if (k.Name == "export") != (len(k.Types) == 4) {
			t.Errorf("%s has %d types", k.Name, len(k.Types))
		}
		for _, of := range k.Types {
			if len(of.Columns) < 5 || len(of.Formats) == 0 {
				t.Errorf("%+v", of)
			}
		}
	}
}

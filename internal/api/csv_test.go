package api_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"bulkops/internal/api/apitest"
	"bulkops/internal/audit"
)

// Who is left out comes back in the columns of the file: to its sender, and to
// the auditors.
func TestThoseLeftOutComeBackInTheirColumns(t *testing.T) {
	c := newClinic(t)
	ask := toHold("000001", "000002")
	ask["selection"] = object{"ids": []string{"000001", "000002"}, "rows": []int{2, 3}, "file": strings.Repeat("0", 64),
		"sheet": object{"header": []string{"ward", "MRN"}, "rows": [][]string{{"A", "000001"}, {"=B", "000002"}}}}
	op := c.submitted(t, ask)
	for who, want := range map[string]string{
		"sam":   "ward,MRN,Outcome code,Outcome reason\r\n'=B,000002,locked,The record is locked by Rita Chen: Chart review.\r\n",
		"omar":  "ward,MRN,Outcome code,Outcome reason\r\n'=B,000002,locked,The record is locked by Rita Chen: Chart review.\r\n",
		"maria": "patient_id,Outcome code,Outcome reason\r\n000002,locked,The record is locked by Rita Chen: Chart review.\r\n",
	} {
		if got := strings.TrimPrefix(c.as(t, who, "GET", "/v1/operations/"+op.ID+"/left-out.csv", nil).Body.String(), "\ufeff"); got != want {
			t.Errorf("%s gets\n%s\nwant\n%s", who, got, want)
		}
	}
	c.as(t, "maria", "POST", "/v1/operations/"+op.ID+"/decision", object{"verdict": "approved", "digest": op.Plan.Digest}).operation(200)
	if got := c.as(t, "sam", "GET", "/v1/operations/"+op.ID+"/not-changed.csv", nil).Body.String(); got != "\ufeffward,MRN,Outcome code,Outcome reason\r\n" {
		t.Errorf("nobody was not changed, and the file is\n%s", got)
	}
}

func TestOutcomesAsAFile(t *testing.T) {
	c := newClinic(t)
	op := c.submitted(t, toHold("000001", "000002", "000004", "999999", "000004"))
	path := "/v1/operations/" + op.ID
	c.as(t, "maria", "POST", path+"/decision", object{"verdict": "approved", "digest": op.Plan.Digest}).operation(200)
	byName := c.as(t, "sam", "GET", path+"/outcomes.csv", nil)
	byAccept := c.as(t, "sam", "GET", path+"/outcomes", nil, "Accept", "text/csv, application/json;q=0.5")
	if byName.Body.String() != byAccept.Body.String() || byName.Code != 200 {
		t.Errorf("two ways, two files: %d %d", byName.Code, byAccept.Code)
	}
	if byName.Header().Get("Content-Type") != "text/csv; charset=utf-8; header=present" || byName.Header().Get("Content-Disposition") != `attachment; filename="`+op.ID+`-outcomes.csv"` {
		t.Errorf("%v", byName.Header())
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(byName.Body.String(), "\ufeff"))).ReadAll()
	must(t, err)
	if len(rows) != 1+4 || rows[1][1] != "'"+apitest.HostileName || rows[1][3] != "done" || rows[3][0] != "000002" || rows[3][3] != "left out" || rows[4][0] != "999999" {
		t.Errorf("%q", rows)
	}
	if json := c.as(t, "sam", "GET", path+"/outcomes", nil, "Accept", "*/*"); json.Header().Get("Content-Type") != "application/json" {
		t.Errorf("without a wish for CSV the answer is %s", json.Header().Get("Content-Type"))
	}
}

// Each file of rows about patients is audited as a download that names
// operation and file, by whichever address it was asked for.
func TestFilesOfRowsAreAuditedAsDownloads(t *testing.T) {
	c := newClinic(t)
	op := c.submitted(t, toHold("000001", "000002", "999999"))
	path := "/v1/operations/" + op.ID
	c.as(t, "maria", "POST", path+"/decision", object{"verdict": "approved", "digest": op.Plan.Digest}).operation(200)
	for _, ask := range [][]string{{"/outcomes.csv"}, {"/outcomes", "Accept", "text/csv"}, {"/outcomes", "Accept", "text/csv;q=1, */*"}, {"/not-changed.csv"}, {"/left-out.csv"}} {
		if a := c.as(t, "sam", "GET", path+ask[0], nil, ask[1:]...); a.Code != 200 || !strings.HasPrefix(a.Header().Get("Content-Type"), "text/csv") {
			t.Errorf("%q is answered with %d, %s", ask, a.Code, a.Header().Get("Content-Type"))
		}
		last := c.searched(t, "omar", object{"operation": op.ID, "show": "views", "most": 1}).Records[0]
		file := op.ID + "-" + strings.TrimSuffix(strings.TrimPrefix(ask[0], "/"), ".csv") + ".csv"
		if last.What != audit.FileDownloaded || last.Operation != op.ID || last.Kind != "status-change" || last.Target != file || last.Operator.Name != "Sam Okafor" || last.Result != audit.Done {
			t.Errorf("%q is audited as %+v", ask, last)
		}
	}
	for _, read := range []string{"/outcomes", "/overlaps"} {
		c.as(t, "sam", "GET", path+read, nil).into(200, &struct{}{})
		if last := c.searched(t, "omar", object{"operation": op.ID, "show": "views", "most": 1}).Records[0]; last.What != audit.OperationViewed || !strings.HasSuffix(last.Detail, read) {
			t.Errorf("%s is audited as %+v", read, last)
		}
	}
}

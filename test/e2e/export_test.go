package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
	"bulkops/internal/kms"
	"bulkops/internal/s3"
	"bulkops/internal/staff"
)

// exports are the parameters of an export with all columns of its type.
func exports(of, format string) bulk.Params {
	e, _ := kind.FindExport(of)
	var names []string
	for _, c := range e.Columns() {
		names = append(names, c.Name)
	}
	return bulk.Params{kind.ExportType: of, kind.ExportFormat: format, kind.ExportColumns: strings.Join(names, " ")}
}

// handsOut is an engine that can also hand out files and passphrases, with an
// administrator's rights.
func handsOut(t *testing.T) *engine.Engine {
	e := live.engine(t)
	e.Limits.KeepFiles = engine.DefaultLimits.KeepFiles
	e.Files, e.Sealer = s3.New(live.AWSConfig(), live.Outputs["ExportsBucket"]), kms.New(live.AWSConfig(), live.Outputs["KeyArn"])
	return e
}

// fileOf downloads a file by the link that its requester gets.
func fileOf(t *testing.T, w ward, op bulk.Operation) []byte {
	t.Helper()
	handed, err := handsOut(t).Download(t.Context(), w.requester, op.ID)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get(handed.Link)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the link answers %s: %v, %.300s", answer.Status, err, content)
	}
	for header, want := range map[string]string{"Cache-Control": "no-store", "Content-Disposition": `attachment; filename="` + op.ID + `.`} {
		if got := answer.Header.Get(header); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	return content
}

func TestExportsOfEveryTypeAndFormat(t *testing.T) {
	t.Parallel()
	w := newWard(t, "exports", 300, 2)
	lead := w.employ(t, "lead", staff.TeamLead)
	for _, of := range kind.ExportTypes {
		for _, format := range of.Formats {
			t.Run(of.Name+" as "+format, func(t *testing.T) {
				t.Parallel()
				op := w.send(t, w.plannedAs(t, "export", exports(of.Name, format)))
				decide(t, live.engine(t), lead, op, bulk.Approve)
				op = await(t, op.ID, bulk.Completed)
				content := fileOf(t, w, op)
				sum := sha256.Sum256(content)
				if op.File.Digest != hex.EncodeToString(sum[:]) || op.File.Size != int64(len(content)) {
					t.Errorf("%d bytes arrived, %d were written", len(content), op.File.Size)
				}
				if op.Final != (bulk.Tally{Done: 300}) || op.File.Patients != 300 {
					t.Errorf("%+v, %d patients in the file", op.Final, op.File.Patients)
				}
				if _, _, err := handsOut(t).Passphrase(t.Context(), w.requester, op.ID); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/export/csvfile"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
	"bulkops/test/readers"
)

// exports are the parameters of an export with all columns of its type.
func exports(of kind.ExportOf, format string) bulk.Params {
	var names []string
	for _, c := range of.Columns() {
		names = append(names, c.Name)
	}
	return bulk.Params{kind.ExportType: of.Name, kind.ExportFormat: format, kind.ExportColumns: strings.Join(names, " ")}
}

// Every type in every format, of 2,000 patients: asked for, approved, run, and
// then fetched at the portal by who asked for it. One run is killed when its
// upload has begun, one more when a part has been sent. Programs that know nothing
// of ours open the files.
func TestExports(t *testing.T) {
	t.Parallel()
	w := newWard(t, "exports", 2000, 1)
	w.requester = live.person(t, staff.Staff, "ana.staff@example.org")
	lead := w.employ(t, "lead", staff.TeamLead)
	parts := w.takeNotes(t)
	portal := signIn(t, w.requester.Email, "/exports")
	var all sync.WaitGroup
	var mu sync.Mutex
	made := map[string]bulk.Operation{}
	for _, of := range kind.ExportTypes {
		for _, format := range of.Formats {
			all.Go(func() {
				op := w.send(t, w.plannedAs(t, "export", exports(of, format)))
				decide(t, live.engine(t), lead, op, bulk.Approve)
				if of.Name == "full-record" {
					killInUpload(t, op.ID, 0)
				}
				op = await(t, op.ID, bulk.Completed)
				mu.Lock()
				defer mu.Unlock()
				made[of.Name+" as "+format] = op
			})
		}
	}
	all.Go(func() { killedBetweenTwoParts(t) })
	all.Wait()
	if t.Failed() {
		return
	}
	// The denial waits for the repeats of its call; nothing else is exported meanwhile.
	var denial sync.WaitGroup
	denial.Go(func() { w.denied(t, lead) })
	names := slices.Sorted(maps.Keys(made))
	var files []readers.File
	for _, name := range names {
		files = append(files, portal.takesFile(made[name], "2,000"))
	}
	var workbooks []readers.File
	var ofWorkbooks []string
	for i, content := range readers.Python(t, files...) {
		checkContent(t, names[i], made[names[i]], content, parts)
		if strings.HasSuffix(files[i].Path, ".xlsx") {
			workbooks, ofWorkbooks = append(workbooks, files[i]), append(ofWorkbooks, names[i])
		}
		if strings.HasSuffix(files[i].Path, ".zip") {
			of, _ := kind.FindExport(made[names[i]].Params[kind.ExportType])
			if text, err := readers.SevenZip(t, files[i], of.Sheets[0].Title+".csv"); err != nil || bytes.Count(text, []byte("\n")) < 1000 {
				t.Errorf("%s: 7-Zip extracts %d bytes: %v", names[i], len(text), err)
			}
		}
	}
	for i, content := range readers.LibreOffice(t, workbooks...) {
		checkContent(t, ofWorkbooks[i]+" in LibreOffice", made[ofWorkbooks[i]], content, parts)
	}
	portal.open("/exports")
	for _, op := range made {
		portal.reads(op.ID)
		audited(t, op, w.patients)
	}
	encryptedByOurKeyOnly(t)
	refusedWhenOld(t, made[names[0]])
	denial.Wait()
	refusedWithoutTLS(t, made[names[0]], portal)
	goneAfterItsTime(t, made[names[0]].ID, portal)
}

// takeNotes writes a clinical note about every second patient, and returns
// everything kept about each.
func (w ward) takeNotes(t *testing.T) map[string][]registry.Record {
	t.Helper()
	var records []registry.Record
	for i, id := range w.patients {
		if i%2 == 0 {
			sort := []string{"condition", "medication", "allergy"}[i/2%3]
			records = append(records, registry.Record{Ref: registry.Ref{Patient: id, Part: "CLINICAL#" + sort + "#N1"}, Stamp: registry.Stamp{By: "Rita Chen", At: time.Now()},
				Fields: registry.Fields{registry.ClinicalKind: sort, registry.ClinicalCode: "I10", registry.ClinicalText: "=Essential, \"hypertension\"\nsecond line",
					registry.ClinicalState: "active", registry.ClinicalDate: "2024-02-29"}})
		}
	}
	if err := live.registry.PutRecords(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	parts := map[string][]registry.Record{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for part := range slices.Chunk(w.patients, 250) {
		all.Go(func() {
			for _, id := range part {
				kept, err := live.registry.Parts(t.Context(), id)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				parts[id] = kept
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return parts
}

// takesFile shows the passphrase, once, and downloads the file.
func (p *person) takesFile(op bulk.Operation, patients string) readers.File {
	p.Helper()
	p.open("/operations/" + op.ID)
	p.reads("The file is complete: every patient in the plan is in it.", "In the file "+patients, op.File.Digest)
	p.follow("Show the passphrase")
	form := p.page.Form("Show the passphrase once")
	p.send(form)
	p.isStatus(http.StatusOK)
	p.reads("This is shown only now")
	passphrase := p.find(`([0-9a-z]{4}(?:-[0-9a-z]{4}){6})`)
	if got := p.page.Header.Get("Cache-Control"); got != "no-store" {
		p.Errorf("the passphrase's page may be kept: %s", got)
	}
	p.send(form)
	p.isStatus(http.StatusConflict)
	p.reads("is shown only once")
	if p.page.Says(passphrase) {
		p.Error("the passphrase is shown again")
	}
	p.open("/operations/" + op.ID + "/file")
	p.press("Download")
	p.isStatus(http.StatusOK)
	for header, want := range map[string]string{"Cache-Control": "no-store", "Content-Disposition": `attachment; filename="` + op.ID + `.`} {
		if got := p.page.Header.Get(header); !strings.HasPrefix(got, want) {
			p.Errorf("%s of the file is %q, want %q", header, got, want)
		}
	}
	sum := sha256.Sum256(p.page.Content)
	if op.File.Digest != hex.EncodeToString(sum[:]) || op.File.Size != int64(len(p.page.Content)) {
		p.Errorf("%d bytes arrived, %d were written", len(p.page.Content), op.File.Size)
	}
	b := exportsBucket()
	if n, left := b.objects(p.T, op.ID), b.unfinished(p.T, op.ID); n != 1 || left != 0 {
		p.Errorf("%d objects and %d unfinished uploads", n, left)
	}
	format := strings.TrimPrefix(p.page.Header.Get("Content-Disposition"), `attachment; filename="`+op.ID)
	return readers.Write(p.T, op.ID+strings.TrimSuffix(format, `"`), passphrase, p.page.Content)
}

// audited sees that the audit has how an export came about, that its passphrase
// was shown once and not again, that its file was fetched, all by the requester,
// and of each patient that their data is in the file.
func audited(t *testing.T, op bulk.Operation, patients []string) {
	t.Helper()
	given := map[string]int{}
	for _, r := range collect(t, live.audit.Backwards(t.Context(), audit.Trail{By: audit.ByAccess, Key: op.ID}, "")) {
		if r.What == audit.PassphraseShown || r.What == audit.FileDownloaded {
			given[r.What+" "+string(r.Result)]++
			if r.Operator.Sub != op.Requester.Sub || r.Source == "" {
				t.Errorf("%s of %s is audited as %+v", r.What, op.ID, r)
			}
		}
	}
	if want := map[string]int{"passphrase-shown done": 1, "passphrase-shown not-taken": 1, "file-downloaded done": 1}; !maps.Equal(given, want) {
		t.Errorf("what was given of %s is audited as %v, want %v", op.ID, given, want)
	}
	var exported map[string]int
	eventually(t, "the audit has all events of "+op.ID+" and all patients in its file", func() bool {
		missing := []string{"requested", "planned", "submitted", "approved", "started", "file ready", "completed", "passphrase shown", "downloaded"}
		exported = map[string]int{}
		for _, r := range collect(t, live.audit.ForOperation(t.Context(), op.ID)) {
			missing = slices.DeleteFunc(missing, func(what string) bool { return r.Type == audit.Event && r.What == what })
			if r.Type == audit.Outcome && r.What == audit.PatientExported {
				exported[r.Patient]++
			}
		}
		return len(missing) == 0 && len(exported) >= len(patients)
	})
	for i, patient := range patients {
		if exported[patient] != 1 || len(exported) != len(patients) {
			t.Fatalf("%s is said %d times to be in the file of %s, and %d patients are", patient, exported[patient], op.ID, len(exported))
		}
		if i%200 != 0 {
			continue
		}
		told := outcomesOf(t, patient, op.ID)
		if len(told) != 1 || told[0].What != audit.PatientExported || !told[0].At.Equal(op.File.Ready) || told[0].Operator.Sub != op.Requester.Sub || told[0].Reason != op.Reason {
			t.Errorf("%s of %s is audited as %+v", patient, op.ID, told)
		}
	}
}

// checkContent compares what a reader found with what the registry holds.
func checkContent(t *testing.T, name string, op bulk.Operation, got readers.Content, parts map[string][]registry.Record) {
	t.Helper()
	if got.Error != "" {
		t.Errorf("%s cannot be opened: %s", name, got.Error)
		return
	}
	directory, err := live.registry.Directory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if op.Final != (bulk.Tally{Done: 2000}) || op.File.Patients != 2000 {
		t.Errorf("%s: %+v, %d patients in the file", name, op.Final, op.File.Patients)
	}
	order := []string{}
	for line, err := range live.engine(t).Lines(t.Context(), op) {
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, line.Change.Subject)
	}
	csv := op.Params[kind.ExportFormat] == kind.FormatCSV
	for _, sheet := range kind.Export.Sheets(op.Params) {
		want := [][]string{sheet.Headings()}
		for _, id := range order {
			i := slices.IndexFunc(parts[id], func(r registry.Record) bool { return r.Ref.Part == registry.ProfilePart })
			want = append(want, sheet.Rows(registry.Patient{Record: parts[id][i]}, parts[id], directory)...)
		}
		title := sheet.Title
		if csv {
			title += ".csv"
		}
		rows := got.Table(t, title)
		if len(rows) != len(want) || op.File.Rows[sheet.Name] != len(want)-1 || op.Plan.Rows[sheet.Name] != len(want)-1 {
			t.Errorf("%s has %d rows in %s, recorded %d, planned %d, want %d", name, len(rows)-1, title, op.File.Rows[sheet.Name], op.Plan.Rows[sheet.Name], len(want)-1)
			continue
		}
		for n := range want {
			for c, cell := range want[n] {
				if csv {
					cell = csvfile.Cell(cell)
				}
				if c >= len(rows[n]) && cell == "" {
					continue
				}
				if rows[n][c] != cell {
					t.Fatalf("%s, row %d of %s, column %d: a reader finds %q, the registry has %q", name, n, title, c, rows[n][c], cell)
				}
			}
		}
	}
	text := fmt.Sprint(got.Tables)
	for _, fact := range []string{op.ID, "Ana Lindqvist", "lead of ward", op.Reason, op.Plan.Digest, "UTC", "Patients in this file", "Left out since the plan"} {
		if !strings.Contains(text, fact) {
			t.Errorf("the cover of %s does not say %q", name, fact)
		}
	}
}

// denied takes rights away from the export function's role while two exports
// run: one may not seal its passphrase with the key, the other may not write its
// object. Both fail, leave nothing, and are run again when the rights are back.
// The denials are IAM's own: AWS says the same where a key policy or a grant is
// taken away, and S3 where the function may not use the key of the bucket.
func (w ward) denied(t *testing.T, lead staff.Person) {
	t.Helper()
	of, _ := kind.FindExport("patient-list")
	noKey := w.send(t, w.plannedAs(t, "export", exports(of, kind.FormatCSV), w.patients[:3]...))
	noObject := w.send(t, w.plannedAs(t, "export", exports(of, kind.FormatExcel), w.patients[3:6]...))
	b := exportsBucket()
	back := deny(t, "ExportRole",
		map[string]any{"Action": []string{"kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"}, "Resource": live.Outputs["KeyArn"]},
		map[string]any{"Action": "s3:PutObject", "Resource": "arn:aws:s3:::" + *b.name() + "/" + noObject.ID + "*"})
	// Sealing comes when all rows are uploaded, so the upload is open when it is denied.
	denials := map[string]string{noKey.ID: "seal a passphrase: operation error KMS: Encrypt", noObject.ID: "operation error S3: CreateMultipartUpload"}
	for _, op := range []bulk.Operation{noKey, noObject} {
		decide(t, live.engine(t), lead, op, bulk.Approve)
	}
	for id, denial := range denials {
		op := await(t, id, bulk.FailedState)
		if op.File != nil || b.objects(t, id) != 0 || b.unfinished(t, id) != 0 || op.Final != (bulk.Tally{}) {
			t.Errorf("after the denial: file %v, %d objects, %d unfinished uploads, %+v", op.File, b.objects(t, id), b.unfinished(t, id), op.Final)
		}
		if want := "A step failed on our side; the log has the details. Tell your administrator, and ask again for the file."; op.Cause != want {
			t.Errorf("%s failed and says %q, want %q", id, op.Cause, want)
		}
		logs, err := live.FunctionLogs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(logs["/aws/lambda/"+live.physicalName("export")], func(line string) bool {
			return strings.Contains(line, denial) && strings.Contains(line, "AccessDenied")
		}) {
			t.Errorf("no log of the function has a denial of %q", denial)
		}
	}
	back()
	for id := range denials {
		again, err := live.engine(t).Again(t.Context(), w.requester, id, bulk.Rerun, "again after the denial of "+id)
		if err != nil {
			t.Fatal(err)
		}
		again = w.send(t, await(t, again.ID, bulk.Ready))
		decide(t, live.engine(t), lead, again, bulk.Approve)
		if again = await(t, again.ID, bulk.Completed); again.File == nil || again.File.Patients != 3 {
			t.Errorf("run again: %+v", again.File)
		}
	}
}

// goneAfterItsTime lets the time of a file be over, and sees that the watch
// deletes it and the page says so.
func goneAfterItsTime(t *testing.T, id string, portal *person) {
	t.Helper()
	live.amend(t, id, func(op *bulk.Operation) { op.File.Expires = time.Now().Add(-time.Second) })
	live.sweep(t)
	if n := exportsBucket().objects(t, id); n != 0 {
		t.Errorf("%d objects are left", n)
	}
	portal.open("/operations/" + id + "/file")
	portal.isStatus(http.StatusGone)
	portal.open("/operations/" + id)
	portal.reads("It was deleted on", "File deleted")
}

package engine_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/test/readers"
)

// exports is a request to export the patients' visits.
func exports(ids ...string) engine.Request {
	return engine.Request{Kind: "export", Key: "key-0123456789abcdef", Selection: bulk.Selection{Source: bulk.Pasted, IDs: ids},
		Params: bulk.Params{kind.ExportType: "visit-history", kind.ExportFormat: "csv", kind.ExportColumns: "visit.name visit.start visit.state"}}
}

// exported runs an export to its end.
func (c *clinic) exported(r engine.Request) bulk.Operation {
	c.t.Helper()
	op := c.started(r)
	_, err := c.RunExport(c.t.Context(), op.ID)
	must(c.t, err)
	op, err = c.Finish(c.t.Context(), op.ID, "")
	must(c.t, err)
	return op
}

// nothingLeft checks that there is no file of an operation, and no part of one,
// and that nothing its attempts have stored outlives their calls.
func (c *clinic) nothingLeft(op bulk.Operation) {
	c.t.Helper()
	if c.header(op.ID).File != nil || c.files.Content(op.ID) != nil || c.files.Unfinished(op.ID) > 0 {
		c.t.Errorf("header %v, %d bytes, %d unfinished", c.header(op.ID).File, len(c.files.Content(op.ID)), c.files.Unfinished(op.ID))
	}
	c.now = c.header(op.ID).Ended.Add(time.Hour)
	c.watch()
	equal(c.t, "stored by attempts", c.store.Attempts(op.ID), 0)
}

func TestThePlanOfAnExportCountsRows(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3), visits(4))
	c.admit(registry.Active, []string{"P777"})
	c.byHand("P001", registry.LockedBy, "Nora Nurse") // looking is not changing
	c.admit(registry.Active, []string{"Q1"}, with(registry.FacilityField, "fac-3"))
	op := c.planned(exports("P001", "P002", "P003", "P777", "none", "Q1", "P001"))
	equal(t, "patients", op.Plan.Changes, 4)
	equal(t, "rows of visits", op.Plan.Rows["visits"], 12)
	equal(t, "left out", op.Plan.Excluded, 3)
	equal(t, "of another facility", op.Plan.ByReason[bulk.OtherFacility], 1)
	equal(t, "facilities", strings.Join(op.Plan.Facilities, " "), "fac-1")
	// 4 rows of id, name, start and state with their separators, for each of three.
	equal(t, "bytes", op.Plan.Bytes, 12*(len("P001")+len(canary+" P001")+len("2026-12-02T12:00")+len("scheduled")+4))
}

func TestAnExportFromRequestToDeletion(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(150), visits(2)) // two batches
	started := c.started(exports(numbered(150)...))
	v, err := c.Verify(t.Context(), started.ID)
	must(t, err)
	equal(t, "run as a whole", v.Export, true)
	tally, err := c.RunExport(t.Context(), started.ID)
	must(t, err)
	equal(t, "tally", tally, bulk.Tally{Done: 150})
	op, err := c.Finish(t.Context(), started.ID, "")
	must(t, err)
	equal(t, "state", op.State, bulk.Completed)
	content := c.files.Content(op.ID)
	sum := sha256.Sum256(content)
	equal(t, "digest", op.File.Digest, hex.EncodeToString(sum[:]))
	equal(t, "size", op.File.Size, int64(len(content)))
	equal(t, "patients", op.File.Patients, 150)
	equal(t, "rows", op.File.Rows["visits"], 300)
	if strings.Contains(string(content), canary) {
		t.Error("a name can be read in the encrypted file")
	}
	list(t, "told", c.sent("Completed: "+op.ID), ada.Email)

	handed, err := c.Download(t.Context(), ada, op.ID)
	must(t, err)
	equal(t, "link", handed.Link, "https://files.example/"+op.ID+"?as="+op.ID+".zip")
	passphrase, _, err := c.Passphrase(t.Context(), ada, op.ID)
	must(t, err)
	equal(t, "length of the passphrase", len(passphrase), 34)
	for _, e := range must2(c.store.Events(t.Context(), op.ID)) {
		if strings.Contains(e.Detail, passphrase) {
			t.Errorf("the event %s has the passphrase", e.What)
		}
	}

	c.now = op.File.Expires.Add(-time.Second)
	equal(t, "deleted too early", c.watch().Deleted, 0)
	c.now = op.File.Expires
	c.Limits.KeepFiles = 30 * 24 * time.Hour // of files that are made from now on
	_, err = c.Download(t.Context(), ada, op.ID)
	refused(t, err, fault.Gone, "The file of "+op.ID+" is no longer there: it was kept for 7 days. Ask for a new export.")
	equal(t, "deleted", c.watch().Deleted, 1)
	equal(t, "deleted again", c.watch().Deleted, 0)
	equal(t, "content", len(c.files.Content(op.ID)), 0)
	equal(t, "stored by attempts", c.store.Attempts(op.ID), 0)
	_, _, err = c.Passphrase(t.Context(), ada, op.ID)
	refused(t, err, fault.Gone, "The file of "+op.ID+" is no longer there: it was kept for 7 days. Ask for a new export.")
	events := must2(c.store.Events(t.Context(), op.ID))
	equal(t, "its end", events[len(events)-1].Detail, "kept for 7 days")
	list(t, "events", c.happened(op.ID), "requested", "planned", "submitted", "approved", "started", "file ready", "completed",
		"downloaded", "passphrase shown", "file deleted")
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestEveryTypeInEveryFormatIsMade(t *testing.T) {
	for _, of := range kind.ExportTypes {
		for _, format := range of.Formats {
			t.Run(of.Name+" as "+format, func(t *testing.T) {
				c := newClinic(t)
				c.admit(registry.Active, numbered(120), visits(1))
				r := exports(numbered(120)...)
				var names []string
				for _, column := range of.Columns() {
					names = append(names, column.Name)
				}
				r.Params = bulk.Params{kind.ExportType: of.Name, kind.ExportFormat: format, kind.ExportColumns: strings.Join(names, " ")}
				op := c.exported(r)
				equal(t, "state", op.State, bulk.Completed)
				for _, s := range engine.Sheets(op) {
					equal(t, "rows of "+s.Title, s.Made, s.Planned)
				}
				if n := bulk.AllRows(op.File.Rows); of.Name != "clinical-summary" && n < 120 {
					t.Errorf("%d rows", n)
				}
			})
		}
	}
}

// What a Patient List holds stands in the profiles: 100 of them are one read,
// and nothing else is read of a patient, by plan and run.
func TestAPatientListReadsProfilesOnly(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(120), visits(1))
	calls := map[string]int{}
	c.fault = func(name string, do func() error) error {
		c.locked(func() { calls[name]++ })
		return do()
	}
	r := exports(numbered(120)...)
	r.Params = bulk.Params{kind.ExportType: "patient-list", kind.ExportFormat: "csv", kind.ExportColumns: "patient.name patient.status"}
	op := c.started(r)
	c.byHand("P002", registry.FacilityField, "fac-2")
	_, err := c.RunExport(t.Context(), op.ID)
	must(t, err)
	equal(t, "rows", c.header(op.ID).File.Rows["patients"], 119)
	equal(t, "reads of everything about a patient", calls["Parts"], 0)
	equal(t, "reads of profiles by the run", calls["Records"], 2)
}

// Whoever has left the facility between preview and run is not handed out: the
// requester may not hold the new one.
func TestWhoHasMovedIsNotInTheFile(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(4), visits(1))
	op := c.started(exports(numbered(4)...))
	c.byHand("P002", registry.FacilityField, "fac-2")
	c.store.Remove(registry.ProfileRef("P003"))
	c.byHand("P004", registry.StatusField, "On Hold") // other changes do not matter
	_, err := c.RunExport(t.Context(), op.ID)
	must(t, err)
	op, err = c.Finish(t.Context(), op.ID, "")
	must(t, err)
	equal(t, "state", op.State, bulk.CompletedWithErrors)
	equal(t, "counts", op.Final, bulk.Tally{Done: 2, Skipped: 2})
	equal(t, "patients in the file", op.File.Patients, 2)
	outcomes := c.outcomes(op)
	equal(t, "moved", outcomes["P002"].Code+" "+fmt.Sprint(outcomes["P002"].Retryable), "changed-since true")
	equal(t, "gone", outcomes["P003"].Code, bulk.Gone)
}

func TestTheCoverSaysHowManyAreNotInTheFile(t *testing.T) {
	for format, separator := range map[string]string{kind.FormatCSV: ": ", kind.FormatExcel: " "} {
		t.Run(format, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(4))
			r := exports(numbered(4)...)
			r.Params[kind.ExportFormat] = format
			op := c.started(r)
			c.byHand("P002", registry.FacilityField, "fac-2")
			c.store.Remove(registry.ProfileRef("P003"))
			_, err := c.RunExport(t.Context(), op.ID)
			must(t, err)
			_, err = c.Finish(t.Context(), op.ID, "")
			must(t, err)
			passphrase, _, err := c.Passphrase(t.Context(), ada, op.ID)
			must(t, err)
			cover := coverOf(t, format, c.files.Content(op.ID), passphrase)
			for name, n := range map[string]string{"Patients in the plan": "4", "Patients in this file": "2", "Left out since the plan": "2"} {
				if !strings.Contains(cover, name+separator+n) {
					t.Errorf("the cover does not say %s %s:\n%s", name, n, cover)
				}
			}
		})
	}
}

// coverOf returns the text of a file's cover.
func coverOf(t *testing.T, format string, file []byte, passphrase string) string {
	t.Helper()
	if format == kind.FormatCSV {
		entries, err := readers.OpenZIP(file, passphrase)
		must(t, err)
		return string(entries[len(entries)-1].Content)
	}
	book, err := readers.OpenAgile(file, passphrase)
	must(t, err)
	z, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	must(t, err)
	sheet, err := fs.ReadFile(z, "xl/worksheets/sheet2.xml") // written last, shown first
	must(t, err)
	return strings.Join(strings.Fields(regexp.MustCompile("<[^>]*>").ReplaceAllString(string(sheet), " ")), " ")
}

func TestAnApproverIsToldWhoHasMoved(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	op := c.submitted(exports(numbered(3)...))
	c.byHand("P001", registry.StatusField, "On Hold")
	c.byHand("P002", registry.FacilityField, "fac-2")
	stale, err := c.Stale(t.Context(), op)
	must(t, err)
	equal(t, "stale", stale, 1)
	_, err = c.Decide(t.Context(), grace, op.ID, approval(op))
	refused(t, err, fault.Stale, "1 patient has left their facilities since this plan was made. They would be skipped; the others would be exported. Read this again and decide.")
}

// A call that fails anywhere leaves nothing; the next makes the file.
func TestAnExportIsNeverHalf(t *testing.T) {
	boom := errors.New("AccessDenied")
	for _, call := range []string{"stat", "create", "write", "complete", "seal", "PutWritten", "Written", "Update", "CommitGroup", "Parts", "complete, answered"} {
		t.Run(call, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(120), visits(1))
			op := c.started(exports(numbered(120)...))
			fails := true
			c.files.Fail = func(name string) error {
				if fails && name == call {
					return boom
				}
				return nil
			}
			c.sealer.Fail = func() error {
				if fails && call == "seal" {
					return boom
				}
				return nil
			}
			c.fault = func(name string, do func() error) error {
				if fails && name == call {
					return boom
				}
				return do()
			}
			if call == "complete, answered" {
				c.files.Lose = "complete"
			}
			_, err := c.RunExport(t.Context(), op.ID)
			if err == nil {
				t.Fatal("the call did not fail")
			}
			if c.header(op.ID).File != nil && call != "CommitGroup" {
				t.Error("the operation has a file")
			}
			equal(t, "unfinished", c.files.Unfinished(op.ID), 0)
			fails, c.files.Lose = false, ""
			_, err = c.RunExport(t.Context(), op.ID)
			must(t, err)
			op, err = c.Finish(t.Context(), op.ID, "")
			must(t, err)
			equal(t, "state", op.State, bulk.Completed)
			attempt, size, ok, err := c.files.Stat(t.Context(), op.ID)
			must(t, err)
			if !ok || attempt != op.File.Attempt || size != op.File.Size {
				t.Errorf("the file is of attempt %s with %d bytes; recorded is %s with %d", attempt, size, op.File.Attempt, op.File.Size)
			}
			_, _, err = c.Passphrase(t.Context(), ada, op.ID)
			must(t, err)
		})
	}
}

func TestAnExportThatCannotBeMadeFailsAndLeavesNothing(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	op := c.started(exports(numbered(3)...))
	c.sealer.Fail = func() error { return errors.New("AccessDenied") }
	_, err := c.RunExport(t.Context(), op.ID)
	equal(t, "code", fault.CodeOf(err), fault.Internal)
	op, err = c.Finish(t.Context(), op.ID, "Internal")
	must(t, err)
	equal(t, "state", op.State, bulk.FailedState)
	equal(t, "cause", op.Cause, "A step failed on our side; the log has the details. Tell your administrator, and ask again for the file.")
	c.nothingLeft(op)
	if c.MayNotFollow(t.Context(), op, bulk.Rerun) != nil {
		t.Error("it cannot be run again")
	}
	_, err = c.Download(t.Context(), ada, op.ID)
	refused(t, err, fault.NotFound, op.ID+" has no file to download.")
}

// A call that nobody waits for any more may come to its end after the
// operation has.
func TestALateCallMakesNoFile(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	op := c.started(exports(numbered(3)...))
	c.files.Fail = func(call string) error {
		if call == "complete" && !c.header(op.ID).State.Ended() {
			_, err := c.Finish(t.Context(), op.ID, "States.Timeout")
			return err
		}
		return nil
	}
	_, err := c.RunExport(t.Context(), op.ID)
	if err == nil {
		t.Error("the late call does not say so")
	}
	equal(t, "state", c.header(op.ID).State, bulk.FailedState)
	c.nothingLeft(op)
}

// Where the call that ends an operation dies before it has cleared away, or one of
// the export's own lives longer than the operation, the watch clears away.
func TestWhatAFailedExportLeftIsDeletedInTheEnd(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	op := c.started(exports(numbered(3)...))
	c.fault = func(call string, do func() error) error {
		if call == "Written" {
			return errors.New("AccessDenied")
		}
		return do()
	}
	_, err := c.RunExport(t.Context(), op.ID)
	equal(t, "code", fault.CodeOf(err), fault.Internal)
	c.files.Fail = func(call string) error {
		if call == "delete" {
			return errors.New("SlowDown")
		}
		return nil
	}
	op, err = c.Finish(t.Context(), op.ID, "Internal")
	equal(t, "code", fault.CodeOf(err), fault.Internal)
	equal(t, "state", op.State, bulk.FailedState)
	equal(t, "the file that nobody can have is there", c.files.Content(op.ID) != nil, true)
	c.files.Fail = nil
	c.now = op.Ended.Add(59 * time.Minute)
	equal(t, "deleted while a call may be under way", c.watch().Deleted, 0)
	c.now = op.Ended.Add(time.Hour)
	equal(t, "deleted", c.watch().Deleted, 1)
	c.nothingLeft(op)
	equal(t, "deleted again", c.watch().Deleted, 0)
	list(t, "events", c.happened(op.ID)[4:], "started", "failed", "checked")
	equal(t, "the last", must2(c.store.Events(t.Context(), op.ID))[6].Detail, "no file is left")
}

func TestAnExportIsStopped(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(250))
	op := c.started(exports(numbered(250)...))
	c.files.Fail = func(call string) error {
		if call == "create" {
			_, err := c.Stop(t.Context(), ada, op.ID)
			return err
		}
		return nil
	}
	tally, err := c.RunExport(t.Context(), op.ID)
	must(t, err)
	equal(t, "tally", tally, bulk.Tally{})
	op, err = c.Finish(t.Context(), op.ID, "")
	must(t, err)
	equal(t, "state", op.State, bulk.Stopped)
	c.nothingLeft(op)
}

func TestTheRunOfAnExportRepeatedChangesNothing(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(120))
	op := c.exported(exports(numbered(120)...))
	before := c.files.Content(op.ID)
	c.byHand("P001", registry.StatusField, "On Hold")
	_, err := c.RunExport(t.Context(), op.ID)
	must(t, err)
	equal(t, "content is the same", string(c.files.Content(op.ID)) == string(before), true)
	equal(t, "version", c.header(op.ID).Version, op.Version)
}

func withKey(r engine.Request, key string) engine.Request {
	r.Key = key
	return r
}

package e2e_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/csv"
	"slices"
	"syscall"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
	"bulkops/test/readers"
)

// killedBetweenTwoParts sees that a function that dies when a part of its file is
// in S3 leaves no file, and that the repeat makes it whole. The notes are long and
// do not compress well, so that the file has several parts of 8 MiB.
func killedBetweenTwoParts(t *testing.T) {
	t.Helper()
	w := newWard(t, "parts", 300, 0)
	w.requester = live.person(t, staff.Staff, "ana.staff@example.org")
	lead := w.employ(t, "lead", staff.TeamLead)
	notes := w.takeLongNotes(t)
	of, _ := kind.FindExport("clinical-summary")
	op := w.send(t, w.plannedAs(t, "export", exports(of, kind.FormatCSV)))
	decide(t, live.engine(t), lead, op, bulk.Approve)
	killInUpload(t, op.ID, 1)
	op = await(t, op.ID, bulk.Completed)
	file := signIn(t, w.requester.Email, "/exports").takesFile(op, "300")
	text, err := readers.SevenZip(t, file, of.Sheets[0].Title+".csv")
	if err != nil {
		t.Fatalf("7-Zip: %v", err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := slices.Index(rows[0], "Description")
	for _, row := range rows[1:] {
		if want := notes[row[0]]; row[column] != want {
			t.Errorf("a note about %s has %d characters, not the %d that it should have", row[0], len(row[column]), len(want))
		}
		delete(notes, row[0])
	}
	if len(notes) > 0 {
		t.Errorf("of %d patients the note is missing", len(notes))
	}
}

// takeLongNotes writes one long note about each patient, and returns their texts.
func (w ward) takeLongNotes(t *testing.T) map[string]string {
	t.Helper()
	var records []registry.Record
	texts := map[string]string{}
	for _, id := range w.patients {
		random := make([]byte, 60_000)
		rand.Read(random)
		texts[id] = "Note: " + base64.StdEncoding.EncodeToString(random)
		records = append(records, registry.Record{Ref: registry.Ref{Patient: id, Part: "CLINICAL#condition#LONG"}, Stamp: registry.Stamp{By: "Rita Chen", At: time.Now()},
			Fields: registry.Fields{registry.ClinicalKind: "condition", registry.ClinicalText: texts[id]}})
	}
	if err := live.registry.PutRecords(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	return texts
}

// killInUpload kills the function when it has sent so many parts of the
// operation's file, and checks that there is no file.
func killInUpload(t *testing.T, op string, parts int) {
	b := exportsBucket()
	killed := false
	for deadline := time.Now().Add(patience); !killed && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if b.partsSent(t, op) < parts {
			continue
		}
		pids, err := live.FunctionPIDs("export")
		if err != nil {
			t.Error(err)
			return
		}
		for _, pid := range pids {
			killed = syscall.Kill(pid, syscall.SIGKILL) == nil || killed
		}
		if n := b.objects(t, op); n != 0 {
			t.Errorf("the kill came too late: there are %d objects", n)
		}
	}
	if !killed {
		t.Error("nothing was killed: the test says nothing")
	}
}

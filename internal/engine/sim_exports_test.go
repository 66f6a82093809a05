package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
	"bulkops/test/readers"
)

// extract draws what is exported: as CSV, because Excel's encryption is made to
// be slow.
func (c *chance) extract() bulk.Params {
	if c.rng.IntN(3) == 0 {
		return exports().Params
	}
	return patientList()
}

// patientList has one row for each patient.
func patientList() bulk.Params {
	return bulk.Params{kind.ExportType: "patient-list", kind.ExportFormat: kind.FormatCSV, kind.ExportColumns: "patient.name patient.status"}
}

// checkFile: the file that a header names is there, whole, and stays as it is
// until its time has come. It opens with the passphrase that was sealed, has as
// many rows as the header says, and holds patients of the approved plan only.
func (k *checker) checkFile(op bulk.Operation) error {
	content := k.w.files.Content(op.ID)
	sum := sha256.Sum256(content)
	switch {
	case content == nil && !k.w.now.Before(op.File.Expires):
		return nil
	case !op.File.Deleted.IsZero():
		return errors.New("its file is said to be deleted, and is there")
	case int64(len(content)) != op.File.Size || hex.EncodeToString(sum[:]) != op.File.Digest:
		return fmt.Errorf("its file has %d bytes, and is not the one of the header", len(content))
	case k.files[op.ID] != nil:
		return nil
	}
	sealed, _, err := k.w.store.Sealed(context.Background(), op.ID, op.File.Attempt)
	if err != nil {
		return err
	}
	passphrase, err := k.w.sealer.Open(context.Background(), op.ID, sealed)
	if err != nil {
		return err
	}
	entries, err := readers.OpenZIP(content, passphrase)
	if err != nil {
		return err
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(entries[0].Content, []byte("\ufeff")))).ReadAll()
	if err != nil {
		return err
	}
	if len(rows)-1 != bulk.AllRows(op.File.Rows) {
		return fmt.Errorf("its file has %d rows, and %v are said", len(rows)-1, op.File.Rows)
	}
	planned := map[string]bool{}
	for _, b := range k.plans[op.ID].batches {
		for _, c := range b.Changes {
			planned[c.Subject] = true
		}
	}
	k.files[op.ID] = map[string]bool{}
	for _, row := range rows[1:] {
		if !planned[row[0]] {
			return fmt.Errorf("%s is in its file, and not in the approved plan", row[0])
		}
		k.files[op.ID][row[0]] = true
	}
	if op.Params[kind.ExportType] == "patient-list" && (len(k.files[op.ID]) != op.File.Patients || len(rows)-1 != op.File.Patients) {
		return fmt.Errorf("%d patients in %d rows are in its file, and %d are said", len(k.files[op.ID]), len(rows)-1, op.File.Patients)
	}
	return nil
}

// checkExtract: who is done is in the file, and nobody is without one; who was
// skipped is not in it, because somebody changed or removed them.
func (k *checker) checkExtract(op bulk.Operation, o bulk.Outcome, tally *bulk.Tally) error {
	in, all := k.files[op.ID][o.Subject], op.Params[kind.ExportType] == "patient-list"
	switch o.State {
	case bulk.Done:
		tally.Done++
		if op.File == nil || all && !in {
			return fmt.Errorf("%s is done, and not in a file", o.Subject)
		}
	case bulk.Skipped:
		tally.Skipped++
		if in || op.File == nil || !k.touched(op, registry.ProfileRef(o.Subject)) || o.Code != bulk.Gone && o.Code != bulk.ChangedSince {
			return fmt.Errorf("%s was skipped (%s); in the file: %v", o.Subject, o.Sentence, in)
		}
	case bulk.NotAttempted:
		if op.File != nil {
			return fmt.Errorf("%s is neither in the file nor skipped", o.Subject)
		}
	default:
		return fmt.Errorf("%s failed: %s", o.Subject, o.Sentence)
	}
	return nil
}

// checkFileAtEnd: no file, no part of one and no sealed passphrase is left of a run
// without a file, or of one whose file was deleted. And nobody rolls back what was handed out.
func (k *checker) checkFileAtEnd(op bulk.Operation) error {
	if found, _ := kind.Find(op.Kind); !found.MakesFile() {
		return nil
	}
	requester := askers[slices.IndexFunc(askers, func(p staff.Person) bool { return p.Sub == op.Requester.Sub })]
	if _, err := k.w.Again(context.Background(), requester, op.ID, bulk.Rollback, "key-to-roll-back-what-is-out"); !fault.Is(err, fault.Conflict) {
		return fmt.Errorf("it was rolled back: %w", err)
	}
	content, unfinished, stored := k.w.files.Content(op.ID) != nil, k.w.files.Unfinished(op.ID), k.w.store.Attempts(op.ID)
	if op.File != nil && op.File.Deleted.IsZero() {
		content, stored = false, 0
	}
	if content || unfinished > 0 || stored > 0 {
		return fmt.Errorf("left are a file: %v, %d unfinished, and %d stored by attempts; header %+v", content, unfinished, stored, op.File)
	}
	return nil
}

// exporting makes the life of a script that of an export.
func exporting(s *script) {
	s.wish.request, s.wish.opens = exports("P000", "P001", "P002", "nobody"), 2
	s.wish.request.Params = patientList()
}

// One call that goes wrong, whichever it is and however: the file is made, all of
// it, for everybody.
func TestTroubleAtEveryCallOfAnExport(t *testing.T) {
	t.Parallel()
	play(t, anyTrouble, exporting, func(op bulk.Operation) error {
		if op.State != bulk.Completed || op.File == nil || op.File.Patients != 3 {
			return fmt.Errorf("it is %s with %+v and the file %+v (%s)", op.State, op.Final, op.File, op.Cause)
		}
		return nil
	})
}

// Two calls that take turns give up each other's file, and may both go without
// one; there is never half a file, nor two.
func TestAnExportWithEverythingDeliveredTwice(t *testing.T) {
	t.Parallel()
	made := 0
	play(t, []fate{diedAfter}, func(s *script) {
		s.twice = true
		exporting(s)
	}, func(op bulk.Operation) error {
		if op.File != nil {
			made++
		}
		return ended(op)
	})
	if made == 0 {
		t.Error("no file was ever made")
	}
}

// However an export is ended, and whoever goes on with it all the same, there is
// a file of which everybody knows, or nothing is left of it.
func TestAnExportEndedAtEveryCall(t *testing.T) {
	t.Parallel()
	lives := map[string]int{}
	for what, also := range map[string]func(*script){
		"given up": func(s *script) {
			for _, x := range s.executions {
				x.losePatience()
			}
		},
		"dead": func(s *script) {
			for _, x := range s.executions {
				x.die()
			}
		},
		"stopped": func(s *script) {
			if s.wish.id != "" && s.header(s.wish.id).State == bulk.Running {
				s.last = true
				s.stop(&wish{id: s.wish.id})
			}
		},
	} {
		play(t, []fate{made}, func(s *script) {
			exporting(s)
			s.also = also
		}, func(op bulk.Operation) error {
			lives[fmt.Sprint(what, ", with a file: ", op.File != nil)]++
			return ended(op)
		})
	}
	if len(lives) != 5 { // given up once, it is made all the same
		t.Errorf("the lives ended %v", lives)
	}
}

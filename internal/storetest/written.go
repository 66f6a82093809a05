package storetest

import (
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

var writtenTests = []test{
	{"what an attempt wrote is stored once, with its sealed passphrase", func(t *testing.T, s Stores) {
		id := create(t, s, operation("OP-1", noon))
		w := engine.Written{File: bulk.File{Patients: 2, Rows: map[string]int{"visits": 7}, Size: 1 << 33, Digest: "abc", Remarks: []string{"one"}},
			Skipped: []bulk.Outcome{{Subject: "P1", State: bulk.Skipped, Code: bulk.Gone, Sentence: "The record is no longer there."}}}
		must(t, "store what was written", s.Operations.PutWritten(t.Context(), id, "a", w, []byte{0, 1, 255}))
		want(t, "stored twice", s.Operations.PutWritten(t.Context(), id, "a", w, []byte{2}), fault.Conflict)
		must(t, "store what was written", s.Operations.PutWritten(t.Context(), id, "b", engine.Written{}, []byte{3}))
		got, err := s.Operations.Written(t.Context(), id, "a")
		must(t, "read", err)
		same(t, "what was written", got, w)
		sealed, ok, err := s.Operations.Sealed(t.Context(), id, "a")
		must(t, "read", err)
		same(t, "it is there", ok, true)
		same(t, "the sealed passphrase", sealed, []byte{0, 1, 255})
	}},
	{"a sealed passphrase is deleted for good, and nothing else with it", func(t *testing.T, s Stores) {
		id := create(t, s, operation("OP-1", noon))
		must(t, "store what was written", s.Operations.PutWritten(t.Context(), id, "a", engine.Written{}, []byte{1}))
		must(t, "store what was written", s.Operations.PutWritten(t.Context(), id, "b", engine.Written{}, []byte{2}))
		for range 2 {
			must(t, "delete a sealed passphrase", s.Operations.DeleteSealed(t.Context(), id, "a"))
			_, ok, err := s.Operations.Sealed(t.Context(), id, "a")
			must(t, "read", err)
			same(t, "it is there", ok, false)
		}
		_, err := s.Operations.Written(t.Context(), id, "a")
		must(t, "read", err)
		_, ok, err := s.Operations.Sealed(t.Context(), id, "b")
		must(t, "read", err)
		same(t, "that of another attempt is there", ok, true)
	}},
	{"of all attempts of an operation nothing is left, and the operation is", func(t *testing.T, s Stores) {
		id, other := create(t, s, operation("OP-1", noon)), create(t, s, operation("OP-2", noon))
		for _, attempt := range []string{"a", "b"} {
			must(t, "store what was written", s.Operations.PutWritten(t.Context(), id, attempt, engine.Written{}, []byte{1}))
			must(t, "store what was written", s.Operations.PutWritten(t.Context(), other, attempt, engine.Written{}, []byte{2}))
		}
		for range 2 {
			must(t, "delete what attempts have stored", s.Operations.DeleteAttempts(t.Context(), id))
			for _, attempt := range []string{"a", "b"} {
				_, err := s.Operations.Written(t.Context(), id, attempt)
				want(t, "what was written", err, fault.NotFound)
				_, ok, err := s.Operations.Sealed(t.Context(), id, attempt)
				must(t, "read", err)
				same(t, "a sealed passphrase is there", ok, false)
				_, ok, err = s.Operations.Sealed(t.Context(), other, attempt)
				must(t, "read", err)
				same(t, "that of another operation is there", ok, true)
			}
		}
		_, err := s.Operations.Operation(t.Context(), id)
		must(t, "read the operation", err)
	}},
	{"nothing is stored of an attempt that there was not", func(t *testing.T, s Stores) {
		id := create(t, s, operation("OP-1", noon))
		_, err := s.Operations.Written(t.Context(), id, "a")
		want(t, "what was written", err, fault.NotFound)
		_, ok, err := s.Operations.Sealed(t.Context(), id, "a")
		must(t, "read", err)
		same(t, "it is there", ok, false)
	}},
	{"an operation waits for the deletion of its file", func(t *testing.T, s Stores) {
		op := operation("OP-1", noon)
		create(t, s, op)
		op.File = &bulk.File{Attempt: "a", Ready: noon, Expires: noon.AddDate(0, 0, 7)}
		op = move(t, s, op, bulk.Completed, noon)
		same(t, "one waits", collect(t, s.Operations.Open(t.Context(), bulk.WaitsForDeletion)), []string{op.ID})
		op.File.Deleted = noon.AddDate(0, 0, 7)
		move(t, s, op, bulk.Completed, noon)
		same(t, "none waits", len(collect(t, s.Operations.Open(t.Context(), bulk.WaitsForDeletion))), 0)
	}},
}

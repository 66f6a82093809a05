package seal_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"bulkops/internal/seal"
)

func TestAProofHoldsForItsRecordAndForNoOther(t *testing.T) {
	w, items := sealedDay(t)
	for n, item := range items {
		p, err := w.verifier().Prove(t.Context(), item.Name())
		if err != nil {
			t.Fatal(n, err)
		}
		text, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string, holds bool, change func(*seal.Proof)) {
			t.Helper()
			var read seal.Proof
			if err := json.Unmarshal(text, &read); err != nil {
				t.Fatal(err)
			}
			change(&read)
			s, err := read.Check()
			if (err == nil) != holds {
				t.Errorf("record %d, %s: %v", n, what, err)
			}
			if holds && s.Hour != item.Hour() {
				t.Errorf("record %d is proved for %s", n, s.Hour)
			}
		}
		check("as it is", true, func(*seal.Proof) {})
		check("another reason", false, func(p *seal.Proof) { p.Record = forged(t, p.Record) })
		check("another place", false, func(p *seal.Proof) { p.Index++ })
		check("another path", false, func(p *seal.Proof) { p.Path = append(p.Path, hex.EncodeToString(make([]byte, 32))) })
		check("another seal", false, func(p *seal.Proof) { p.Signed.Seal = strings.Replace(p.Signed.Seal, "2026-12-01T", "2026-12-02T", 1) })
		check("no signature", false, func(p *seal.Proof) { p.Signed.Signature = nil })
		check("no key", false, func(p *seal.Proof) { p.Key = nil })
		check("another key", false, func(p *seal.Proof) { p.Key = otherKey(t) })
	}
	w.log.Rewrite(forged(t, items[3]))
	if _, err := w.verifier().Prove(t.Context(), items[3].Name()); err == nil {
		t.Error("a changed record is proved")
	}
	if _, err := w.verifier().Prove(t.Context(), "OP#none/none"); err == nil {
		t.Error("a record that is not there is proved")
	}
}

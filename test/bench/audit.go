package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
	"bulkops/internal/seal"
)

const (
	// sealedRecords are verified at once: what 100,000 changed patients leave, twice.
	sealedRecords = 200_000
	// verifiedRecords is how many records a second verification must reach.
	verifiedRecords = 20_000
)

type benchSigner struct{ key *ecdsa.PrivateKey }

func (s benchSigner) Sign(_ context.Context, sum [sha256.Size]byte) ([]byte, error) {
	return ecdsa.SignASN1(rand.Reader, s.key, sum[:])
}

func (s benchSigner) Public(context.Context) (*ecdsa.PublicKey, error) { return &s.key.PublicKey, nil }

// measureAudit seals and verifies an hour with many records, without a
// database: what is measured is the work of this program.
func measureAudit(ctx context.Context, b *bench) error {
	nine := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	log := memory.NewAudit()
	log.Now = func() time.Time { return nine }
	var records []audit.Record
	for n := range sealedRecords {
		records = append(records, audit.Record{At: nine.Add(time.Duration(n) * time.Millisecond), Type: audit.Change, Unique: fmt.Sprintf("%032x", n),
			Operation: "OP-0SX4K2-7QFM", Kind: "status-change", Batch: n/100 + 1, Operator: audit.Person{Sub: "3f0c8a52-2f0c-4a7e-9d5b-3f5c0f1e6d42", Name: "Sam Okafor"},
			Approver: audit.Person{Sub: "7a1f0a52-2f0c-4a7e-9d5b-3f5c0f1e6d42", Name: "Maria Duarte"}, Reason: "Their insurance lapsed in the yearly review",
			Patient: fmt.Sprintf("%06d", n), Part: registry.ProfilePart, Facility: "riverside",
			Old: registry.Fields{registry.StatusField: "Active"}, New: registry.Fields{registry.StatusField: "On Hold", registry.HoldReason: "Insurance lapse"}})
	}
	if err := log.Append(ctx, records); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	files := memory.NewFiles()
	now := func() time.Time { return nine.Add(80 * time.Minute) }
	sealer := seal.Sealer{Log: log, Files: files, Signer: benchSigner{key}, Now: now}
	began := time.Now()
	if _, err := sealer.Run(ctx); err != nil {
		return err
	}
	rows := [][]string{rateRow("seal the hour", time.Since(began))}

	verifier := seal.Verifier{Log: log, Files: files, Key: &key.PublicKey, Now: now}
	var slowest time.Duration
	for range 3 {
		began = time.Now()
		report, err := verifier.Verify(ctx, audit.HourOf(nine), audit.HourOf(nine))
		if err != nil {
			return err
		}
		if report.Records != sealedRecords || len(report.Findings) > 0 {
			return fmt.Errorf("%d records verified, findings %v", report.Records, report.Findings)
		}
		slowest = max(slowest, time.Since(began))
	}
	rows = append(rows, rateRow("verify it (slowest of 3)", slowest))

	changed, err := records[sealedRecords/2].Item(audit.HourOf(nine))
	if err != nil {
		return err
	}
	began = time.Now()
	proof, err := verifier.Prove(ctx, changed.Name())
	if err != nil {
		return err
	}
	rows = append(rows, []string{"prove one record", fmt.Sprintf("%.2f s", time.Since(began).Seconds()), fmt.Sprintf("%d hashes", len(proof.Path))})

	log.Remove(changed)
	began = time.Now()
	report, err := verifier.Verify(ctx, audit.HourOf(nine), audit.HourOf(nine))
	if err != nil {
		return err
	}
	if len(report.Findings) != 1 || report.Findings[0].Record != changed.Name() {
		return fmt.Errorf("one record was removed, found is %v", report.Findings)
	}
	rows = append(rows, rateRow("find the one that is gone", time.Since(began)))
	b.table([]string{fmt.Sprintf("an hour of %d records", sealedRecords), "time", "records a second"}, rows)
	rate := float64(sealedRecords) / slowest.Seconds()
	b.say("Goal: at least %d records verified a second: %s.", verifiedRecords, against(rate >= verifiedRecords))
	return nil
}

func rateRow(what string, took time.Duration) []string {
	return []string{what, fmt.Sprintf("%.2f s", took.Seconds()), fmt.Sprintf("%.0f", float64(sealedRecords)/took.Seconds())}
}

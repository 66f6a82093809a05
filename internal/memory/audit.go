package memory

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"

	"bulkops/internal/audit"
)

// Audit keeps audit records in memory.
type Audit struct {
	mu      sync.Mutex
	records map[auditKey][]byte
}

type auditKey struct{ partition, sort string }

var (
	_ audit.Log    = (*Audit)(nil)
	_ audit.Reader = (*Audit)(nil)
)

// NewAudit returns an empty log.
func NewAudit() *Audit { return &Audit{records: map[auditKey][]byte{}} }

func (a *Audit) Append(_ context.Context, records []audit.Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range records {
		key := auditKey{r.Partition(), r.SortKey()}
		if _, stored := a.records[key]; !stored {
			a.records[key] = encode(r)
		}
	}
	return nil
}

func (a *Audit) ForOperation(ctx context.Context, operation string) iter.Seq2[audit.Record, error] {
	return a.ForOperationAfter(ctx, operation, "")
}

func (a *Audit) ForOperationAfter(_ context.Context, operation, sortKey string) iter.Seq2[audit.Record, error] {
	return a.matching(func(r audit.Record) bool { return r.Operation == operation && r.SortKey() > sortKey }, false)
}

func (a *Audit) ForPatient(_ context.Context, patient string) iter.Seq2[audit.Record, error] {
	return a.matching(func(r audit.Record) bool { return r.Patient == patient }, true)
}

func (a *Audit) ForDay(_ context.Context, day string) iter.Seq2[audit.Record, error] {
	return a.matching(func(r audit.Record) bool { return r.Day() == day }, false)
}

func (a *Audit) matching(wanted func(audit.Record) bool, newestFirst bool) iter.Seq2[audit.Record, error] {
	a.mu.Lock()
	defer a.mu.Unlock()
	var found []audit.Record
	for _, text := range a.records {
		if r := decode[audit.Record](text); wanted(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b audit.Record) int {
		order := cmp.Or(a.At.Compare(b.At), cmp.Compare(a.SortKey(), b.SortKey()))
		if newestFirst {
			return -order
		}
		return order
	})
	return func(yield func(audit.Record, error) bool) {
		for _, r := range found {
			if !yield(r, nil) {
				return
			}
		}
	}
}

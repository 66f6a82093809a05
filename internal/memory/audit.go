package memory

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"

	"bulkops/internal/audit"
)

// Audit is an audit log.
type Audit struct {
	mu      sync.Mutex
	records map[auditKey][]byte
}

type auditKey struct{ partition, sort string }

var (
	_ audit.Log    = (*Audit)(nil)
	_ audit.Reader = (*Audit)(nil)
)

// NewAudit returns an empty one.
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
	return a.find(false, func(r audit.Record) bool {
		return r.Type != audit.Access && r.Operation == operation && operation != "" && r.SortKey() > sortKey
	})
}

func (a *Audit) AccessTo(_ context.Context, operation string) iter.Seq2[audit.Record, error] {
	return a.find(false, func(r audit.Record) bool {
		return r.Type == audit.Access && r.Operation == operation && operation != ""
	})
}

func (a *Audit) ForPatient(_ context.Context, patient string) iter.Seq2[audit.Record, error] {
	return a.find(true, func(r audit.Record) bool { return r.Patient == patient && patient != "" })
}

func (a *Audit) ForDay(_ context.Context, day string) iter.Seq2[audit.Record, error] {
	return a.find(false, func(r audit.Record) bool { return r.Day() == day })
}

// find yields the records that belong, ordered by time.
func (a *Audit) find(newestFirst bool, belongs func(audit.Record) bool) iter.Seq2[audit.Record, error] {
	a.mu.Lock()
	defer a.mu.Unlock()
	var found []audit.Record
	for _, text := range a.records {
		if r := decode[audit.Record](text); belongs(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(x, y audit.Record) int {
		order := cmp.Or(cmp.Compare(x.SortKey(), y.SortKey()), cmp.Compare(x.Partition(), y.Partition()))
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

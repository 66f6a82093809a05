package memory

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/fault"
)

// Audit is an audit log.
type Audit struct {
	Now func() time.Time // when a record is written

	mu    sync.Mutex
	items map[string]audit.Item // by name
}

var (
	_ audit.Log     = (*Audit)(nil)
	_ audit.Reader  = (*Audit)(nil)
	_ audit.Written = (*Audit)(nil)
)

// NewAudit returns an empty one.
func NewAudit() *Audit { return &Audit{Now: time.Now, items: map[string]audit.Item{}} }

func (a *Audit) Append(_ context.Context, records []audit.Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range records {
		i, err := r.Item(audit.HourOf(a.Now()))
		if err != nil {
			return err
		}
		if _, stored := a.items[i.Name()]; !stored {
			a.items[i.Name()] = i
		}
	}
	return nil
}

// Rewrite stores an item as somebody does who may do everything with the table.
func (a *Audit) Rewrite(i audit.Item) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.items[i.Name()] = maps.Clone(i)
}

// Remove takes an item away, likewise.
func (a *Audit) Remove(i audit.Item) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.items, i.Name())
}

func (a *Audit) InHour(_ context.Context, hour audit.Hour) iter.Seq2[audit.Item, error] {
	return a.find(func(i audit.Item) bool { return i.Hour() == hour })
}

func (a *Audit) All(context.Context) iter.Seq2[audit.Item, error] {
	return a.find(func(audit.Item) bool { return true })
}

func (a *Audit) Item(_ context.Context, partition, sort string) (audit.Item, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i, ok := a.items[audit.Item{audit.ItemPartition: partition, audit.ItemSort: sort}.Name()]
	if !ok {
		return nil, fault.New(fault.NotFound, "There is no audit record with this key.")
	}
	return maps.Clone(i), nil
}

func (a *Audit) ForOperation(ctx context.Context, operation string) iter.Seq2[audit.Record, error] {
	return a.ForOperationAfter(ctx, operation, "")
}

func (a *Audit) ForOperationAfter(_ context.Context, operation, sortKey string) iter.Seq2[audit.Record, error] {
	return a.records(false, func(i audit.Item) bool {
		return i[audit.ItemPartition] == "OP#"+operation && i[audit.ItemSort] > sortKey
	})
}

func (a *Audit) ForPatient(_ context.Context, patient string) iter.Seq2[audit.Record, error] {
	return a.records(true, func(i audit.Item) bool { return i["patient"] == patient && patient != "" })
}

func (a *Audit) Backwards(_ context.Context, t audit.Trail, sortKey string) iter.Seq2[audit.Record, error] {
	return a.records(true, func(i audit.Item) bool {
		has := map[audit.TrailKey]string{audit.ByDay: i.Day(), audit.ByPatient: i["patient"],
			audit.ByOperation: strings.TrimPrefix(i[audit.ItemPartition], "OP#"), audit.ByAccess: strings.TrimPrefix(i[audit.ItemPartition], audit.AccessPrefix)}
		return t.Key != "" && has[t.By] == t.Key && (sortKey == "" || i[audit.ItemSort] < sortKey)
	})
}

// records yields the records that belong, ordered by time.
func (a *Audit) records(newestFirst bool, belongs func(audit.Item) bool) iter.Seq2[audit.Record, error] {
	found := a.copies(belongs)
	slices.SortFunc(found, func(x, y audit.Item) int {
		order := cmp.Or(cmp.Compare(x[audit.ItemSort], y[audit.ItemSort]), cmp.Compare(x[audit.ItemPartition], y[audit.ItemPartition]))
		if newestFirst {
			return -order
		}
		return order
	})
	return audit.Records(each(found))
}

// find yields copies of the items that belong.
func (a *Audit) find(belongs func(audit.Item) bool) iter.Seq2[audit.Item, error] {
	return each(a.copies(belongs))
}

func (a *Audit) copies(belongs func(audit.Item) bool) (found []audit.Item) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, i := range a.items {
		if belongs(i) {
			found = append(found, maps.Clone(i))
		}
	}
	return found
}

func each(items []audit.Item) iter.Seq2[audit.Item, error] {
	return func(yield func(audit.Item, error) bool) {
		for _, i := range items {
			if !yield(i, nil) {
				return
			}
		}
	}
}

package memory

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"

	"bulkops/internal/bulk"
)

func (s *Store) Result(_ context.Context, id string, batch, group int) (r bulk.Result, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.operations[id]
	if o == nil {
		return bulk.Result{}, false, nil
	}
	c, ok := o.results[groupKey{batch, group}]
	if !ok {
		return bulk.Result{}, false, nil
	}
	return decode[bulk.Result](c.result), true, nil
}

func (s *Store) Results(_ context.Context, id string) iter.Seq2[bulk.Result, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var results []bulk.Result
	if o, ok := s.operations[id]; ok {
		for _, c := range o.results {
			results = append(results, decode[bulk.Result](c.result))
		}
	}
	slices.SortFunc(results, func(a, b bulk.Result) int {
		return cmp.Or(cmp.Compare(a.Batch, b.Batch), cmp.Compare(a.Group, b.Group))
	})
	return func(yield func(bulk.Result, error) bool) {
		for _, r := range results {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (s *Store) Progress(_ context.Context, id string) (bulk.Tally, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum bulk.Tally
	if o, ok := s.operations[id]; ok {
		for c := range maps.Values(o.results) {
			sum = sum.Plus(c.tally)
		}
	}
	return sum, nil
}

func (s *Store) Claim(_ context.Context, id string, batch, change int, c bulk.Claim) (bulk.Claim, error) {
	return read(s, id, func(o *operation) (bulk.Claim, error) {
		key := claimKey{batch, change}
		if _, ok := o.claims[key]; !ok {
			o.claims[key] = encode(c)
		}
		return decode[bulk.Claim](o.claims[key]), nil
	})
}

func (s *Store) PutOutcome(_ context.Context, id string, batch, change int, c bulk.Claim) error {
	_, err := read(s, id, func(o *operation) (struct{}, error) {
		o.claims[claimKey{batch, change}] = encode(c)
		return struct{}{}, nil
	})
	return err
}

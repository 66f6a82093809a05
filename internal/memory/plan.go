package memory

import (
	"context"
	"fmt"
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/packed"
)

func (s *Store) PutBatch(_ context.Context, id, run string, b bulk.Batch) error {
	_, err := read(s, id, func(o *operation) (struct{}, error) {
		return struct{}{}, putOnce(o.batches, part{run, b.Number}, encode(b))
	})
	return err
}

func (s *Store) PutExclusions(_ context.Context, id, run string, page int, x []bulk.Exclusion) error {
	_, err := read(s, id, func(o *operation) (struct{}, error) {
		return struct{}{}, putOnce(o.exclusions, part{run, page}, encode(x))
	})
	return err
}

func (s *Store) PutListed(_ context.Context, id, run string, list, page int, patients []string) error {
	_, err := read(s, id, func(o *operation) (struct{}, error) {
		return struct{}{}, putOnce(o.listed, listPart{run, list, page}, encode(patients))
	})
	return err
}

func (s *Store) PutSubjects(_ context.Context, id, run string, subjects bulk.Subjects) error {
	_, err := read(s, id, func(o *operation) (struct{}, error) {
		o.subjects[run] = slices.Clone(subjects)
		return struct{}{}, nil
	})
	return err
}

func (s *Store) Subjects(_ context.Context, id, run string) (bulk.Subjects, error) {
	return read(s, id, func(o *operation) (bulk.Subjects, error) { return slices.Clone(o.subjects[run]), nil })
}

// maxPart is the most bytes of a part, once it is compressed, that an item of a
// table can hold.
const maxPart = 390_000

func putOnce[P comparable](parts map[P][]byte, p P, text []byte) error {
	if _, ok := parts[p]; ok {
		return fault.New(fault.Conflict, "This part of the plan is already stored.")
	}
	if len(text) > maxPart && len(packed.Deflate(text)) > maxPart {
		return fmt.Errorf("a part of a plan has %d bytes, and no table takes more than %d", len(text), maxPart)
	}
	parts[p] = text
	return nil
}

func (s *Store) Batch(_ context.Context, id, run string, number int) (bulk.Batch, error) {
	return read(s, id, func(o *operation) (bulk.Batch, error) {
		text, ok := o.batches[part{run, number}]
		if !ok {
			return bulk.Batch{}, fault.New(fault.NotFound, "The plan has no batch %d.", number)
		}
		return decode[bulk.Batch](text), nil
	})
}

func (s *Store) Exclusions(_ context.Context, id, run string, page int) ([]bulk.Exclusion, error) {
	return read(s, id, func(o *operation) ([]bulk.Exclusion, error) {
		text, ok := o.exclusions[part{run, page}]
		if !ok {
			return nil, fault.New(fault.NotFound, "The plan has no page %d of exclusions.", page)
		}
		return decode[[]bulk.Exclusion](text), nil
	})
}

func (s *Store) Listed(_ context.Context, id, run string, list, page int) ([]string, error) {
	return read(s, id, func(o *operation) ([]string, error) {
		text, ok := o.listed[listPart{run, list, page}]
		if !ok {
			return nil, fault.New(fault.NotFound, "The list %d has no page %d.", list, page)
		}
		return decode[[]string](text), nil
	})
}

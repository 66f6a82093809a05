package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
)

// operation is what is kept of one operation. Texts are JSON, so that nothing
// is shared with callers and nothing survives that a table would lose.
type operation struct {
	header     []byte
	selection  []byte
	events     [][]byte
	batches    map[part][]byte
	exclusions map[part][]byte
	listed     map[listPart][]byte
	subjects   map[string]bulk.Subjects // by run
	results    map[groupKey]committed
	claims     map[claimKey][]byte
	tokens     map[token]int     // and how many tokens and mails had ever been stored before it
	mails      map[string]int    // those due, and the same
	written    map[string][]byte // by attempt
	sealed     map[string][]byte // by attempt
}

// token is a stored task token.
type token struct{ wait, text string }

type submitKey struct{ requester, key string }

type part struct {
	run    string
	number int
}

type listPart struct {
	run        string
	list, page int
}

type groupKey struct{ batch, group int }

type claimKey struct{ batch, change int }

type committed struct {
	result []byte
	tally  bulk.Tally
}

func (s *Store) Create(_ context.Context, op bulk.Operation, selected bulk.Selection, key string, e bulk.Event) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if existing, ok := s.keys[submitKey{op.Requester.Sub, key}]; ok {
		return existing, nil
	}
	if _, ok := s.operations[op.ID]; ok {
		return "", fault.New(fault.Conflict, "An operation with the id %s exists already.", op.ID)
	}
	op.Version = 1
	e.Operation, e.Number = op.ID, 1
	s.keys[submitKey{op.Requester.Sub, key}] = op.ID
	s.operations[op.ID] = &operation{
		header:     encode(op),
		selection:  encode(selected),
		events:     [][]byte{encode(e)},
		batches:    map[part][]byte{},
		exclusions: map[part][]byte{},
		listed:     map[listPart][]byte{},
		subjects:   map[string]bulk.Subjects{},
		results:    map[groupKey]committed{},
		claims:     map[claimKey][]byte{},
		tokens:     map[token]int{},
		mails:      map[string]int{},
		written:    map[string][]byte{},
		sealed:     map[string][]byte{},
	}
	return "", nil
}

func (s *Store) MadeWith(_ context.Context, requester, key string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[submitKey{requester, key}], nil
}

func (s *Store) Operation(_ context.Context, id string) (bulk.Operation, error) {
	return read(s, id, func(o *operation) (bulk.Operation, error) { return decode[bulk.Operation](o.header), nil })
}

func (s *Store) OperationsByID(_ context.Context, ids []string) (map[string]bulk.Operation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]bulk.Operation{}
	for _, id := range ids {
		if o, ok := s.operations[id]; ok {
			found[id] = decode[bulk.Operation](o.header)
		}
	}
	return found, nil
}

func (s *Store) Update(_ context.Context, op bulk.Operation, e bulk.Event, mails ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.operations[op.ID]
	if !ok || decode[bulk.Operation](o.header).Version != op.Version {
		return fault.New(fault.Conflict, "The operation has moved on since it was read.")
	}
	op.Version++
	e.Operation, e.Number = op.ID, op.Version
	o.header = encode(op)
	o.events = append(o.events, encode(e))
	for _, mail := range mails {
		s.waits++
		o.mails[mail] = s.waits
	}
	return nil
}

func (s *Store) Events(_ context.Context, id string) ([]bulk.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.operations[id]
	if !ok {
		return nil, nil
	}
	events := make([]bulk.Event, len(o.events))
	for i, e := range o.events {
		events[i] = decode[bulk.Event](e)
	}
	return events, nil
}

// Event returns one event of an operation; fault.NotFound where there is none of
// the number.
func (s *Store) Event(ctx context.Context, id string, number int) (bulk.Event, error) {
	all, err := s.Events(ctx, id)
	if err != nil {
		return bulk.Event{}, err
	}
	for _, e := range all {
		if e.Number == number {
			return e, nil
		}
	}
	return bulk.Event{}, fault.New(fault.NotFound, "There is no event with this number.")
}

func (s *Store) Selection(_ context.Context, id string) (bulk.Selection, error) {
	return read(s, id, func(o *operation) (bulk.Selection, error) { return decode[bulk.Selection](o.selection), nil })
}

func (s *Store) PutToken(_ context.Context, id, wait, text string) error {
	_, err := read(s, id, func(o *operation) (struct{}, error) {
		s.waits++
		o.tokens[token{wait, text}] = s.waits
		return struct{}{}, nil
	})
	return err
}

func (s *Store) Token(_ context.Context, id, wait string) (text string, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.operations[id]
	if o == nil {
		return "", false, nil
	}
	for t := range o.tokens {
		if t.wait == wait && (!ok || t.text < text) { // any will do, but always the same
			text, ok = t.text, true
		}
	}
	return text, ok, nil
}

func (s *Store) DeleteToken(_ context.Context, id, wait, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.operations[id]; o != nil {
		delete(o.tokens, token{wait, text})
	}
	return nil
}

func (s *Store) MailsDue(_ context.Context, id string) ([]string, error) {
	return read(s, id, func(o *operation) ([]string, error) { return slices.Sorted(maps.Keys(o.mails)), nil })
}

func (s *Store) SettleMail(_ context.Context, id, mail string) error {
	_, err := read(s, id, func(o *operation) (struct{}, error) { delete(o.mails, mail); return struct{}{}, nil })
	return err
}

func (s *Store) Open(_ context.Context, what string) iter.Seq2[string, error] {
	switch what {
	case bulk.WaitsForAnswer:
		return s.withEach(func(o *operation) iter.Seq[int] { return maps.Values(o.tokens) })
	case bulk.WaitsForMail:
		return s.withEach(func(o *operation) iter.Seq[int] { return maps.Values(o.mails) })
	}
	return s.list(false, func(o bulk.Operation) (time.Time, bool) { return o.Since, what != "" && o.WaitsFor() == what })
}

// withEach yields the ids of the operations that have a wait of their own, once
// for each; waits are their places in the order of all.
func (s *Store) withEach(waits func(*operation) iter.Seq[int]) iter.Seq2[string, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := map[int]string{}
	for id, o := range s.operations {
		for order := range waits(o) {
			ids[order] = id
		}
	}
	return func(yield func(string, error) bool) {
		for _, order := range slices.Sorted(maps.Keys(ids)) {
			if !yield(ids[order], nil) {
				return
			}
		}
	}
}

func (s *Store) ByRequester(_ context.Context, sub string) iter.Seq2[string, error] {
	return s.list(true, func(o bulk.Operation) (time.Time, bool) { return o.Created, o.Requester.Sub == sub })
}

func (s *Store) ByDay(_ context.Context, day string) iter.Seq2[string, error] {
	return s.list(true, func(o bulk.Operation) (time.Time, bool) {
		return o.Created, o.Created.UTC().Format(time.DateOnly) == day
	})
}

// list yields the ids of the operations that belong, ordered by time.
func (s *Store) list(newestFirst bool, belongs func(bulk.Operation) (time.Time, bool)) iter.Seq2[string, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	times := map[string]string{}
	for id, o := range s.operations {
		if at, ok := belongs(decode[bulk.Operation](o.header)); ok {
			times[id] = at.UTC().Format("2006-01-02T15:04:05.000000000Z")
		}
	}
	return sorted(times, newestFirst)
}

// read runs f on an operation; fault.NotFound for an unknown id.
func read[T any](s *Store, id string, f func(*operation) (T, error)) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.operations[id]; ok {
		return f(o)
	}
	var none T
	return none, fault.New(fault.NotFound, "There is no operation with this id.")
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("memory: what is stored is always encodable: %v", err)) // only texts, numbers and times go in
	}
	return text
}

func decode[T any](text []byte) T {
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		panic(fmt.Sprintf("memory: what was stored is always decodable: %v", err))
	}
	return v
}

package memory

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
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
	tokens     map[token]int // and how many had ever been stored before it
	mails      map[string]bool
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
		mails:      map[string]bool{},
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

func (s *Store) Update(_ context.Context, op bulk.Operation, e bulk.Event) error {
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

func (s *Store) Selection(_ context.Context, id string) (bulk.Selection, error) {
	return read(s, id, func(o *operation) (bulk.Selection, error) { return decode[bulk.Selection](o.selection), nil })
}

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

func putOnce[P comparable](parts map[P][]byte, p P, text []byte) error {
	if _, ok := parts[p]; ok {
		return fault.New(fault.Conflict, "This part of the plan is already stored.")
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

func (s *Store) PutToken(_ context.Context, id, wait, text string) error {
	_, err := read(s, id, func(o *operation) (struct{}, error) {
		s.tokens++
		o.tokens[token{wait, text}] = s.tokens
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

func (s *Store) PutWritten(_ context.Context, id, attempt string, w engine.Written, sealed []byte) error {
	_, err := read(s, id, func(o *operation) (struct{}, error) {
		if _, ok := o.written[attempt]; ok {
			return struct{}{}, fault.New(fault.Conflict, "What this attempt wrote is already stored.")
		}
		o.written[attempt], o.sealed[attempt] = encode(w), slices.Clone(sealed)
		return struct{}{}, nil
	})
	return err
}

func (s *Store) Written(_ context.Context, id, attempt string) (engine.Written, error) {
	return read(s, id, func(o *operation) (engine.Written, error) {
		text, ok := o.written[attempt]
		if !ok {
			return engine.Written{}, fault.New(fault.NotFound, "Nothing is stored of this attempt.")
		}
		return decode[engine.Written](text), nil
	})
}

func (s *Store) Sealed(_ context.Context, id, attempt string) (sealed []byte, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.operations[id]; o != nil {
		sealed, ok = o.sealed[attempt]
	}
	return slices.Clone(sealed), ok, nil
}

func (s *Store) DeleteSealed(_ context.Context, id, attempt string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.operations[id]; o != nil {
		delete(o.sealed, attempt)
	}
	return nil
}

func (s *Store) MailSent(_ context.Context, id, mail string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.operations[id]
	return o != nil && o.mails[mail], nil
}

func (s *Store) MarkMailSent(_ context.Context, id, mail string) error {
	_, err := read(s, id, func(o *operation) (struct{}, error) { o.mails[mail] = true; return struct{}{}, nil })
	return err
}

func (s *Store) Open(_ context.Context, what string) iter.Seq2[string, error] {
	if what == bulk.WaitsForAnswer {
		return s.withTokens()
	}
	return s.list(false, func(o bulk.Operation) (time.Time, bool) { return o.Since, what != "" && o.WaitsFor() == what })
}

// withTokens yields the ids of the operations that have a token, once for each.
func (s *Store) withTokens() iter.Seq2[string, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := map[int]string{}
	for id, o := range s.operations {
		for _, order := range o.tokens {
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

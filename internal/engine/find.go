package engine

import (
	"context"
	"strings"
	"unicode"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Find returns the ids of the patients whom the filter chooses among those in
// facilities that the person holds, in the order in which a plan lists them.
// It stops after most of them; more says that there are others. A filter by
// facility alone is answered from the index, without reading patients.
func (e *Engine) Find(ctx context.Context, actor staff.Person, f registry.Filter, most int) (ids []string, more bool, err error) {
	directory, err := e.Registry.Directory(ctx)
	if err != nil {
		return nil, false, err
	}
	s := bulk.Selection{Source: bulk.ByFilter, Filter: &f}
	if err := e.checkSelection(actor, directory, &s); err != nil {
		return nil, false, err
	}
	chosen := s.Filter.Matcher(directory, e.Now())
	if looksLikeID(f.Text) {
		patients, err := e.Registry.Patients(ctx, []string{f.Text})
		if err != nil {
			return nil, false, err
		}
		if p, ok := patients[f.Text]; ok && chosen(p) {
			return []string{f.Text}, false, nil
		}
	}
	seen := map[string]bool{}
	take := func(id string) bool {
		if seen[id] {
			return true
		}
		if len(ids) == most {
			more = true
			return false
		}
		seen[id] = true
		ids = append(ids, id)
		return true
	}
	others := f
	others.Facilities = nil
	if others.Empty() {
		for c, err := range e.candidates(ctx, s) {
			if err != nil {
				return nil, false, err
			}
			if !take(c.id) {
				break
			}
		}
		return ids, more, nil
	}
	for chunk, err := range e.readAhead(ctx, e.chunks(ctx, s), reading{}) {
		if err != nil {
			return nil, false, err
		}
		for _, c := range chunk.candidates {
			if p, ok := chunk.patients[c.id]; ok && chosen(p) && !take(c.id) {
				return ids, more, nil
			}
		}
	}
	return ids, more, nil
}

// looksLikeID reports whether a search text is more likely an id than a part of
// a name: it has a digit and no letter.
func looksLikeID(text string) bool {
	return strings.ContainsFunc(text, unicode.IsDigit) && !strings.ContainsFunc(text, unicode.IsLetter)
}

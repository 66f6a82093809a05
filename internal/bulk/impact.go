package bulk

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"math/rand/v2"
	"slices"

	"bulkops/internal/registry"
)

// UnusualShare is the percentage of a facility's patients from which on a plan
// is unusually large.
const UnusualShare = 25

// countedAnyway is how many patients of a facility are counted whatever a plan
// changes there: so few cost next to nothing, and most facilities have no more.
const countedAnyway = 2000

// CountUpTo is how far the patients of a facility are counted for a plan that
// changes some of them: where there are more, the share is small, and only known
// to be so.
func CountUpTo(changes int) int { return max(changes*100/UnusualShare, countedAnyway) + 1 }

// Moves reports whether the edit gives a visit that takes place to another
// provider or another facility.
func (e Edit) Moves() bool {
	if !e.Ref.IsVisit() || e.Books() || e.After[registry.VisitState] == registry.VisitCancelled {
		return false
	}
	return e.After[registry.ProviderField] != e.Before[registry.ProviderField] || e.After[registry.FacilityField] != e.Before[registry.FacilityField]
}

// Reset is how many of the visits touched are set back to what they were before
// an earlier operation: the rest.
func (p PlanSummary) Reset() int { return p.Visits - p.Cancelled - p.Booked - p.Moved }

// Share is what part of a facility's patients a plan changes.
type Share struct {
	Facility    string
	Changes, Of int // Of is 0 where there are more than were counted
	Percent     int // of Of, rounded down; without Of the share is below it
}

// Unusual reports whether these are unusually many.
func (s Share) Unusual() bool { return s.Of > 0 && s.Percent >= UnusualShare }

// Shares are the parts of the facilities whose patients a plan changes, the
// largest part first.
func (p PlanSummary) Shares() []Share {
	var shares []Share
	for facility, changes := range p.ByFacility {
		s := Share{Facility: facility, Changes: changes, Of: p.Residents[facility]}
		if s.Of > 0 {
			s.Percent = changes * 100 / s.Of
		} else {
			counted := CountUpTo(changes) - 1
			s.Percent = (changes*100 + counted - 1) / counted
		}
		shares = append(shares, s)
	}
	order := func(s Share) int {
		if s.Unusual() {
			return 0
		}
		return 1
	}
	slices.SortFunc(shares, func(a, b Share) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), -cmp.Compare(a.Percent, b.Percent), -cmp.Compare(a.Changes, b.Changes), cmp.Compare(a.Facility, b.Facility))
	})
	return shares
}

const (
	// mostCounted is how many values of a field a summary counts singly: it is
	// part of the header, which is written again and again.
	mostCounted = 200
	// AllOthers stands for the values that are not counted singly.
	AllOthers = "*"
)

// BoundCounts keeps what a summary counts small: of each field, before and
// after, the values with most patients are counted singly and the rest together.
func (p *PlanSummary) BoundCounts() {
	for _, field := range Counted {
		bound(p.Before[field], p.After[field])
	}
	bound(p.ByProvider)
}

// bound merges the values with fewest patients, over all counts together.
func bound(counts ...map[string]int) {
	total := map[string]int{}
	for _, c := range counts {
		for value, n := range c {
			total[value] += n
		}
	}
	if len(total) <= mostCounted {
		return
	}
	values := slices.SortedFunc(maps.Keys(total), func(a, b string) int {
		return cmp.Or(-cmp.Compare(total[a], total[b]), cmp.Compare(a, b))
	})
	for _, c := range counts {
		for _, value := range values[mostCounted:] {
			if n := c[value]; n > 0 {
				delete(c, value)
				c[AllOthers] += n
			}
		}
	}
}

// SampleSize is how many changes of a plan people are asked to check.
const SampleSize = 5

// Sample draws changes to check, at most SampleSize, in the plan's order and
// spread over its batches, which read returns by number. The digest draws them:
// whoever reads the same plan gets the same changes, and nobody chose them.
func Sample(digest string, batches int, read func(number int) (Batch, error)) ([]Change, error) {
	random := rand.New(rand.NewChaCha8(sha256.Sum256([]byte(digest))))
	drawn := map[int]int{} // how many of each batch
	for i := range min(SampleSize, batches*BatchSize) {
		from, to := i*batches/SampleSize, max((i+1)*batches/SampleSize, i*batches/SampleSize+1)
		drawn[1+from+random.IntN(to-from)]++
	}
	var sample []Change
	missing := 0 // a batch may hold fewer than are drawn of it, most often the last
	for _, number := range slices.Backward(slices.Sorted(maps.Keys(drawn))) {
		b, err := read(number)
		if err != nil {
			return nil, err
		}
		wanted := min(drawn[number]+missing, len(b.Changes))
		missing += drawn[number] - wanted
		places := random.Perm(len(b.Changes))[:wanted]
		for _, place := range slices.Backward(slices.Sorted(slices.Values(places))) {
			sample = append(sample, b.Changes[place])
		}
	}
	slices.Reverse(sample)
	return sample, nil
}

package kind

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/registry"
)

// How many patients a provider sees a day, where patients are shared out by it.
const (
	LeastCapacity = 10
	MostCapacity  = 30
	// seenWithin is in how many weeks a provider has to be able to see each of
	// their patients once: it bounds how many they get.
	seenWithin = 4
)

// capacities are how many patients each of the chosen providers sees a day, as
// answered or else as their calendar says; nil where patients are not shared
// out by it. wrong says which answers cannot be used.
func capacities(p bulk.Params, d registry.Directory) (perDay map[string]int, wrong []string) {
	if p[ShareBy] != ByCapacity {
		return nil, nil
	}
	chosen := strings.Fields(p[NewProviders])
	perDay = map[string]int{}
	for _, answer := range strings.Fields(p[Capacity]) {
		id, number, _ := strings.Cut(answer, "=")
		name := d.Display(registry.ProviderField, id)
		n, err := strconv.Atoi(number)
		_, twice := perDay[id]
		switch {
		case !slices.Contains(chosen, id):
			wrong = append(wrong, fmt.Sprintf("%s is not among the chosen providers. Choose them too, or leave out their number.", english.Brief(name)))
		case twice:
			wrong = append(wrong, fmt.Sprintf("Say once how many patients %s sees a day.", name))
		case err != nil || n < LeastCapacity || n > MostCapacity:
			wrong = append(wrong, fmt.Sprintf("Say for %s a number of patients a day from %d to %d.", name, LeastCapacity, MostCapacity))
		default:
			perDay[id] = n
			continue
		}
		perDay[id] = LeastCapacity // said, though wrongly
	}
	for _, id := range chosen {
		if _, said := perDay[id]; said {
			continue
		}
		if q, _ := d.Provider(id); q.Daily >= LeastCapacity && q.Daily <= MostCapacity {
			perDay[id] = q.Daily
			continue
		}
		wrong = append(wrong, fmt.Sprintf("Say how many patients %s sees a day, from %d to %d.", d.Display(registry.ProviderField, id), LeastCapacity, MostCapacity))
	}
	return perDay, wrong
}

// completeReassignment says for each of the chosen providers how many patients
// they see a day, where patients are shared out by it.
func completeReassignment(p bulk.Params, d registry.Directory) bulk.Params {
	perDay, _ := capacities(p, d)
	if perDay == nil {
		return p
	}
	var numbers []string
	for _, id := range strings.Fields(p[NewProviders]) {
		numbers = append(numbers, fmt.Sprintf("%s=%d", id, perDay[id]))
	}
	p = maps.Clone(p)
	p[Capacity] = strings.Join(numbers, " ")
	return p
}

// seen is how many patients the provider can see within seenWithin weeks, by how
// many they see a day; 0 for any number.
func (r roster) seen(id string) int {
	q, _ := r.directory.Provider(id)
	days := 5
	if !q.Hours.Empty() {
		days = 0
		for _, hours := range q.Hours {
			if !hours.Empty() {
				days++
			}
		}
	}
	return r.perDay[id] * days * seenWithin
}

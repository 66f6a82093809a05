package fhir_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/memory"
	"bulkops/internal/registry"
)

// Any sequence of imports and operations leaves every profile naming exactly
// the visits that are scheduled, and any import repeated writes nothing.
func TestProfilesAgreeWithVisitsAfterAnySequence(t *testing.T) {
	for seed := range uint64(150) {
		dice := rand.New(rand.NewPCG(seed, 4))
		s := memory.New()
		now := at
		for step := range 5 {
			folder := t.TempDir()
			write(t, folder, "Patient.ndjson", somePatients(dice))
			write(t, folder, "Encounter.ndjson", someEncounters(dice, now))
			load(t, s, folder, now)
			agrees(t, s, fmt.Sprintf("seed %d, import %d", seed, step))
			load(t, readOnly{s, t}, folder, now)
			if dice.IntN(2) == 0 {
				discharge(t, s, fmt.Sprint("P", dice.IntN(3)), now)
			}
			now = now.Add(time.Duration(dice.IntN(40)) * time.Hour)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func somePatients(dice *rand.Rand) string {
	var lines strings.Builder
	for i := range 3 {
		if dice.IntN(3) > 0 {
			fmt.Fprintf(&lines, `{"resourceType":"Patient","id":"P%d","name":[{"text":"Name %d"}],"active":%v}`+"\n", i, dice.IntN(2), dice.IntN(4) > 0)
		}
	}
	return lines.String()
}

func someEncounters(dice *rand.Rand, now time.Time) string {
	statuses := []string{"planned", "planned", "planned", "finished", "cancelled", "arrived", "entered-in-error", "nonsense"}
	var lines strings.Builder
	for range dice.IntN(12) {
		id := dice.IntN(9)
		start := now.Truncate(24 * time.Hour).Add(time.Duration(dice.IntN(12)-4) * 12 * time.Hour)
		lines.WriteString(encounter(fmt.Sprint("e", id), statuses[dice.IntN(len(statuses))], fmt.Sprint("P", id%3), start.Format(time.RFC3339)))
	}
	return lines.String()
}

// discharge does what an operation does.
func discharge(t *testing.T, s *memory.Store, patient string, now time.Time) {
	t.Helper()
	ref := registry.ProfileRef(patient)
	found, _ := s.Records(t.Context(), []registry.Ref{ref})
	profile, ok := found[ref]
	if !ok {
		return
	}
	stamp := registry.Stamp{Operation: "OP-000001-AAAA", By: "Ana", At: now}
	changed := []registry.Record{profile}
	for _, v := range (registry.Patient{Record: profile}).Visits() {
		visit := record(t, s, patient, v.Ref(patient).Part)
		visit.Fields["state"], visit.Stamp = registry.VisitCancelled, stamp
		changed = append(changed, visit)
	}
	profile.Fields["status"], profile.Fields["upcoming"] = "Discharged", ""
	changed[0].Stamp = stamp
	put(t, s, changed...)
}

func agrees(t *testing.T, s *memory.Store, when string) {
	t.Helper()
	for i := range 3 {
		parts, _ := s.Parts(t.Context(), fmt.Sprint("P", i))
		var scheduled, listed []string
		for _, r := range parts {
			switch {
			case r.Ref.Part == registry.ProfilePart:
				for _, v := range (registry.Patient{Record: r}).Visits() {
					listed = append(listed, v.Ref(r.Ref.Patient).Part)
				}
			case r.Get(registry.VisitState) == registry.VisitScheduled:
				scheduled = append(scheduled, r.Ref.Part)
			}
		}
		slices.Sort(listed)
		if !slices.Equal(scheduled, listed) {
			t.Errorf("%s: P%d has scheduled %v, lists %v", when, i, scheduled, listed)
		}
	}
}

package bulk_test

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// storedPlan is a plan as it lies in the store: what the digest has to protect.
type storedPlan struct {
	Kind       string           `json:"kind"`
	Params     bulk.Params      `json:"params"`
	Batches    []bulk.Batch     `json:"batches"`
	Exclusions []bulk.Exclusion `json:"exclusions"`
}

func (p storedPlan) digest() string {
	d := bulk.NewDigester(p.Kind, p.Params)
	for _, b := range p.Batches {
		d.Batch(b)
	}
	for _, x := range p.Exclusions {
		d.Exclusion(x)
	}
	return d.Sum()
}

func drawPlan(t *rapid.T) storedPlan {
	p := storedPlan{
		Kind:   rapid.SampledFrom([]string{"status-change", "tags"}).Draw(t, "kind"),
		Params: rapid.MapOfN(rapid.SampledFrom([]string{"to", "hold_reason"}), rapid.String(), 0, 2).Draw(t, "params"),
	}
	subject := 0
	for number := range rapid.IntRange(1, 3).Draw(t, "batches") {
		var changes []bulk.Change
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			subject++
			changes = append(changes, drawChange(t, subject))
		}
		p.Batches = append(p.Batches, bulk.NewBatch(number+1, changes))
	}
	for row := range rapid.IntRange(0, 3).Draw(t, "exclusions") {
		p.Exclusions = append(p.Exclusions, bulk.Exclusion{Subject: rapid.String().Draw(t, "subject"), Row: row + 2,
			Code: bulk.Locked, Sentence: rapid.String().Draw(t, "sentence")})
	}
	return p
}

func TestDigestSurvivesStorage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		var stored storedPlan
		if err := json.Unmarshal([]byte(encode(p)), &stored); err != nil {
			t.Fatal(err)
		}
		if p.digest() != stored.digest() {
			t.Fatalf("the digest of %s changed in storage", encode(p))
		}
	})
}

// Any byte of the stored plan that is changed to another changes the digest,
// unless the altered text means the same plan or none.
func TestDigestSeesEveryByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		text := []byte(encode(p))
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		text[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		var altered storedPlan
		if json.Unmarshal(text, &altered) != nil || encode(altered) == encode(p) {
			t.Skip("the altered text is the same plan or none")
		}
		if altered.digest() == p.digest() {
			t.Fatalf("the digest of %s\nis that of   %s", text, encode(p))
		}
	})
}

func TestDigestSeesOrderAndBoundaries(t *testing.T) {
	plan := func() storedPlan {
		changes := changesWith(1, 2, 3, 4)
		for i := range changes {
			changes[i].Edits[0].Before = registry.Fields{registry.StatusField: "Active"}
			changes[i].Edits[0].After = registry.Fields{registry.StatusField: "On Hold"}
		}
		return storedPlan{
			Kind: "status-change", Params: bulk.Params{"to": "On Hold"},
			Batches:    []bulk.Batch{bulk.NewBatch(1, changes[:2]), bulk.NewBatch(2, changes[2:])},
			Exclusions: []bulk.Exclusion{{Subject: "P8", Code: bulk.Locked}, {Subject: "P9", Code: bulk.AlreadySo}},
		}
	}
	alterations := map[string]func(*storedPlan){
		"another kind":                func(p *storedPlan) { p.Kind = "tags" },
		"another answer":              func(p *storedPlan) { p.Params["to"] = "Deceased" },
		"one more answer":             func(p *storedPlan) { p.Params["cancel_visits"] = "yes" },
		"two changes swapped":         func(p *storedPlan) { c := p.Batches[0].Changes; c[0], c[1] = c[1], c[0] },
		"two batches swapped":         func(p *storedPlan) { p.Batches[0], p.Batches[1] = p.Batches[1], p.Batches[0] },
		"two exclusions swapped":      func(p *storedPlan) { p.Exclusions[0], p.Exclusions[1] = p.Exclusions[1], p.Exclusions[0] },
		"a change moved to the next":  moveBoundary,
		"a group's boundary moved":    func(p *storedPlan) { p.Batches[0].Groups = []int{1, 2} },
		"a batch missing":             func(p *storedPlan) { p.Batches = p.Batches[:1] },
		"an exclusion missing":        func(p *storedPlan) { p.Exclusions = p.Exclusions[:1] },
		"a change repeated":           func(p *storedPlan) { c := &p.Batches[0].Changes; *c = append(*c, (*c)[1]) },
		"a value before":              func(p *storedPlan) { p.Batches[0].Changes[0].Edits[0].Before[registry.StatusField] = "Pending" },
		"a value after":               func(p *storedPlan) { p.Batches[0].Changes[0].Edits[0].After[registry.StatusField] = "Deceased" },
		"another patient":             func(p *storedPlan) { p.Batches[0].Changes[0].Edits[0].Ref.Patient = "P9" },
		"another part of the patient": func(p *storedPlan) { p.Batches[0].Changes[0].Edits[0].Ref.Part = "CLINICAL#1" },
		"one condition less":          func(p *storedPlan) { p.Batches[0].Changes[0].Edits[0].Before = registry.Fields{} },
	}
	for name, alter := range alterations {
		t.Run(name, func(t *testing.T) {
			p := plan()
			alter(&p)
			if p.digest() == plan().digest() {
				t.Errorf("the digest did not change")
			}
		})
	}
}

// moveBoundary makes the last change of batch 1 the first of batch 2.
func moveBoundary(p *storedPlan) {
	first, second := p.Batches[0].Changes, p.Batches[1].Changes
	p.Batches[1] = bulk.NewBatch(2, slices.Concat(first[1:], second))
	p.Batches[0] = bulk.NewBatch(1, first[:1])
}

// Planning meets batches and exclusions mixed, the check reads the batches
// first: both must come to the same digest.
func TestDigestDoesNotDependOnHowBatchesAndExclusionsMix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		d := bulk.NewDigester(p.Kind, p.Params)
		batches, exclusions := p.Batches, p.Exclusions
		for len(batches)+len(exclusions) > 0 {
			if len(exclusions) == 0 || len(batches) > 0 && rapid.Bool().Draw(t, "batch next") {
				d.Batch(batches[0])
				batches = batches[1:]
			} else {
				d.Exclusion(exclusions[0])
				exclusions = exclusions[1:]
			}
		}
		first := d.Sum()
		if again := d.Sum(); first != p.digest() || again != first {
			t.Fatal("the digest depends on the order of reading")
		}
	})
}

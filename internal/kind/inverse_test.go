package kind_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
)

// records are what the registry keeps of one patient, by reference.
type records map[registry.Ref]registry.Record

// apply makes the edits of a change, as a store does: all or none, and an
// empty field is the same as none.
func (r records) apply(c bulk.Change) error {
	for _, e := range c.Edits {
		if old, ok := r[e.Ref]; !ok && !e.Creates() || !e.Holds(old) {
			return fmt.Errorf("%v is not as planned: %v", e.Ref, old.Fields)
		}
	}
	for _, e := range c.Edits {
		written := r[e.Ref].Clone()
		if written.Fields == nil {
			written = registry.Record{Ref: e.Ref, Fields: registry.Fields{}}
		}
		for field, value := range e.After {
			written.Fields[field] = value
			if value == "" {
				delete(written.Fields, field)
			}
		}
		r[e.Ref] = written
	}
	return nil
}

// fields are all that have a value: an empty field is the same as none.
func (r records) fields() map[registry.Ref]registry.Fields {
	fields := map[registry.Ref]registry.Fields{}
	for ref, record := range r {
		fields[ref] = maps.Clone(record.Fields)
		maps.DeleteFunc(fields[ref], func(_, value string) bool { return value == "" })
	}
	return fields
}

// drawPatient draws a patient with visits, hold reasons that should not be
// there, and lists of visits that a hand or an import has written untidily.
func drawPatient(t *rapid.T) (registry.Patient, records) {
	p := patient(registry.Active)
	maps.Copy(p.Fields, kindtest.DrawFields(t))
	p.Fields[registry.Name] = rapid.String().Draw(t, "name")
	r := records{}
	upcoming := rapid.SampledFrom([]string{"", " ", "rubbish "}).Draw(t, "before the list")
	for n := range rapid.IntRange(0, 5).Draw(t, "visits") {
		v := registry.VisitRef{Start: noon.Add(time.Duration(rapid.IntRange(-100, 100).Draw(t, "hours")) * time.Hour), ID: fmt.Sprintf("V%d", n)}
		upcoming += v.String() + rapid.SampledFrom([]string{" ", "  "}).Draw(t, "between")
		r[v.Ref("00042")] = registry.Record{Ref: v.Ref("00042"), Fields: registry.Fields{
			registry.VisitState: registry.VisitScheduled, registry.VisitType: "Routine"}}
		maps.Copy(r[v.Ref("00042")].Fields, kindtest.DrawPlace(t))
	}
	if upcoming != "" {
		p.Fields[registry.Upcoming] = upcoming
	}
	r[p.Ref] = p.Record
	return p, r
}

// drawPlan draws a kind, what it is asked, and a patient, and plans.
func drawPlan(t *rapid.T) (bulk.Change, *bulk.Exclusion, registry.Patient, records) {
	p, r := drawPatient(t)
	k, params := kindtest.Draw(t)
	subject := kind.Subject{Patient: p, Records: r}
	if given := kindtest.DrawGiven(t, k, 1); given != nil {
		subject.Given = given[0]
	}
	world := kind.World{Directory: kindtest.Directory, At: noon, Patients: map[string]int{
		"ann": rapid.IntRange(0, 4).Draw(t, "of ann"), "bea": rapid.IntRange(0, 4).Draw(t, "of bea"), "cyd": rapid.IntRange(0, 4).Draw(t, "of cyd")}}
	for _, provider := range []string{"ann", "bea", "cyd"} { // of visits that no longer take place then
		for n := range rapid.IntRange(0, 3).Draw(t, "slots") {
			slot := registry.Record{Ref: registry.SlotRef(provider, noon.Add(25*time.Hour+time.Duration(n)*15*time.Minute)), Fields: registry.Held(registry.ProfileRef("00007"))}
			world.Slots, r[slot.Ref] = append(world.Slots, slot), slot
		}
	}
	change, exclusion := k.New(params, world).Plan(subject)
	return change, exclusion, p, r
}

func TestEveryKindIsDrawn(t *testing.T) {
	for _, k := range kind.All {
		if kindtest.Drawn(k) == k.Follows {
			t.Errorf("no plan is drawn of the kind %s, or of one that nobody begins with", k.Name)
		}
	}
}

func TestAChangeAndItsInverseRestoreEveryByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		change, exclusion, _, r := drawPlan(t)
		before := r.fields()
		if exclusion != nil {
			return
		}
		if err := r.apply(change); err != nil {
			t.Fatalf("the plan cannot be carried out: %v", err)
		}
		if r.apply(change) == nil {
			t.Fatal("the change could be made twice")
		}
		if err := r.apply(change.Inverse()); err != nil {
			t.Fatalf("the change cannot be undone: %v", err)
		}
		for ref, fields := range r.fields() {
			if !maps.Equal(fields, before[ref]) {
				t.Fatalf("%v was %q and came back as %q", ref, before[ref], fields)
			}
		}
	})
}

func TestEveryPlannedEditIsOfThePatientOrASlotAndHoldsNow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		change, exclusion, p, r := drawPlan(t)
		if exclusion != nil {
			return
		}
		seen := map[registry.Ref]bool{}
		for _, e := range change.Edits {
			if e.Ref.Patient != p.ID() && !e.Ref.IsSlot() || seen[e.Ref] || !e.Holds(r[e.Ref]) {
				t.Fatalf("edit of %v: twice %v, before %v, reads %v", e.Ref, seen[e.Ref], e.Before, e.Reads)
			}
			seen[e.Ref] = true
			if len(e.Before) != len(e.After) || maps.Equal(e.Before, e.After) {
				t.Fatalf("%v → %v", e.Before, e.After)
			}
			for field := range e.Before {
				if _, both := e.After[field]; !both {
					t.Fatalf("%s has no value after", field)
				}
			}
		}
	})
}

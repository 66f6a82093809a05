package kind_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// records are what the registry keeps of one patient, by reference.
type records map[registry.Ref]registry.Record

// apply makes the edits of a change, as a store does: all or none, and an
// empty field is the same as none.
func (r records) apply(c bulk.Change) error {
	for _, e := range c.Edits {
		if old, ok := r[e.Ref]; !ok || !e.Holds(old) {
			return fmt.Errorf("%v is not as planned: %v", e.Ref, old.Fields)
		}
	}
	for _, e := range c.Edits {
		written := r[e.Ref].Clone()
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

func (r records) fields() map[registry.Ref]registry.Fields {
	fields := map[registry.Ref]registry.Fields{}
	for ref, record := range r {
		fields[ref] = maps.Clone(record.Fields)
	}
	return fields
}

// drawPatient draws a patient with visits, hold reasons that should not be
// there, and lists of visits that a hand or an import has written untidily.
func drawPatient(t *rapid.T) (registry.Patient, records) {
	p := patient(rapid.SampledFrom(registry.Statuses).Draw(t, "status"))
	p.Fields[registry.Name] = rapid.String().Draw(t, "name")
	if rapid.Bool().Draw(t, "has a reason") {
		p.Fields[registry.HoldReason] = rapid.SampledFrom(append(kind.HoldReasons, "of old")).Draw(t, "reason")
	}
	r := records{}
	upcoming := rapid.SampledFrom([]string{"", " ", "rubbish "}).Draw(t, "before the list")
	for n := range rapid.IntRange(0, 5).Draw(t, "visits") {
		v := registry.VisitRef{Start: noon.Add(time.Duration(rapid.IntRange(-100, 100).Draw(t, "hours")) * time.Hour), ID: fmt.Sprintf("V%d", n)}
		upcoming += v.String() + rapid.SampledFrom([]string{" ", "  "}).Draw(t, "between")
		r[v.Ref("00042")] = registry.Record{Ref: v.Ref("00042"), Fields: registry.Fields{
			registry.VisitState: registry.VisitScheduled, registry.VisitType: "Routine"}}
	}
	if upcoming != "" {
		p.Fields[registry.Upcoming] = upcoming
	}
	r[p.Ref] = p.Record
	return p, r
}

func drawParams(t *rapid.T) bulk.Params {
	params := ask(rapid.SampledFrom(registry.Statuses).Draw(t, "to"))
	if params[kind.StatusTo] == string(registry.OnHold) && rapid.Bool().Draw(t, "cancel visits") {
		params[kind.CancelVisits] = "yes"
	}
	return params
}

func TestAChangeAndItsInverseRestoreEveryByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, r := drawPatient(t)
		before := r.fields()
		change, exclusion := plan(drawParams(t), p)
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
			t.Fatalf("the change cannot be taken back: %v", err)
		}
		for ref, fields := range r.fields() {
			if !maps.Equal(fields, before[ref]) {
				t.Fatalf("%v was %q and came back as %q", ref, before[ref], fields)
			}
		}
	})
}

func TestEveryPlannedEditIsOfThePatientAndHoldsNow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, r := drawPatient(t)
		change, exclusion := plan(drawParams(t), p)
		if exclusion != nil {
			return
		}
		seen := map[registry.Ref]bool{}
		for _, e := range change.Edits {
			if e.Ref.Patient != p.ID() || seen[e.Ref] || !e.Holds(r[e.Ref]) {
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

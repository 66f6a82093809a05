package memory_test

import (
	"testing"
	"time"

	"bulkops/internal/memory"
	"bulkops/internal/registry"
	"bulkops/internal/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Stores {
		s := memory.New()
		return storetest.Stores{Registry: s, Operations: s, Staff: s, Access: memory.NewAccess(), Audit: memory.NewAudit()}
	})
}

func TestChangesAreWhatAStreamReports(t *testing.T) {
	s := memory.New()
	at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	r := registry.Record{Ref: registry.ProfileRef("p"), Fields: registry.Fields{registry.Name: "Ada", registry.Phone: ""}, Stamp: registry.Stamp{By: "import", At: at}}
	put := func() {
		if err := s.PutRecords(t.Context(), []registry.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	put()
	put() // the same again changes nothing, so no stream reports it
	if err := s.WriteByHand(t.Context(), r.Ref, registry.Fields{registry.Name: "Bob"}, "Eve", at); err != nil {
		t.Fatal(err)
	}
	s.Remove(r.Ref)

	changes := s.Changes()
	if len(changes) != 3 {
		t.Fatalf("%d changes: %v", len(changes), changes)
	}
	for i, names := range [][2]string{{"", "Ada"}, {"Ada", "Bob"}, {"Bob", ""}} {
		c := changes[i]
		if c.Ref != r.Ref || c.Old.Get(registry.Name) != names[0] || c.New.Get(registry.Name) != names[1] {
			t.Errorf("change %d: %+v", i, c)
		}
	}
	if changes[1].New.Stamp.By != "Eve" || changes[1].Old.Stamp.By != "import" {
		t.Errorf("stamps of the change by hand: %+v", changes[1])
	}
	if len(s.Snapshot()) != 0 {
		t.Error("a removed record is in the snapshot")
	}
}

func TestNothingIsSharedWithCallers(t *testing.T) {
	s := memory.New()
	r := registry.Record{Ref: registry.ProfileRef("p"), Fields: registry.Fields{registry.Name: "Ada"}}
	if err := s.PutRecords(t.Context(), []registry.Record{r}); err != nil {
		t.Fatal(err)
	}
	r.Fields[registry.Name] = "altered by the caller"
	s.Snapshot()[r.Ref].Fields[registry.Name] = "altered through a snapshot"
	s.Changes()[0].New.Fields[registry.Name] = "altered through a change"
	if got := s.Snapshot()[r.Ref].Get(registry.Name); got != "Ada" {
		t.Errorf("stored name is %q", got)
	}
}

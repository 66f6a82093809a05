package audit_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
)

// image is what a stream says of an item with these attributes.
func image(t *testing.T, fields registry.Fields) string {
	t.Helper()
	attributes := map[string]map[string]string{}
	for name, value := range fields {
		attributes[name] = map[string]string{"S": value}
	}
	text, err := json.Marshal(attributes)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func digest(text string) string {
	return fmt.Sprintf("(%d bytes, SHA-256 %x)", len(text), sha256.Sum256([]byte(text)))
}

// What is stored of a character takes up to six bytes. Whatever somebody wrote,
// there is one record, and only what must be is shortened, the longest first.
func TestARecordFitsIntoAnItemWhateverSomebodyWrote(t *testing.T) {
	long, less, much := strings.Repeat("x", 350_000), strings.Repeat("<", 60_000), strings.Repeat("\n", 80_000)
	many := registry.Fields{}
	for n := range 900 {
		many[fmt.Sprintf("f%03d", n)] = strings.Repeat("\u2028", 100)
	}
	tiny := registry.Fields{}
	for n := range 60_000 {
		tiny[fmt.Sprint(n)] = "x"
	}
	for name, c := range map[string]struct{ old, new, wantOld, wantNew registry.Fields }{
		"a note that fits is kept":       {nil, registry.Fields{"text": less}, nil, registry.Fields{"text": less}},
		"a note that does not":           {nil, registry.Fields{"text": strings.Repeat("<", 80_000), "title": "T"}, nil, registry.Fields{"text": digest(strings.Repeat("<", 80_000)), "title": "T"}},
		"the longer of two":              {registry.Fields{"text": much}, registry.Fields{"text": less}, registry.Fields{"text": much}, registry.Fields{"text": digest(less)}},
		"the new of two, nearly as long": {registry.Fields{"text": long, "status": "Active"}, registry.Fields{"text": "y" + long, "status": "Deceased"}, registry.Fields{"text": long, "status": "Active"}, registry.Fields{"text": digest("y" + long), "status": "Deceased"}},
		"many that are not long":         {nil, many, nil, nil},
		"more than can be named":         {registry.Fields{"status": "Active"}, tiny, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := log{Audit: memory.NewAudit()}
			old := ""
			if c.old != nil {
				old = image(t, c.old)
			}
			delivery := deliver(t, streamRecord("MODIFY", "PATIENT#1", "CLINICAL#condition#1", old, image(t, c.new)))
			for range 2 {
				if res, err := recorder(l, nil).Handle(t.Context(), delivery); err != nil || len(res.BatchItemFailures) > 0 {
					t.Fatal(res, err)
				}
			}
			var stored []audit.Record
			for r, err := range audit.Records(l.All(t.Context())) {
				if err != nil {
					t.Fatal(err)
				}
				stored = append(stored, r)
			}
			if len(stored) != 1 || len(stored[0].New) == 0 {
				t.Fatalf("%d records", len(stored))
			}
			if r := stored[0]; c.wantNew != nil && (!equal(r.Old, c.wantOld) || !equal(r.New, c.wantNew)) {
				t.Errorf("old %.100v, new %.100v", r.Old, r.New)
			}
		})
	}
}

// Also what an event says of itself, and whom a stamp names.
func TestLongTextsBesideTheFieldsFitToo(t *testing.T) {
	l := log{Audit: memory.NewAudit()}
	said := numbered(streamRecord("INSERT", "OP#OP-1", "EVENT#000002", "", image(t, registry.Fields{"body": fmt.Sprintf(`{"at":"2026-11-23T20:00:00Z","what":"planned","detail":%q}`, strings.Repeat("<", 100_000))})), 1)
	by := numbered(streamRecord("INSERT", "PATIENT#1", "profile", "", image(t, registry.Fields{"stamp_op": strings.Repeat("&", 100_000), "stamp_at": "2026-11-23T20:00:00Z"})), 2)
	if res, err := recorder(l, map[string]bulk.Operation{"OP-1": running}).Handle(t.Context(), deliver(t, said, by)); err != nil || len(res.BatchItemFailures) > 0 {
		t.Fatal(res, err)
	}
	details := map[string]bool{}
	for r, err := range audit.Records(l.All(t.Context())) {
		if err != nil {
			t.Fatal(err)
		}
		details[r.Detail] = true
	}
	if len(details) != 2 || !details[digest(strings.Repeat("<", 100_000))] {
		t.Errorf("the details are %.200v", details)
	}
}

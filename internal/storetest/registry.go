package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

var registryTests = []test{
	{"a record comes back as it was put, with its stamp, whatever its name", func(t *testing.T, s Stores) {
		var records []registry.Record
		for i, name := range hostileNames {
			r := patient(fmt.Sprintf("000%d", i), "fac-1")
			r.Fields[registry.Name] = name
			r.Stamp = registry.Stamp{Operation: "OP-0SX4K2-7QFM", Batch: 7, By: name, Approver: "Grace Green", At: noon}
			records = append(records, r)
		}
		must(t, "put records", s.Registry.PutRecords(t.Context(), records))
		for _, r := range records {
			same(t, "record", record(t, s, r.Ref), r)
		}
	}},
	{"an empty field and an absent one are the same", func(t *testing.T, s Stores) {
		r := patient("p", "fac-1")
		r.Fields[registry.HoldReason] = ""
		must(t, "put", s.Registry.PutRecords(t.Context(), []registry.Record{r}))
		delete(r.Fields, registry.HoldReason)
		same(t, "record", record(t, s, r.Ref), r)
	}},
	{"a repeated put replaces; of one record put twice the last stays", func(t *testing.T, s Stores) {
		first, second, third := patient("p", "fac-1"), patient("p", "fac-2"), patient("p", "fac-3")
		delete(third.Fields, registry.Phone)
		must(t, "put", s.Registry.PutRecords(t.Context(), []registry.Record{first}))
		must(t, "put twice", s.Registry.PutRecords(t.Context(), []registry.Record{second, third}))
		same(t, "record", record(t, s, first.Ref), third)
	}},
	{"patients are read in any number; unknown, repeated and impossible ids do no harm", func(t *testing.T, s Stores) {
		ids := seed(t, s, 230)
		asked := append([]string{"unknown", "", "p-001 ", "P-001", strings.Repeat("x", 3000), "\xff", "\xfe", "null\x00"}, ids...)
		asked = append(asked, ids...)
		found, err := s.Registry.Patients(t.Context(), asked)
		must(t, "read patients", err)
		if len(found) != len(ids) {
			t.Fatalf("found %d of %d patients", len(found), len(ids))
		}
		for _, id := range ids {
			if p := found[id]; p.ID() != id || p.Name() != "Name of "+id || p.Status() != registry.Active {
				t.Fatalf("patient %s is %+v", id, p)
			}
		}
		none, err := s.Registry.Patients(t.Context(), nil)
		must(t, "read no patients", err)
		same(t, "no patients", len(none), 0)
	}},
	{"a facility's patients come by name, each once, and nothing else comes", func(t *testing.T, s Stores) {
		names := []string{"Zoë", "adam", "Ben", "Émile", "Adam"}
		var records []registry.Record
		for i, name := range names {
			r := patient(fmt.Sprint(i), "fac-1")
			r.Fields[registry.Name] = name
			records = append(records, r, visit(r.Ref.Patient, 3))
		}
		records = append(records, patient("elsewhere", "fac-2"))
		must(t, "put", s.Registry.PutRecords(t.Context(), records))
		must(t, "put", s.Registry.PutFacility(t.Context(), registry.Facility{ID: "fac-1", Name: "Riverside"}))
		same(t, "ids", collect(t, s.Registry.PatientIDs(t.Context(), "fac-1")), []string{"4", "2", "0", "1", "3"})
		same(t, "ids elsewhere", collect(t, s.Registry.PatientIDs(t.Context(), "fac-2")), []string{"elsewhere"})
		for most, want := range map[int]int{0: 0, 3: 3, 5: 5, 9: 5} {
			n, err := s.Registry.CountPatients(t.Context(), "fac-1", most)
			must(t, "count", err)
			same(t, fmt.Sprintf("counted up to %d", most), n, want)
		}
		for _, none := range []string{"fac-3", ""} {
			n, err := s.Registry.CountPatients(t.Context(), none, 5)
			must(t, "count", err)
			same(t, "counted nowhere", n, 0)
		}
		same(t, "ids nowhere", len(collect(t, s.Registry.PatientIDs(t.Context(), "fac-3"))), 0)
	}},
	{"a provider's patients come by name, visits do not", func(t *testing.T, s Stores) {
		a, b, c := patient("a", "fac-1"), patient("b", "fac-2"), patient("c", "fac-1")
		a.Fields[registry.Name], b.Fields[registry.Name] = "Second", "First"
		c.Fields[registry.ProviderField] = ""
		must(t, "put", s.Registry.PutRecords(t.Context(), []registry.Record{a, b, c, visit("a", 1)}))
		must(t, "put", s.Registry.PutProvider(t.Context(), registry.Provider{ID: "prov-1", Name: "Dr. No", Facilities: []string{"fac-1"}}))
		same(t, "ids", collect(t, s.Registry.PatientIDsOf(t.Context(), "prov-1")), []string{"b", "a"})
	}},
	{"a list of more patients than fit one page is complete, and may be left early", func(t *testing.T, s Stores) {
		var records []registry.Record
		for i := range 2000 {
			r := patient(fmt.Sprintf("p-%04d", i), "fac-1")
			r.Fields[registry.Name] = fmt.Sprintf("%s %04d", repeat("long name ", 600), i)
			records = append(records, r)
		}
		must(t, "put", s.Registry.PutRecords(t.Context(), records))
		ids := collect(t, s.Registry.PatientIDs(t.Context(), "fac-1"))
		if len(ids) != len(records) || ids[0] != "p-0000" || ids[1999] != "p-1999" {
			t.Fatalf("%d of %d ids", len(ids), len(records))
		}
		for id, err := range s.Registry.PatientIDs(t.Context(), "fac-1") {
			must(t, "read the first", err)
			same(t, "first", id, "p-0000")
			break
		}
	}},
	{"all parts of a patient come together, no other patient's", func(t *testing.T, s Stores) {
		note := registry.Record{Ref: registry.Ref{Patient: "p", Part: "CLINICAL#allergy#1"}, Stamp: registry.Stamp{By: "import", At: noon},
			Fields: registry.Fields{registry.ClinicalKind: "allergy", registry.ClinicalText: "Penicillin"}}
		must(t, "put", s.Registry.PutRecords(t.Context(), []registry.Record{
			patient("p", "fac-1"), visit("p", 2), visit("p", 1), note, patient("p#2", "fac-1"), patient("pp", "fac-1")}))
		parts, err := s.Registry.Parts(t.Context(), "p")
		must(t, "read the parts", err)
		var refs []string
		for _, r := range parts {
			refs = append(refs, r.Ref.Part)
		}
		same(t, "parts", refs, []string{"CLINICAL#allergy#1", visit("p", 1).Ref.Part, visit("p", 2).Ref.Part, registry.ProfilePart})
		none, err := s.Registry.Parts(t.Context(), "nobody")
		must(t, "read the parts of nobody", err)
		same(t, "parts of nobody", len(none), 0)
	}},
	{"records that exist are read in their latest version, the others are left out", func(t *testing.T, s Stores) {
		ids := seed(t, s, 2)
		refs := []registry.Ref{registry.ProfileRef(ids[0]), registry.ProfileRef("gone"), registry.ProfileRef(ids[1]), registry.ProfileRef(ids[0])}
		must(t, "write by hand", s.Registry.WriteByHand(t.Context(), refs[0], registry.Fields{registry.Phone: "1"}, "Ada", noon))
		found, err := s.Registry.Records(t.Context(), refs)
		must(t, "read", err)
		same(t, "count", len(found), 2)
		same(t, "phone", found[refs[0]].Get(registry.Phone), "1")
	}},
	{"a write by hand sets and removes fields, leaves the others, and is stamped as by hand", func(t *testing.T, s Stores) {
		r := patient("p", "fac-1")
		r.Stamp = registry.Stamp{Operation: "OP-0SX4K2-7QFM", Batch: 3, By: "Ada", Approver: "Grace", At: noon}
		must(t, "put", s.Registry.PutRecords(t.Context(), []registry.Record{r}))
		later := noon.Add(1)
		must(t, "write by hand", s.Registry.WriteByHand(t.Context(), r.Ref,
			registry.Fields{registry.LockedBy: "Dr. No", registry.Phone: ""}, "Dr. No", later))
		r.Fields[registry.LockedBy] = "Dr. No"
		delete(r.Fields, registry.Phone)
		r.Stamp = registry.Stamp{By: "Dr. No", At: later}
		same(t, "record", record(t, s, r.Ref), r)
		err := s.Registry.WriteByHand(t.Context(), registry.ProfileRef("nobody"), registry.Fields{registry.Phone: "1"}, "Ada", noon)
		want(t, "write to nobody", err, fault.NotFound)
	}},
	{"a provider's calendar has their scheduled visits and held slots of the time, and nothing else", func(t *testing.T, s Stores) {
		records := []registry.Record{patient("p", "fac-1"), visit("p", 1), visit("q", 2), visit("p", 3), visit("p", 4), visit("q", 5)}
		records[2].Fields[registry.VisitMinutes] = "45"
		records[3].Fields[registry.VisitState] = registry.VisitCancelled
		records[4].Fields[registry.ProviderField] = "prov-2"
		slot := func(provider string, n int) registry.Record {
			return registry.Record{Ref: registry.SlotRef(provider, noon.AddDate(0, 0, n)), Fields: registry.Held(visit("p", n).Ref), Stamp: registry.Stamp{By: "import", At: noon}}
		}
		records = append(records, slot("prov-1", 0), slot("prov-1", 1), slot("prov-1", 4), slot("prov-1", 5), slot("prov", 1), slot("prov-1#2", 1))
		must(t, "put", s.Registry.PutRecords(t.Context(), records))
		from := noon.Truncate(time.Minute)
		visits, slots, err := s.Registry.Calendar(t.Context(), "prov-1", from.AddDate(0, 0, 1), from.AddDate(0, 0, 5))
		must(t, "read", err)
		same(t, "visits", visits, []registry.Record{records[1], records[2]})
		same(t, "slots", slots, []registry.Record{slot("prov-1", 1), slot("prov-1", 4)})
		same(t, "a slot by its name", record(t, s, slot("prov-1#2", 1).Ref), slot("prov-1#2", 1))
		visits, slots, err = s.Registry.Calendar(t.Context(), "nobody", from, from.AddDate(1, 0, 0))
		must(t, "read nobody's", err)
		same(t, "of nobody", len(visits)+len(slots), 0)
		parts, err := s.Registry.Parts(t.Context(), "")
		must(t, "read", err)
		same(t, "parts of no patient", len(parts), 0)
	}},
	{"the directory holds every facility and provider, by name", func(t *testing.T, s Stores) {
		d := registry.Directory{
			Facilities: []registry.Facility{{ID: "f2", Name: "Hillside", TimeZone: "America/Chicago", DefaultProvider: "p1", Capacity: 120, Email: "desk@hillside.example",
				Hours: registry.DefaultHours, Lunch: registry.DefaultLunch, Prefers: registry.Span{From: 8 * 60, To: 12 * 60},
				Closed: []registry.Days{{From: "2026-12-24", To: "2026-12-26"}, {From: "2027-01-01", To: "2027-01-01"}}}, {ID: "f1", Name: "Riverside"}},
			Providers: []registry.Provider{
				{ID: "p2", Name: "Dr. A", Specialty: "Geriatrics", Facilities: []string{"f1", "f2"}, Active: true,
					Hours: registry.DefaultHours, Away: []registry.Days{{From: "2026-12-01", To: "2026-12-14"}}, Daily: 12, Limit: 30, Email: "a@clinic.example"}, {ID: "p1", Name: "Dr. B"}},
		}
		for _, f := range d.Facilities {
			must(t, "put", s.Registry.PutFacility(t.Context(), f))
		}
		for _, p := range d.Providers {
			must(t, "put", s.Registry.PutProvider(t.Context(), p))
		}
		got, err := s.Registry.Directory(t.Context())
		must(t, "read", err)
		same(t, "directory", got, d)
	}},
	{"a facility and a provider are written where they are still as they were read", func(t *testing.T, s Stores) {
		stamp := registry.Stamp{By: "Ida", At: noon}
		f, p := registry.Facility{ID: "f1", Name: "Riverside"}, registry.Provider{ID: "p1", Name: "Dr. B"}
		want(t, "unknown", s.Registry.WriteFacility(t.Context(), f, stamp), fault.Conflict)
		want(t, "unknown", s.Registry.WriteProvider(t.Context(), p, stamp), fault.Conflict)
		must(t, "put", s.Registry.PutFacility(t.Context(), f))
		must(t, "put", s.Registry.PutProvider(t.Context(), p))
		f.Hours, p.Daily = registry.DefaultHours, 9
		for range 2 { // the second time with the version that the first one made
			must(t, "write", s.Registry.WriteFacility(t.Context(), f, stamp))
			must(t, "write", s.Registry.WriteProvider(t.Context(), p, stamp))
			want(t, "again", s.Registry.WriteFacility(t.Context(), f, stamp), fault.Conflict)
			want(t, "again", s.Registry.WriteProvider(t.Context(), p, stamp), fault.Conflict)
			f.Version++
			p.Version++
		}
		got, err := s.Registry.Directory(t.Context())
		must(t, "read", err)
		same(t, "directory", got, registry.Directory{Facilities: []registry.Facility{f}, Providers: []registry.Provider{p}})
	}},
}

package sample_test

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
	"bulkops/internal/staff"
)

var at = time.Date(2026, 11, 23, 14, 30, 12, 999, time.UTC)

func TestTheSameArgumentsGiveTheSameClinic(t *testing.T) {
	digest := func(c sample.Clinic) [32]byte {
		h := sha256.New()
		e := json.NewEncoder(h)
		whole := []any{c.Directory, c.Staff}
		for records := range c.Patients {
			whole = append(whole, records)
		}
		if err := e.Encode(whole); err != nil {
			t.Fatal(err)
		}
		return [32]byte(h.Sum(nil))
	}
	first, second := digest(sample.Generate(500, at)), digest(sample.Generate(500, at))
	if first != second {
		t.Error("two clinics from the same arguments differ")
	}
	elsewhere := at.In(time.FixedZone("", 5*3600))
	if digest(sample.Generate(500, at)) != digest(sample.Generate(500, elsewhere)) {
		t.Error("the zone in which the moment is given makes a difference")
	}
}

func TestALargerClinicBeginsWithTheSamePatients(t *testing.T) {
	small, large := patients(50, at), patients(100, at)
	for i := range small {
		if !slices.EqualFunc(small[i], large[i], sameRecord) {
			t.Fatalf("patient %d differs", i+1)
		}
	}
}

func TestIDsAreTextWithLeadingZeros(t *testing.T) {
	for i, records := range patients(30, at) {
		id := records[0].Ref.Patient
		if n, err := strconv.Atoi(id); err != nil || n != i+1 || len(id) != 6 {
			t.Errorf("patient %d has id %q", i+1, id)
		}
	}
}

// A write is paid for by the kilobyte. What an item needs beside its
// attributes (keys and stamp) is under 170 bytes.
func TestAPatientItemIsSmall(t *testing.T) {
	sum, largest := 0, 0
	all := patients(2_000, at)
	for _, records := range all {
		size := 0
		for name, value := range records[0].Fields {
			if value == "" {
				t.Errorf("patient %s stores an empty %s", records[0].Ref.Patient, name)
			}
			size += len(name) + len(value)
		}
		if size > 850 {
			t.Errorf("patient %s takes %d bytes", records[0].Ref.Patient, size)
		}
		sum, largest = sum+size, max(largest, size)
	}
	t.Logf("bytes of a profile: mean %d, largest %d", sum/len(all), largest)
}

func TestProfilesAgreeWithTheirVisits(t *testing.T) {
	future, past, notes := 0, 0, 0
	for _, records := range patients(2_000, at) {
		p := registry.Patient{Record: records[0]}
		if p.Ref.Part != registry.ProfilePart {
			t.Fatalf("the first record of %s is %s", p.ID(), p.Ref.Part)
		}
		scheduled := map[registry.Ref]bool{}
		parts := map[string]bool{}
		for _, r := range records {
			if parts[r.Ref.Part] || r.Ref.Patient != p.ID() || r.Stamp.By != sample.By || r.Stamp.Operation != "" {
				t.Errorf("%v: stored twice, of another patient, or stamped %+v", r.Ref, r.Stamp)
			}
			parts[r.Ref.Part] = true
			if !r.Ref.IsVisit() {
				continue
			}
			start, err := time.Parse(registry.VisitTime, r.Get(registry.VisitStart))
			if err != nil || !slices.Contains(registry.VisitTypes, r.Get(registry.VisitType)) {
				t.Errorf("%v: %v", r.Ref, r.Fields)
			}
			if r.Get(registry.VisitState) == registry.VisitScheduled {
				scheduled[r.Ref] = true
			} else if start.After(at) && r.Get(registry.VisitState) != registry.VisitCancelled {
				t.Errorf("%v has already taken place", r.Ref)
			}
			if start.After(at) {
				future++
			} else {
				past++
			}
		}
		visits := p.Visits()
		if len(visits) != len(scheduled) || !slices.IsSortedFunc(visits, func(a, b registry.VisitRef) int { return a.Start.Compare(b.Start) }) {
			t.Errorf("%s lists visits %v, has scheduled %v", p.ID(), visits, scheduled)
		}
		for _, v := range visits {
			if !scheduled[v.Ref(p.ID())] {
				t.Errorf("%s lists %v, which is not scheduled", p.ID(), v)
			}
			if kind.EndsCare(p.Status()) && v.Start.After(at) {
				t.Errorf("%s is %s and has a visit to come", p.ID(), p.Status())
			}
		}
		if parts := strings.Join(slices.Collect(maps.Keys(parts)), " "); strings.Contains(parts, "CLINICAL#") {
			notes++
		}
	}
	if future < 800 || past < 2000 || notes < 700 || notes > 900 {
		t.Errorf("%d future visits, %d past ones, %d patients with notes", future, past, notes)
	}
}

func TestEveryValueIsOneThatTheProductKnows(t *testing.T) {
	c := sample.Generate(2_000, at)
	needing := 0
	statuses, facilities, locked, unassigned := map[registry.Status]int{}, map[string]int{}, 0, 0
	for records := range c.Patients {
		p := registry.Patient{Record: records[0]}
		statuses[p.Status()]++
		facilities[p.Facility()]++
		if _, ok := c.Directory.Facility(p.Facility()); !ok {
			t.Errorf("%s: facility %q", p.ID(), p.Facility())
		}
		if q, ok := c.Directory.Provider(p.Provider()); p.Provider() == "" {
			unassigned++
		} else if !ok || !q.Active || !slices.Contains(q.Facilities, p.Facility()) {
			t.Errorf("%s: provider %q", p.ID(), p.Provider())
		}
		if needs := p.Get(registry.NeedsSpecialty); needs != "" {
			needing++
			if q, _ := c.Directory.Provider(p.Provider()); q.Specialty != needs {
				t.Errorf("%s needs %s and is with a provider for %s", p.ID(), needs, q.Specialty)
			}
		}
		if p.LockedBy() != "" {
			locked++
		}
		if (p.LockedBy() == "") != (p.Get(registry.LockedWhy) == "") || (p.Status() == registry.OnHold) != (p.Get(registry.HoldReason) != "") {
			t.Errorf("%s: %v", p.ID(), p.Fields)
		}
		if !slices.IsSorted(p.TagList()) {
			t.Errorf("%s: tags %q", p.ID(), p.TagList())
		}
		if p.Get(registry.BirthDate) > p.Get(registry.Registered) || p.Get(registry.Registered) > "2026-11-23" {
			t.Errorf("%s: born %s, registered %s", p.ID(), p.Get(registry.BirthDate), p.Get(registry.Registered))
		}
		if last := p.Get(registry.LastVisit); last != "" && last < p.Get(registry.Registered) {
			t.Errorf("%s: last visit %s before registration", p.ID(), last)
		}
	}
	t.Log(statuses, facilities, "locked", locked, "unassigned", unassigned)
	for _, s := range registry.Statuses {
		if statuses[s] < 30 {
			t.Errorf("only %d patients are %s", statuses[s], s)
		}
	}
	for _, f := range c.Directory.Facilities {
		if facilities[f.ID] < 100 {
			t.Errorf("only %d patients in %s", facilities[f.ID], f.Name)
		}
	}
	if locked < 20 || locked > 80 || unassigned < 30 || needing < 60 || needing > 300 {
		t.Errorf("%d locked, %d unassigned, %d who need a specialty", locked, unassigned, needing)
	}
}

func TestHostileNamesAndTheCanaryAreAlwaysThere(t *testing.T) {
	all := patients(40, at)
	if name := all[0][0].Get(registry.Name); name != sample.Canary || all[0][0].Get(registry.StatusField) != "Active" {
		t.Errorf("the first patient is %q", name)
	}
	longest := 0
	for i, name := range sample.HostileNames {
		if all[i+1][0].Get(registry.Name) != name || all[i+1][0].Get(registry.LockedBy) != "" {
			t.Errorf("%q is missing or locked", name)
		}
		if strings.ContainsAny(name, "\r\n") || !utf8.ValidString(name) {
			t.Errorf("%q cannot be a name", name)
		}
		longest = max(longest, utf8.RuneCountInString(name))
	}
	if longest != 200 {
		t.Errorf("the longest name has %d characters", longest)
	}
}

func TestTheDirectoryIsUsable(t *testing.T) {
	d := sample.Generate(0, at).Directory
	zones := map[string]bool{}
	for _, f := range d.Facilities {
		if _, err := time.LoadLocation(f.TimeZone); err != nil {
			t.Error(err)
		}
		zones[f.TimeZone] = true
		if f.Hours.Empty() || f.Lunch.Empty() || len(f.Closed) == 0 {
			t.Errorf("%s has no calendar: %+v", f.ID, f)
		}
		p, ok := d.Provider(f.DefaultProvider)
		if !ok || !p.Active || !slices.Contains(p.Facilities, f.ID) {
			t.Errorf("%s: default provider %q", f.ID, f.DefaultProvider)
		}
	}
	inactive, limited := 0, 0
	names := map[string]bool{}
	for _, p := range d.Providers {
		if !p.Active {
			inactive++
		}
		if p.Limit > 0 {
			limited++
		}
		names[p.Name] = true
		if p.Specialty == "" || len(p.Facilities) == 0 {
			t.Errorf("%+v", p)
		}
	}
	if len(d.Facilities) != 6 || len(zones) < 4 || len(d.Providers) != 40 || len(names) != 40 || inactive == 0 || inactive > 5 || limited != 10 {
		t.Errorf("%d facilities, %d zones, %d providers with %d names, %d inactive, %d with a limit", len(d.Facilities), len(zones), len(d.Providers), len(names), inactive, limited)
	}
}

func TestStaffCanDecideAndEscalate(t *testing.T) {
	people := sample.People()
	approvers := 0
	for i, p := range people {
		people[i].Sub = p.Email
		if p.Sub != "" || !strings.HasSuffix(p.Email, "@example.org") || !p.Role.Valid() {
			t.Errorf("%+v", p)
		}
	}
	for _, p := range people {
		if p.Role == staff.Manager && p.MayApprove(staff.Manager, []string{sample.Riverside}, people[0].Sub) {
			approvers++
		}
	}
	if approvers < 3 {
		t.Errorf("%d managers may decide for Riverside", approvers)
	}
}

func BenchmarkGenerate(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		for range sample.Generate(1_000, at).Patients {
		}
	}
}

func patients(n int, at time.Time) [][]registry.Record {
	return slices.Collect(sample.Generate(n, at).Patients)
}

func sameRecord(a, b registry.Record) bool {
	return a.Ref == b.Ref && maps.Equal(a.Fields, b.Fields) && a.Stamp == b.Stamp
}

package dynamo_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/dynamo"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// typicalPatient has every field that a patient of the sample clinic has.
func typicalPatient(n int) registry.Record {
	return registry.Record{
		Ref: registry.ProfileRef(fmt.Sprintf("%08d", n*7919%99_999_989)),
		Fields: registry.Fields{
			registry.Name:           fmt.Sprintf("Maria-Magdalena Oppenheimer-Rodriguez %d", n),
			registry.BirthDate:      "1948-11-03",
			registry.StatusField:    string(registry.Active),
			registry.FacilityField:  "riverside",
			registry.ProviderField:  fmt.Sprintf("prov-%03d", n%40),
			registry.Tags:           "diabetes falls-risk interpreter",
			registry.InsurancePlan:  "Blue Shield Silver 70 PPO",
			registry.InsuranceID:    fmt.Sprintf("XEA%09d", n),
			registry.InsuranceFrom:  "2025-01-01",
			registry.Phone:          "+1 415 555 0123",
			registry.Email:          fmt.Sprintf("maria.oppenheimer.%d@example.org", n),
			registry.Address:        "1234 North Martin Luther King Boulevard, Apt 56, Oakland, CA 94607",
			registry.EmergencyName:  "Johannes Oppenheimer-Rodriguez",
			registry.EmergencyPhone: "+1 415 555 0456",
			registry.Language:       "es",
			registry.Registered:     "2019-05-21",
			registry.LastVisit:      "2026-10-30",
		},
		Stamp: registry.Stamp{By: "import", At: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)},
	}
}

// The budget of a status change, with everything that the engine reads and
// writes for it except the audit: 0.6 read units a patient to plan, 2.3 write
// units a patient to plan and run, none of them for an index of the registry.
func TestAStatusChangeStaysWithinItsBudget(t *testing.T) {
	const patients = 1000
	client, tables := open(t, dynamoDBLocal)
	s := stores(client, tables)
	var records []registry.Record
	for n := range patients {
		records = append(records, typicalPatient(n))
	}
	check(t, s.Registry.PutRecords(t.Context(), records))
	meter := &dynamo.Meter{OneByOne: true}
	client.Meter = meter

	at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	requester := bulk.Person{Sub: "0d9f0b5e-7a1c-4c3f-9d55-0b7f4a1c2d3e", Name: "Ada Admin", Email: "ada@clinic.example"}
	op := bulk.Operation{ID: bulk.NewID(at), State: bulk.Planning, Kind: kind.StatusChange.Name, Created: at, Since: at, Requester: requester,
		Params: bulk.Params{kind.StatusTo: string(registry.OnHold), kind.HoldReason: kind.HoldReasons[2]}}
	filter := registry.Filter{Statuses: []registry.Status{registry.Active}, Facilities: []string{"riverside"}}
	_, err := s.Operations.Create(t.Context(), op, bulk.Selection{Source: bulk.ByFilter, Filter: &filter}, "the key of a form", bulk.Event{At: at, Actor: requester, What: "requested"})
	check(t, err)
	version := 1
	step := func(state bulk.State, mails ...string) {
		op.Version, op.State = version, state
		check(t, s.Operations.Update(t.Context(), op, bulk.Event{At: at, Actor: requester, What: string(state), Detail: "as the engine writes it"}, mails...))
		version++
		for _, mail := range mails {
			check(t, s.Operations.SettleMail(t.Context(), op.ID, mail))
		}
	}

	planner := kind.StatusChange.New(op.Params, kind.World{At: at})
	var batches []bulk.Batch
	var chunk []string
	plan := func() {
		found, err := s.Registry.Patients(t.Context(), chunk)
		check(t, err)
		var changes []bulk.Change
		for _, id := range chunk {
			change, exclusion := planner.Plan(kind.Subject{Patient: found[id]})
			if exclusion != nil {
				t.Fatal(exclusion.Sentence)
			}
			changes = append(changes, change)
		}
		batches = append(batches, bulk.NewBatch(len(batches)+1, changes))
		check(t, s.Operations.PutBatch(t.Context(), op.ID, "run-0123456789abcdef", batches[len(batches)-1]))
		chunk = nil
	}
	for id, err := range s.Registry.PatientIDs(t.Context(), "riverside") {
		check(t, err)
		if chunk = append(chunk, id); len(chunk) == bulk.BatchSize {
			plan()
		}
	}
	step(bulk.Ready)
	planning := meter.Total()
	counted, err := s.Registry.CountPatients(t.Context(), "riverside", patients+1)
	check(t, err)
	if counted != patients {
		t.Errorf("counted %d patients", counted)
	}
	counting := meter.Total().Read - planning.Read
	step(bulk.AwaitingApproval, "ask#0#"+requester.Sub, "ask#0#another")
	step(bulk.Scheduled, "tell#scheduled")
	step(bulk.Running)
	beforeRun := meter.Total()
	for _, b := range batches {
		for n := range b.Groups {
			changes := b.Group(n)
			check(t, s.Operations.CommitGroup(t.Context(), engine.Group{
				Operation: op.ID, Changes: changes, Result: bulk.Result{Batch: b.Number, Group: n}, Tally: bulk.Tally{Done: len(changes)},
				Stamp: registry.Stamp{Operation: op.ID, Batch: b.Number, By: "Ada Admin", Approver: "Grace Green-Hopper", At: at.Add(1234567 * time.Microsecond)},
			}))
		}
	}
	step(bulk.Completed, "tell#completed")
	all := meter.Total()
	registryWrites := meter.Units()[tables.Registry]

	// A plan that is only just not unusually large counts all patients of its
	// facility, four times as many as it changes.
	planning.Read += counting * 100 / bulk.UnusualShare
	t.Logf("a patient: %.3f read units to plan; %.3f write units in all, of which planning %.3f, running %.3f",
		planning.Read/patients, all.Write/patients, planning.Write/patients, (all.Write-beforeRun.Write)/patients)
	if planning.Read/patients > 0.6 {
		t.Errorf("planning takes %.3f read units a patient", planning.Read/patients)
	}
	if all.Write/patients > 2.3 {
		t.Errorf("a change takes %.3f write units a patient", all.Write/patients)
	}
	if registryWrites.IndexWrite != 0 {
		t.Errorf("a status change writes %v units to the registry's indexes", registryWrites.IndexWrite)
	}
	if math.Abs(registryWrites.Write-2*patients) > 0.5 {
		t.Errorf("%v write units for %d patients: an item has grown over 1 KB", registryWrites.Write, patients)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

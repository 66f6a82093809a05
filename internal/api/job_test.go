package api_test

import (
	"crypto/rand"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"bulkops/internal/api"
	"bulkops/internal/audit"
	"bulkops/internal/registry"
)

// The whole job, as a program does it: find, ask, read the plan, submit,
// decide, read what became of it.
func TestTheWholeJob(t *testing.T) {
	c := newClinic(t)

	var found struct {
		Patients []api.PatientView
		More     bool
	}
	c.as(t, "sam", "POST", "/v1/patients/search", object{"filter": object{"statuses": []string{"Active"}}, "size": 100, "page": 2}).into(200, &found)
	if len(found.Patients) != 99 || found.More {
		t.Errorf("page 2 has %d patients (more %v), want 99 of the 199 active ones in Riverside", len(found.Patients), found.More)
	}

	op := c.as(t, "sam", "POST", "/v1/operations", object{
		"kind": "status-change", "params": object{"to": "On Hold", "hold_reason": "Family request"},
		"selection": object{"filter": object{"facilities": []string{"riverside"}}, "except": []string{"000200"}},
	}, key(1)...).operation(201)
	path := "/v1/operations/" + op.ID
	if op = c.as(t, "sam", "GET", path, nil).operation(200); op.State != "ready" || op.Summary != "Change status to On Hold (family request)" || op.Plan == nil ||
		op.Plan.Changes != 197 || op.Plan.Excluded != 2 || op.Plan.ByReason["locked"] != 1 || op.Plan.ByReason["not-allowed"] != 1 ||
		op.Plan.ChangePages != 2 || op.Plan.Before["status"]["Active"] != 197 || op.Plan.After["status"]["On Hold"] != 197 || op.Plan.ByFacility["riverside"] != 197 {
		t.Fatalf("%+v %+v", op, op.Plan)
	}
	if !op.You.MaySubmit || !op.You.MayCancel || op.You.MayDecide || len(op.You.ToSubmit.Checklist) != 4 || op.You.ToSubmit.Number {
		t.Errorf("you may %+v", op.You)
	}

	var changes struct {
		Page, Pages, Total int
		Changes            []api.ChangeView
	}
	c.as(t, "sam", "GET", path+"/changes?page=2", nil).into(200, &changes)
	if changes.Page != 2 || changes.Pages != 2 || changes.Total != 197 || len(changes.Changes) != 97 {
		t.Errorf("page %d of %d with %d of %d", changes.Page, changes.Pages, len(changes.Changes), changes.Total)
	}
	if e := changes.Changes[0].Edits[0]; e.Record != "profile" || e.Before["status"] != "Active" || e.After["status"] != "On Hold" || e.After["hold_reason"] != "Family request" {
		t.Errorf("%+v", e)
	}
	var exclusions struct {
		Total      int
		Exclusions []api.ExclusionView
	}
	c.as(t, "sam", "GET", path+"/exclusions", nil).into(200, &exclusions)
	if exclusions.Total != 2 || len(exclusions.Exclusions) != 2 || !strings.Contains(fmt.Sprint(exclusions.Exclusions), "locked by Rita Chen") {
		t.Errorf("%+v", exclusions)
	}

	op = c.as(t, "sam", "POST", path+"/submit", submission(op)).operation(200)
	if op.State != "awaiting-approval" || op.Approval == nil || strings.Join(op.Approval.Asked, ",") != "Maria Duarte,Jonas Weber" {
		t.Fatalf("%+v", op)
	}

	var list struct{ Operations []api.Operation }
	c.as(t, "maria", "GET", "/v1/operations?which=waiting", nil).into(200, &list)
	if len(list.Operations) != 1 || list.Operations[0].ID != op.ID || !list.Operations[0].You.MayDecide {
		t.Errorf("waiting for Maria: %+v", list)
	}
	var stale struct{ Stale, Of int }
	c.as(t, "maria", "GET", path+"/stale", nil).into(200, &stale)
	if stale.Stale != 0 || stale.Of != 197 {
		t.Errorf("stale %+v", stale)
	}
	op = c.as(t, "maria", "POST", path+"/decision", object{"verdict": "approved", "digest": op.Plan.Digest, "comment": "Fine"}).operation(200)
	if op.Decision == nil || op.Decision.By != "Maria Duarte" {
		t.Errorf("%+v", op.Decision)
	}

	op = c.as(t, "sam", "GET", path, nil).operation(200)
	if op.State != "completed" || !op.Ended || *op.Progress != (api.Progress{Done: 197, Total: 197}) || op.Times.Ended == nil {
		t.Fatalf("%+v %+v", op, op.Progress)
	}
	c.as(t, "sam", "GET", "/v1/operations", nil).into(200, &list)
	if len(list.Operations) != 1 || list.Operations[0].Progress.Done != 197 {
		t.Errorf("%+v", list)
	}

	var outcomes struct{ Outcomes []api.OutcomeView }
	c.as(t, "sam", "GET", path+"/outcomes", nil).into(200, &outcomes)
	if len(outcomes.Outcomes) != 100 || outcomes.Outcomes[0].Outcome != "done" || outcomes.Outcomes[0].Words != "Hold reason: (empty) → Family request, Status: Active → On Hold" {
		t.Errorf("%d outcomes, first %+v", len(outcomes.Outcomes), outcomes.Outcomes[0])
	}

	var events struct{ Events []api.EventView }
	c.as(t, "omar", "GET", path+"/events", nil).into(200, &events)
	var story []string
	for _, e := range events.Events {
		story = append(story, e.Actor+" "+e.What)
	}
	if got := strings.Join(story, ", "); got != "Sam Okafor requested, bulkops planned, Sam Okafor submitted, Maria Duarte approved, bulkops started, bulkops completed" {
		t.Error(got)
	}

	c.Audited(t, op.ID)
	seen := map[string]bool{}
	for after, pages := "", 0; ; pages++ {
		var records struct {
			Records []audit.Record
			Next    string
		}
		c.as(t, "omar", "GET", path+"/audit?most=50&after="+strings.ReplaceAll(after, "#", "%23"), nil).into(200, &records)
		for _, r := range records.Records {
			seen[r.Patient] = true
		}
		if after = records.Next; after == "" {
			if pages != 3 {
				t.Errorf("%d full pages, want 3", pages)
			}
			break
		}
	}
	if len(seen) != 197 {
		t.Errorf("the audit names %d patients, want 197", len(seen))
	}
}

// When a run starts and when it stops by itself is said with the submission;
// until it starts, whoever may approve it can take it back.
func TestAStartIsChosenAndTakenBack(t *testing.T) {
	c := newClinic(t)
	op := c.ready(t, toHold("000001"))
	path := "/v1/operations/" + op.ID
	body := submission(op)
	body["start"] = object{"date": "2027-03-14", "time": "02:30", "zone": "America/Chicago"}
	body["stop"] = object{"percent": 20, "after": 10}
	if p := c.as(t, "sam", "POST", path+"/submit", body).problem(422, "invalid"); len(p.Problems) != 1 || p.Problems[0].Field != "start_time" {
		t.Errorf("%+v", p)
	}
	tomorrow := c.Engine.Now().AddDate(0, 0, 1).Format("2006-01-02")
	body["start"] = object{"date": tomorrow, "time": "22:30", "zone": "Asia/Kolkata"}
	op = c.as(t, "sam", "POST", path+"/submit", body).operation(200)
	if op.Start == nil || op.Start.At.UTC().Format("2006-01-02 15:04") != tomorrow+" 17:00" || *op.Stop != (api.Stop{Percent: 20, After: 10}) {
		t.Fatalf("%+v %+v", op.Start, op.Stop)
	}
	c.as(t, "maria", "POST", path+"/cancel", nil).problem(403, "forbidden")
	op = c.as(t, "maria", "POST", path+"/decision", object{"verdict": "approved", "digest": op.Plan.Digest}).operation(200)
	if op.State != "scheduled" || !op.You.MayCancel {
		t.Fatalf("%s, you may %+v", op.State, op.You)
	}
	if op = c.as(t, "maria", "POST", path+"/cancel", nil).operation(200); op.State != "cancelled" || op.Cause != "Taken back by Maria Duarte." {
		t.Errorf("%s: %s", op.State, op.Cause)
	}
}

// A request takes the place of one that was sent with a mistake.
func TestARequestTakesThePlaceOfAnother(t *testing.T) {
	c := newClinic(t)
	old := c.submitted(t, toHold("000001", "000004"))
	if !old.You.MayEdit {
		t.Errorf("you may %+v", old.You)
	}
	anew := object{"kind": "status-change", "params": object{"to": "Hospitalized"}, "edits": old.ID}
	c.as(t, "maria", "POST", "/v1/operations", anew, key(8)...).problem(403, "forbidden")
	op := c.as(t, "sam", "POST", "/v1/operations", anew, key(9)...).operation(201)
	op = c.as(t, "sam", "GET", "/v1/operations/"+op.ID, nil).operation(200)
	if op.Plan.Changes != 2 || op.Origin == nil || *op.Origin != (api.LinkView{As: "edit", Operation: old.ID}) {
		t.Errorf("%+v from %+v", op.Plan, op.Origin)
	}
	if old = c.as(t, "sam", "GET", "/v1/operations/"+old.ID, nil).operation(200); old.State != "cancelled" || len(old.Follow) != 1 || old.Follow[0].Operation != op.ID {
		t.Errorf("%s, followed by %+v", old.State, old.Follow)
	}
}

// Who asks later learns of the patients that another operation changes too.
func TestPatientsInTwoOperationsAreTold(t *testing.T) {
	c := newClinic(t)
	first := c.submitted(t, toHold("000001", "000004"))
	second := c.as(t, "sam", "POST", "/v1/operations", object{"kind": "status-change", "params": object{"to": "Hospitalized"}, "selection": object{"ids": []string{"000004", "000005"}}}, key(7)...).operation(201)
	var told struct{ Overlaps []api.OverlapView }
	c.as(t, "sam", "GET", "/v1/operations/"+second.ID+"/overlaps", nil).into(200, &told)
	if want := (api.OverlapView{Operation: first.ID, State: "awaiting-approval", Summary: first.Summary, Requester: "Sam Okafor", Patients: 1}); len(told.Overlaps) != 1 || told.Overlaps[0] != want {
		t.Errorf("told %+v, want %+v", told, want)
	}
	var page struct {
		Total   int
		Changes []api.ChangeView
	}
	c.as(t, "maria", "GET", "/v1/operations/"+second.ID+"/overlaps/"+first.ID, nil).into(200, &page)
	if page.Total != 1 || len(page.Changes) != 1 || page.Changes[0].Patient != "000004" {
		t.Errorf("%+v", page)
	}
}

// Every kind is asked for by its name and its parameters, and the plan says what
// the registry will hold.
func TestEachKindWorksByItsParameters(t *testing.T) {
	c := newClinic(t)
	for _, test := range []struct {
		kind, summary string
		params        object
		after         registry.Fields
	}{
		{"tags", `Add tags fall-risk, vip; remove tag old ("Fall Risk" becomes fall-risk)`,
			object{"add": "Fall Risk,vip", "remove": "old"}, registry.Fields{"tags": "fall-risk vip"}},
		{"insurance-change", "Change insurance plan to Aetna from 1 Jan 2027, keep member ids, and put on hold (insurance lapse)",
			object{"plan": "Aetna", "effective": "2027-01-01", "member_ids": "keep", "ended": "yes"},
			registry.Fields{"insurance_plan": "Aetna", "insurance_from": "2027-01-01", "status": "On Hold", "hold_reason": "Insurance lapse"}},
	} {
		t.Run(test.kind, func(t *testing.T) {
			op := c.ready(t, object{"kind": test.kind, "params": test.params, "selection": object{"ids": []string{"000001", "999999"}}})
			if op.State != "ready" || op.Summary != test.summary || op.Plan.Changes != 1 || op.Plan.Excluded != 1 {
				t.Fatalf("%+v %+v", op, op.Plan)
			}
			var changes struct{ Changes []api.ChangeView }
			c.as(t, "sam", "GET", "/v1/operations/"+op.ID+"/changes", nil).into(200, &changes)
			if edits := changes.Changes[0].Edits; len(edits) != 1 || edits[0].Record != "profile" || !maps.Equal(edits[0].After, test.after) {
				t.Errorf("%+v", edits)
			}
		})
	}
}

func TestARunIsStopped(t *testing.T) {
	c := newClinic(t)
	c.Machine.Hold = true
	op := c.submitted(t, toHold("000001"))
	path := "/v1/operations/" + op.ID
	op = c.as(t, "maria", "POST", path+"/decision", object{"verdict": "approved", "digest": op.Plan.Digest}).operation(200)
	if op = c.as(t, "sam", "GET", path, nil).operation(200); op.State != "running" || !op.You.MayStop || *op.Progress != (api.Progress{NotAttempted: 1, Total: 1}) {
		t.Fatalf("%+v", op)
	}
	if op = c.as(t, "sam", "POST", path+"/stop", nil).operation(200); op.State != "stopping" || op.Cause != "Stopped by Sam Okafor." {
		t.Errorf("%+v", op)
	}
}

// A rerun is for those whom it can help, or for the reasons that are named.
func TestARerunIsForTheReasonsThatAreNamed(t *testing.T) {
	c := newClinic(t)
	op := c.submitted(t, toHold("000001", "000004", "000005"))
	path := "/v1/operations/" + op.ID
	must(t, c.WriteByHand(t.Context(), registry.ProfileRef("000004"), registry.Fields{registry.LockedBy: "Rita"}, "Rita", c.Engine.Now()))
	c.Remove(registry.ProfileRef("000005"))
	c.as(t, "maria", "POST", path+"/decision", object{"verdict": "approved", "digest": op.Plan.Digest, "stale": 2}).operation(200)
	left := func() string {
		t.Helper()
		return fmt.Sprint(c.as(t, "sam", "GET", path, nil).operation(200).Left)
	}
	if got, want := left(), "[{gone Record no longer there 1 false } {locked Locked since the preview 1 true }]"; got != want {
		t.Errorf("left %s, want %s", got, want)
	}
	c.as(t, "sam", "POST", path+"/rerun", object{"codes": []string{"slot-taken"}}, key(1)...).problem(422, "invalid")
	c.as(t, "sam", "POST", path+"/rerun", object{"codes": []string{"gone"}}, key(2)...).operation(200) // finds nobody, and is in nobody's way
	must(t, c.WriteByHand(t.Context(), registry.ProfileRef("000004"), registry.Fields{registry.LockedBy: ""}, "Rita", c.Engine.Now()))
	locked := c.as(t, "sam", "POST", path+"/rerun", nil, key(3)...).operation(200)
	if got, want := left(), "[{gone Record no longer there 1 false } {locked Locked since the preview 1 true "+locked.ID+"}]"; got != want {
		t.Errorf("left %s, want %s", got, want)
	}
	if p := c.as(t, "sam", "POST", path+"/rerun", object{"codes": []string{"locked"}}, key(4)...).problem(409, "conflict"); !strings.Contains(p.Detail, locked.ID) {
		t.Errorf("it does not say which one: %s", p.Detail)
	}
	if again := c.as(t, "sam", "POST", path+"/rerun", object{"codes": nil}, key(3)...).operation(200); again.ID != locked.ID || again.Origin.Operation != op.ID {
		t.Errorf("the same key makes %s", again.ID)
	}
}

func TestARequestIsTakenBack(t *testing.T) {
	c := newClinic(t)
	op := c.ready(t, toHold("000001"))
	if op = c.as(t, "sam", "POST", "/v1/operations/"+op.ID+"/cancel", nil).operation(200); op.State != "cancelled" {
		t.Errorf("%+v", op)
	}
}

func TestIdsFromAFileKeepTheirRows(t *testing.T) {
	c := newClinic(t)
	const sha = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	body := toHold("000001", "999999")
	body["selection"] = object{"ids": []string{"000001", "999999"}, "rows": []int{2, 5}, "file": sha}
	op := c.ready(t, body)
	var exclusions struct{ Exclusions []api.ExclusionView }
	c.as(t, "sam", "GET", "/v1/operations/"+op.ID+"/exclusions", nil).into(200, &exclusions)
	if op.Selection.Words != "uploaded CSV file" || len(exclusions.Exclusions) != 1 || exclusions.Exclusions[0].Row != 5 {
		t.Errorf("%+v %+v", op.Selection, exclusions)
	}
}

func TestACorrectionGivesEachPatientItsValues(t *testing.T) {
	c := newClinic(t)
	ask := func(selection object) object {
		return object{"kind": "data-correction", "params": object{}, "selection": selection}
	}
	op := c.ready(t, ask(object{"ids": []string{"000001", " 000003", "000004"}, "given": []object{
		{"phone": "+1 512 555 0123", "email": ""}, {"email": "new@example.org", "address": "<clear>"}, {}}}))
	var changes struct{ Changes []api.ChangeView }
	c.as(t, "sam", "GET", "/v1/operations/"+op.ID+"/changes", nil).into(200, &changes)
	if len(changes.Changes) != 2 || changes.Changes[0].Edits[0].After["phone"] != "+15125550123" || changes.Changes[1].Edits[0].After["email"] != "new@example.org" {
		t.Errorf("%+v", changes)
	}
	for says, selection := range map[string]object{
		"Ids 1 and 3 of the list are the same.":                     {"ids": []string{"000001", "000002", "000001"}, "given": []object{{}, {}, {"phone": "<clear>"}}},
		"Values are given for 1 patients, but 2 ids.":               {"ids": []string{"000001", "000002"}, "given": []object{{"phone": "<clear>"}}},
		"Give a filter or ids, not both.":                           {"filter": object{}, "given": []object{{"phone": "<clear>"}}},
		"Patient 1 of the list, phone: Write the number with +":     {"ids": []string{"000001"}, "given": []object{{"phone": "12"}}},
		"A data correction takes values for each patient.":          {"ids": []string{"000001"}},
		"Patient 1 of the list, colour: A data correction takes no": {"ids": []string{"000001"}, "given": []object{{"colour": "red"}}},
	} {
		if a := c.as(t, "sam", "POST", "/v1/operations", ask(selection), "Idempotency-Key", rand.Text()); a.Code != 422 && a.Code != 400 || !strings.Contains(a.Body.String(), says) {
			t.Errorf("%d %s\nwant %s", a.Code, a.Body.String(), says)
		}
	}
}

func TestDirectory(t *testing.T) {
	c := newClinic(t)
	var me struct{ Name, Email, Role string }
	c.as(t, "maria", "GET", "/v1/me", nil).into(200, &me)
	if me.Name != "Maria Duarte" || me.Role != "manager" {
		t.Errorf("%+v", me)
	}
	var kinds struct{ Kinds []api.KindView }
	c.as(t, "sam", "GET", "/v1/kinds", nil).into(200, &kinds)
	if !reflect.DeepEqual(kinds.Kinds[0], api.KindView{Name: "status-change", Title: "Status Change", Approver: "manager"}) {
		t.Errorf("%+v", kinds)
	}
	var directory struct {
		Facilities []api.FacilityView
		Providers  []api.ProviderView
	}
	c.as(t, "sam", "GET", "/v1/directory", nil).into(200, &directory)
	if len(directory.Facilities) != 2 || directory.Facilities[0].Yours || !directory.Facilities[1].Yours || directory.Providers[0].ID != "P001" {
		t.Errorf("%+v", directory)
	}
}

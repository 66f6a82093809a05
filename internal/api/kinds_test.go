package api_test

import (
	"strings"
	"testing"

	"bulkops/internal/api"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// employ gives the clinic of the tests a second provider, with a limit.
func (c clinic) employ(t *testing.T) {
	t.Helper()
	must(t, c.PutProvider(t.Context(), registry.Provider{ID: "P002", Name: "Dr. B", Specialty: "Geriatrics", Facilities: []string{"riverside"}, Active: true, Limit: 2}))
}

func TestAProviderReassignment(t *testing.T) {
	c := newClinic(t)
	c.employ(t)
	ask := func(params object) object {
		return object{"kind": "provider-reassignment", "params": params, "selection": object{"ids": []string{"000010", "000011", "000012"}}}
	}
	op := c.ready(t, ask(object{"to": "one", "provider": "P002", "visits": "reassign"}))
	if op.Summary != "Reassign to Dr. B; future visits go along" || op.Plan.Changes != 2 || op.Plan.ByReason["no-room"] != 1 ||
		op.Plan.Before["provider"]["P001"] != 2 || op.Plan.After["provider"]["P002"] != 2 || len(op.Plan.Before["status"]) != 0 {
		t.Errorf("%+v %+v", op, op.Plan)
	}
	var changes struct{ Changes []api.ChangeView }
	c.as(t, "sam", "GET", "/v1/operations/"+op.ID+"/changes", nil).into(200, &changes)
	if got := changes.Changes[0]; got.Words != "Provider: Dr. A → Dr. B" || got.Edits[0].After["provider"] != "P002" {
		t.Errorf("%+v", got)
	}
	p := c.as(t, "sam", "POST", "/v1/operations", ask(object{"to": "several", "providers": "P001 P003", "by": "fairly"}), key(1)...).problem(422, "invalid")
	var fields []string
	for _, wrong := range p.Problems {
		fields = append(fields, wrong.Field)
	}
	if got := strings.Join(fields, " "); got != "providers by visits" {
		t.Errorf("complains about %s: %+v", got, p.Problems)
	}
	var directory struct{ Providers []api.ProviderView }
	c.as(t, "sam", "GET", "/v1/directory", nil).into(200, &directory)
	if len(directory.Providers) != 2 || directory.Providers[1].Limit != 2 {
		t.Errorf("%+v", directory.Providers)
	}
}

func TestAFacilityTransfer(t *testing.T) {
	c := newClinic(t)
	ask := func(to string) object {
		return object{"kind": "facility-transfer", "params": object{"to": to, "provider": "keep", "visits": "move"},
			"selection": object{"ids": []string{"000010", "000210"}}}
	}
	c.as(t, "sam", "POST", "/v1/operations", ask("lakeside"), key(1)...).problem(403, "forbidden") // holds Riverside only
	op := c.as(t, "jonas", "POST", "/v1/operations", ask("lakeside"), key(2)...).operation(201)
	op = c.as(t, "jonas", "GET", "/v1/operations/"+op.ID, nil).operation(200)
	if op.Summary != "Transfer to Lakeside Clinic, with the present provider; future visits move along" || op.Plan.Changes != 0 ||
		op.Plan.ByReason["not-licensed"] != 1 || op.Plan.ByReason["already-so"] != 1 {
		t.Errorf("%+v %+v", op, op.Plan)
	}
	must(t, c.PutProvider(t.Context(), registry.Provider{ID: "P001", Name: "Dr. A", Facilities: []string{"lakeside", "riverside"}, Active: true}))
	op = c.as(t, "jonas", "POST", "/v1/operations", ask("lakeside"), key(3)...).operation(201)
	op = c.as(t, "jonas", "GET", "/v1/operations/"+op.ID, nil).operation(200)
	if op.Plan.Changes != 1 || strings.Join(op.Plan.Facilities, " ") != "lakeside riverside" ||
		op.Plan.Before["facility"]["riverside"] != 1 || op.Plan.After["facility"]["lakeside"] != 1 {
		t.Errorf("%+v", op.Plan)
	}
}

func TestACommunication(t *testing.T) {
	c := newClinic(t)
	must(t, c.PutFacility(t.Context(), registry.Facility{ID: "riverside", Name: "Riverside Clinic", TimeZone: "America/New_York", Email: "desk@riverside.example"}))
	ask := func(text string) object {
		return object{"kind": "communication", "params": object{"type": "facility-notification", "heading": "{patients}", "text": text},
			"selection": object{"ids": []string{"000010", "000011", "nobody"}}}
	}
	c.as(t, "sam", "POST", "/v1/operations", ask("Dear {patient}"), key(1)...).problem(422, "invalid")
	op := c.ready(t, ask("Dear {recipient}"))
	if op.Plan.Messages != 1 || op.Plan.Concerned != 2 || op.Plan.Excluded != 1 || len(op.You.ToSubmit.Checklist) != 3 {
		t.Errorf("%+v %+v", op.Plan, op.You)
	}
	var changes struct{ Changes []api.ChangeView }
	c.as(t, "sam", "GET", "/v1/operations/"+op.ID+"/changes", nil).into(200, &changes)
	if got, want := *changes.Changes[0].Notice, (api.NoticeView{Number: "1-1", To: "desk@riverside.example", Heading: "2 patients", Text: "Dear Riverside Clinic", Patients: 2}); got != want {
		t.Errorf("%+v", got)
	}
	var about struct{ Patients []api.PatientView }
	c.as(t, "sam", "GET", "/v1/operations/"+op.ID+"/notices/1-1", nil).into(200, &about)
	if len(about.Patients) != 2 || about.Patients[0].ID != "000010" {
		t.Errorf("%+v", about.Patients)
	}
	c.as(t, "sam", "GET", "/v1/operations/"+op.ID+"/notices/1-2", nil).problem(404, "not-found")
}

func TestTasksAfterATransfer(t *testing.T) {
	c := newClinic(t)
	must(t, c.PutPerson(t.Context(), staff.Person{Sub: "maria", Name: "Maria Duarte", Email: "maria@example.org", Role: staff.Manager, Facilities: []string{staff.AllFacilities}}))
	op := c.as(t, "jonas", "POST", "/v1/operations", object{"kind": "facility-transfer", "params": object{"to": "lakeside", "provider": "later", "visits": "keep"},
		"selection": object{"ids": []string{"000010"}}}, key(1)...).operation(201)
	path := "/v1/operations/" + op.ID
	var list struct {
		Tasks  []api.TaskView
		People []api.TaskPerson
	}
	c.as(t, "jonas", "GET", path+"/tasks", nil).into(200, &list)
	if len(list.Tasks) != 0 || list.Tasks == nil || list.People == nil {
		t.Errorf("before it has run: %+v", list)
	}
	op = c.as(t, "jonas", "GET", path, nil).operation(200)
	c.as(t, "jonas", "POST", path+"/submit", submission(op)).operation(200)
	c.as(t, "maria", "POST", path+"/decision", object{"verdict": "approved", "digest": op.Plan.Digest}).operation(200)
	c.as(t, "jonas", "GET", path+"/tasks", nil).into(200, &list)
	if len(list.Tasks) != 6 || len(list.People) != 2 || list.People[0].Email != "jonas@example.org" {
		t.Fatalf("%+v", list)
	}
	c.as(t, "jonas", "POST", path+"/tasks/records", object{"give_to": "maria"}).into(200, &list)
	c.as(t, "maria", "POST", path+"/tasks/records", object{"done": true}).into(200, &list)
	if got := list.Tasks[2]; got.Name != "records" || got.GivenTo != "Maria Duarte" || got.DoneBy != "Maria Duarte" || got.DoneAt == nil {
		t.Errorf("%+v", got)
	}
	if p := c.as(t, "jonas", "POST", path+"/tasks/records", object{"done": true}).problem(409, "conflict"); !strings.Contains(p.Detail, "Maria Duarte ticked") {
		t.Error(p.Detail)
	}
	c.as(t, "jonas", "POST", path+"/tasks/records", object{"give_to": "lena"}).problem(422, "invalid")
	c.as(t, "jonas", "POST", path+"/tasks/lunch", object{"done": true}).problem(404, "not-found")
	c.as(t, "omar", "POST", path+"/tasks/records", object{"done": false}).problem(403, "forbidden")
	c.as(t, "omar", "GET", path+"/tasks", nil).into(200, &list)
	if len(list.Tasks) != 6 || len(list.People) != 0 {
		t.Errorf("an auditor is offered people: %+v", list.People)
	}
	c.as(t, "lena", "GET", path+"/tasks", nil).problem(404, "not-found")
}

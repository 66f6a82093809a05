package api_test

import (
	"strings"
	"testing"

	"bulkops/internal/api"
)

func TestARequestIsHandedOn(t *testing.T) {
	c := newClinic(t)
	op := c.as(t, "sam", "POST", "/v1/operations", toHold("000001"), key(1)...).operation(201)
	path := "/v1/operations/" + op.ID
	op = c.as(t, "sam", "GET", path, nil).operation(200)
	c.as(t, "sam", "GET", path+"/approvers", nil).problem(409, "conflict")
	op = c.as(t, "sam", "POST", path+"/submit", submission(op)).operation(200)
	if !op.You.MayReassign {
		t.Error("the requester may not hand it on")
	}
	var list struct{ Approvers []api.ApproverView }
	c.as(t, "maria", "GET", path+"/approvers", nil).into(200, &list)
	if len(list.Approvers) != 2 || list.Approvers[0] != (api.ApproverView{ID: "maria", Name: "Maria Duarte", Email: "maria@example.org", Role: "manager", Asked: true}) {
		t.Errorf("%+v", list)
	}
	if p := c.as(t, "maria", "POST", path+"/reassign", object{"to": "lena"}).problem(422, "invalid"); p.Problems[0].Field != "to" {
		t.Errorf("%+v", p)
	}
	op = c.as(t, "maria", "POST", path+"/reassign", object{"to": "jonas"}).operation(200)
	if strings.Join(op.Approval.Asked, ",") != "Jonas Weber" || !op.You.MayDecide {
		t.Errorf("%+v %+v", op.Approval, op.You)
	}
	var waiting struct{ Operations []api.Operation }
	c.as(t, "maria", "GET", "/v1/operations?which=waiting", nil).into(200, &waiting)
	if len(waiting.Operations) != 0 {
		t.Errorf("still waits for Maria: %+v", waiting)
	}
	c.as(t, "omar", "POST", path+"/reassign", object{"to": "jonas"}).problem(403, "forbidden")
	c.as(t, "lena", "POST", path+"/reassign", object{"to": "jonas"}).problem(404, "not-found")
}

func TestSomebodyIsAway(t *testing.T) {
	c := newClinic(t)
	var list struct{ Delegates []api.DelegateView }
	c.as(t, "maria", "GET", "/v1/me/delegates", nil).into(200, &list)
	if len(list.Delegates) != 1 || list.Delegates[0].ID != "jonas" || list.Delegates[0].Away != nil {
		t.Errorf("%+v", list)
	}
	if p := c.as(t, "maria", "PUT", "/v1/me/away", object{"from": "2026-11-23", "until": "2026-11-20", "delegate": "sam"}).problem(422, "invalid"); len(p.Problems) != 2 {
		t.Errorf("%+v", p)
	}
	away := object{"from": "2026-11-23", "until": "2026-11-30", "delegate": "jonas"}
	var told, me struct{ Away *api.AwayView }
	c.as(t, "maria", "PUT", "/v1/me/away", away).into(200, &told)
	c.as(t, "maria", "GET", "/v1/me", nil).into(200, &me)
	if me.Away == nil || *me.Away != (api.AwayView{From: "2026-11-23", Until: "2026-11-30", Delegate: "jonas"}) || *told.Away != *me.Away {
		t.Errorf("%+v %+v", told.Away, me.Away)
	}
	op := c.as(t, "sam", "POST", "/v1/operations", toHold("000001"), key(1)...).operation(201)
	path := "/v1/operations/" + op.ID
	op = c.as(t, "sam", "GET", path, nil).operation(200)
	op = c.as(t, "sam", "POST", path+"/submit", submission(op)).operation(200)
	if len(op.Approval.Delegates) != 1 || op.Approval.Delegates[0] != (api.StandinView{Name: "Jonas Weber", For: "Maria Duarte"}) {
		t.Errorf("%+v", op.Approval)
	}
	c.as(t, "maria", "DELETE", "/v1/me/away", nil).into(200, &told)
	if told.Away != nil {
		t.Errorf("still away: %+v", told.Away)
	}
	c.as(t, "sam", "GET", "/v1/me/delegates", nil).problem(403, "forbidden")
	c.as(t, "sam", "PUT", "/v1/me/away", away).problem(403, "forbidden")
	c.as(t, "sam", "DELETE", "/v1/me/away", nil).problem(403, "forbidden")
}

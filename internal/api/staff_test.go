package api_test

import (
	"slices"
	"testing"

	"bulkops/internal/api"
	"bulkops/internal/staff"
)

func TestAnAdministratorKeepsTheDirectory(t *testing.T) {
	c := newClinic(t)
	if err := c.PutPerson(t.Context(), staff.Person{Sub: "ida", Name: "Ida Admin", Email: "ida@example.org", Role: staff.Admin, Facilities: []string{staff.AllFacilities}}); err != nil {
		t.Fatal(err)
	}
	var list struct{ Staff []api.StaffView }
	c.as(t, "ida", "GET", "/v1/staff", nil).into(200, &list)
	i := slices.IndexFunc(list.Staff, func(s api.StaffView) bool { return s.ID == "sam" })
	if len(list.Staff) != 7 || i < 0 || list.Staff[i].Role != staff.Staff || list.Staff[i].Version != 1 {
		t.Fatalf("%+v", list)
	}
	change := object{"version": 1, "role": "manager", "facilities": []string{"riverside", "lakeside"}}
	var now api.StaffView
	c.as(t, "ida", "PUT", "/v1/staff/sam", change).into(200, &now)
	if now.Role != staff.Manager || now.Version != 2 || !slices.Equal(now.Facilities, []string{"lakeside", "riverside"}) {
		t.Errorf("%+v", now)
	}
	var me struct{ Role staff.Role }
	if c.as(t, "sam", "GET", "/v1/me", nil).into(200, &me); me.Role != staff.Manager {
		t.Errorf("the next request is made as %s", me.Role)
	}
	change["role"] = "staff"
	c.as(t, "ida", "PUT", "/v1/staff/sam", change).problem(409, "conflict")
	change["facilities"] = []string{"nowhere"}
	c.as(t, "ida", "PUT", "/v1/staff/sam", change).problem(422, "invalid")
	c.as(t, "ida", "PUT", "/v1/staff/ida", change).problem(403, "forbidden")
	c.as(t, "ida", "PUT", "/v1/staff/nobody", change).problem(404, "not-found")
	for _, who := range []string{"sam", "maria", "omar"} {
		c.as(t, who, "GET", "/v1/staff", nil).problem(403, "forbidden")
		c.as(t, who, "PUT", "/v1/staff/lena", change).problem(403, "forbidden")
	}
}

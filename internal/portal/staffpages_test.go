package portal_test

import (
	"net/url"
	"strings"
	"testing"

	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Ida changes what Maria may do; it counts at Maria's next click, in the
// session that she has.
func TestRightsAreChangedOnAPage(t *testing.T) {
	w := newWorld(t, 200)
	ida, sam, maria := w.signedIn("ida"), w.signedIn("sam"), w.signedIn("maria")
	op := submitted(planned(sam, registry.Inactive, activeIn(w, "riverside", 2)...)).operation()
	w.settle()
	decision := maria.get("/operations/"+op+"/decision").want(200, "Your decision")

	list := ida.get("/").click("Staff").want(200, "Maria Duarte", "Manager, in Lakeside", "Omar Haddad", "Auditor, in every facility")
	checkMarkup(t, list)
	if p := ida.get("/admin/staff?role=auditor"); strings.Contains(p.text(), "Maria Duarte") || !strings.Contains(p.text(), "Omar Haddad") {
		t.Error("the list is not of the role that was chosen")
	}
	form := list.click("Maria Duarte").want(200, "At present", "Every facility, also those to come")
	checkMarkup(t, form)
	checkMarkup(t, form.press("save", url.Values{"facility": nil, "role": {"root"}}).want(422, "Choose a role.", "Choose at least one facility."))
	form.press("save", url.Values{"role": {"staff"}, "facility": {"riverside"}}).want(200, "This is what counts now", "Staff, in Riverside")

	decision.press("approve", nil).want(403, "takes the right Team Lead or higher; yours is Staff")
	maria.get("/approvals").want(403, "Deciding on operations takes the right Team Lead or higher; yours is Staff")
	told := w.mails[len(w.mails)-1]
	if told.To != "maria.manager@example.org" || !strings.Contains(told.Text, "Staff, in Riverside") {
		t.Errorf("the last mail is %+v", told)
	}

	// The form that was opened before is overtaken by what it did itself.
	checkMarkup(t, form.press("save", url.Values{"role": {"manager"}, "facility": {"*"}}).want(409, "Nothing was changed", "Staff, in Riverside").
		press("save", nil).want(200, "This is what counts now", "Manager, in every facility"))
	maria.get("/approvals").want(200, "1 request waits")

	ida.get("/admin/staff/sub-maria").press("save", url.Values{"disabled": {"yes"}}).want(200, "No access")
	maria.get("/").want(403, "Your access to this portal has ended")
}

func TestNobodyChangesTheirOwnRights(t *testing.T) {
	w := newWorld(t, 50)
	ida := w.signedIn("ida")
	p := ida.get("/admin/staff/sub-ida").want(200, "Your own rights are changed by another administrator")
	checkMarkup(t, p)
	if p.id("save") != nil {
		t.Error("the page offers it all the same")
	}
	ida.post("/admin/staff/sub-ida", url.Values{"role": {"admin"}, "facility": {"riverside"}, "version": {"1"}, "form_token": {tokenOf(ida.get("/help"))}}).
		want(403, "Your own rights are changed by another administrator")
	now, err := w.store.Person(t.Context(), "sub-ida")
	must(t, err)
	if now.Role != staff.Admin || now.Version != 1 {
		t.Errorf("stored: %+v", now)
	}
	ida.get("/admin/staff/sub-nobody").want(404, "This person is not in the staff directory")
}

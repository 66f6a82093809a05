package browser_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// openHouse makes a house with three patients, two managers and somebody who asks, all of
// whom hold it alone.
func openHouse(t *testing.T, id string) (patients []string) {
	t.Helper()
	if err := live.registry.PutFacility(t.Context(), registry.Facility{ID: id, Name: "House of Appeals", TimeZone: "America/Denver"}); err != nil {
		t.Fatal(err)
	}
	var records []registry.Record
	for n := range 3 {
		patients = append(patients, fmt.Sprintf("%s-%d", id, n))
		records = append(records, registry.Record{Ref: registry.ProfileRef(patients[n]), Stamp: registry.Stamp{By: "sample", At: time.Now()},
			Fields: registry.Fields{registry.Name: []string{"Amara Osei", "Łukasz Wójcik", "Noor el-Amin"}[n], registry.FacilityField: id, registry.StatusField: string(registry.Active)}})
	}
	if err := live.registry.PutRecords(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	live.hire(t, "Rosa Reyes", staff.Staff, id)
	live.hire(t, "Milo Marsh", staff.Manager, id)
	live.hire(t, "Mina Mbeki", staff.Manager, id)
	return patients
}

// chooseBeside chooses the radio button or ticks the box whose words begin so.
func (p *person) chooseBeside(words string) {
	p.t.Helper()
	id := evaluate[string](p, `[...document.querySelectorAll("label")].find((l) => l.textContent.startsWith(`+quoted(words)+`))?.htmlFor ?? ""`)
	if id == "" {
		p.t.Fatalf("nothing to choose begins with %q", words)
	}
	p.choose(id)
}

// Mina goes away and names Milo; Rosa's request reaches him for her; Mina hands
// it on to him altogether. Each page also works by keyboard and when narrow.
func TestARequestFindsItsApprover(t *testing.T) {
	t.Parallel()
	patients := openHouse(t, "appeals")
	mina := signedIn(t, "Mina Mbeki")
	mina.visit("/approvals")
	mina.press("#to-away")
	mina.walks("going away")
	mina.look("away")
	mina.press("#save")
	mina.isToldOf("from", "until")
	mina.lookAt("away-incomplete", 422)
	today := time.Now().UTC()
	mina.set("#from", today.Format(time.DateOnly))
	mina.set("#until", today.AddDate(0, 0, 9).Format(time.DateOnly))
	mina.chooseBeside("Milo Marsh")
	mina.press("#save")
	mina.sees("#away-now", "You are away until", "Milo Marsh decides in your place")
	mina.look("away-now")

	rosa := signedIn(t, "Rosa Reyes")
	operation := rosa.sends(reason, registry.Hospitalized, patients...)
	rosa.sees("#unusual", "100 % of all patients of House of Appeals: 3 of 3")
	rosa.sees("#waits-for", "Milo Marsh for Mina Mbeki, Mina Mbeki")
	rosa.look("sent-with-a-delegate")

	mina.visit("/approvals")
	mina.sees("#queue", operation, "Milo Marsh for Mina Mbeki, you", "100 % of House of Appeals")
	mina.walks("the queue")
	mina.look("approvals-for-somebody-away")
	mina.visit("/operations/" + operation + "/decision")
	mina.sees("main", "Three to check")
	mina.look("decide-with-sample")
	mina.press("#to-reassign")
	mina.walks("another approver")
	mina.look("reassign")
	mina.press("#confirm")
	mina.isToldOf("to")
	mina.lookAt("reassign-to-nobody", 422)
	mina.chooseBeside("Milo Marsh")
	mina.press("#confirm")
	mina.sees("#banner", "The request was handed on")
	mina.look("handed-on")
	mina.visit("/approvals")
	mina.sees("main", "Milo Marsh has it")
	mina.look("approvals-handed-on")
	mina.visit("/operations/" + operation + "/decision")
	mina.sees("#taken", "Milo Marsh has this request now")
	mina.look("decide-handed-on")

	ida := signedIn(t, "Ida Admin-Castro")
	ida.visit("/admin/staff")
	ida.walks("the staff")
	ida.look("staff")
	ida.visit(evaluate[string](ida, `[...document.querySelectorAll("#staff a")].find((a) => a.textContent === "Milo Marsh").pathname`))
	ida.walks("rights")
	ida.look("rights")
	ida.click(`input[name=facility]:checked + label`)
	ida.press("#save")
	ida.isToldOf("facility")
	ida.lookAt("rights-incomplete", 422)
	ida.chooseBeside("House of Appeals")
	ida.chooseBeside("Staff")
	ida.press("#save")
	ida.sees("#banner", "This is what counts now")
	ida.look("rights-changed")
	ida.visit(evaluate[string](ida, `[...document.querySelectorAll("#staff a")].find((a) => a.textContent === "Ida Admin-Castro").pathname`))
	ida.sees("#hindrance", "Your own rights are changed by another administrator")
	ida.look("rights-own")

	// The audit says in words who changed what of whose entry.
	ida.visit("/audit")
	ida.set("#show", "by-hand")
	ida.write("#operator", "Ida Admin")
	eventually(t, "the audit has the change of rights", func() bool {
		ida.press("#search")
		return strings.Contains(ida.text("main"), "Staff Milo Marsh")
	})
	ida.sees("#log", "Entry of the staff directory changed", "Ida Admin-Castro", "Role", "Manager → Staff")
	ida.look("audit-log-rights")
}

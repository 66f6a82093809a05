package engine_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// keyed is a request with a key of its own.
func keyed(r engine.Request, key string) engine.Request {
	r.Key = fmt.Sprintf("%s-0123456789abcdef", key)
	return r
}

// overlaps are the other operations by id, with the number of patients.
func (c *clinic) overlaps(who staff.Person, op bulk.Operation) string {
	c.t.Helper()
	found, err := c.Overlaps(c.t.Context(), who, c.header(op.ID))
	must(c.t, err)
	var words []string
	for _, o := range found {
		words = append(words, fmt.Sprint(o.With.ID, " ", o.With.State, " ", o.Patients))
	}
	return strings.Join(words, ", ")
}

func TestAnOperationNamesThoseThatHaveItsPatientsToo(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(300))
	c.admit(registry.Active, []string{"H001"}, with(registry.FacilityField, "fac-2"))
	first := c.planned(keyed(asks(registry.OnHold, numbered(260)...), "first"))
	second := c.planned(keyed(asks(registry.Inactive, numbered(300)[95:]...), "second"))
	elsewhere := c.planned(keyed(asks(registry.OnHold, "H001"), "elsewhere"))
	equal(t, "while the other one is not sent", c.overlaps(ada, second), "")

	first = c.submit(first)
	equal(t, "sent", c.overlaps(ada, second), first.ID+" awaiting-approval 165")
	equal(t, "with itself", c.overlaps(ada, first), "")
	equal(t, "in another facility", c.overlaps(ada, elsewhere), "")

	second = c.submit(second)
	equal(t, "the earlier one knows the later one", c.overlaps(grace, first), second.ID+" awaiting-approval 165")

	t.Run("and lists them by page", func(t *testing.T) {
		var listed []string
		for page := 1; page <= 3; page++ {
			o, changes, err := c.OverlapPage(t.Context(), grace, c.header(second.ID), first.ID, page)
			must(t, err)
			equal(t, "patients", o.Patients, 165)
			equal(t, "may open it", o.Sees, true)
			for _, change := range changes {
				listed = append(listed, change.Subject)
			}
			equal(t, fmt.Sprint("on page ", page), len(changes), []int{100, 65, 0}[page-1])
		}
		list(t, "patients", listed, numbered(300)[95:260]...)
		_, _, err := c.OverlapPage(t.Context(), grace, c.header(second.ID), elsewhere.ID, 1)
		equal(t, "with one that has none of them", fault.CodeOf(err), fault.NotFound)
	})
	t.Run("and a patient's page knows them", func(t *testing.T) {
		for id, want := range map[string]int{"P001": 1, "P100": 2, "P300": 1, "H001": 0} {
			patients, err := c.store.Patients(t.Context(), []string{id})
			must(t, err)
			pending, err := c.PendingFor(t.Context(), ada, patients[id])
			must(t, err)
			equal(t, "pending for "+id, len(pending), want)
		}
	})

	first = c.approve(first)
	equal(t, "approved", c.overlaps(ada, second), first.ID+" scheduled 165")
	first = c.start(first)
	equal(t, "running", c.overlaps(ada, second), first.ID+" running 165")
	c.finish(first)
	equal(t, "ended", c.overlaps(ada, second), "")
	stale, err := c.Stale(t.Context(), c.header(second.ID))
	must(t, err)
	equal(t, "what the later one finds changed", stale, 165)
}

// To staff an operation of somebody else is a number, no more.
func TestAnOverlapWithWhatSomebodyMayNotSeeIsNamedOnly(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2), with(registry.FacilityField, "fac-2"))
	theirs := c.submitted(asks(registry.OnHold, numbered(2)...))
	own, err := c.Request(t.Context(), ben, keyed(asks(registry.Inactive, "P002"), "ben"))
	must(t, err)
	must(t, c.Plan(t.Context(), own.ID))
	found, err := c.Overlaps(t.Context(), ben, c.header(own.ID))
	must(t, err)
	patients, err := c.store.Patients(t.Context(), []string{"P002"})
	must(t, err)
	pending, err := c.PendingFor(t.Context(), ben, patients["P002"])
	must(t, err)
	equal(t, "pending", len(pending), 1)
	for _, o := range append(found, pending...) {
		told := bulk.Operation{ID: theirs.ID, State: bulk.AwaitingApproval}
		if o.Patients != 1 || o.Sees || !reflect.DeepEqual(o.With, told) {
			t.Errorf("told %+v", o)
		}
	}
	equal(t, "found", len(found), 1)
	_, changes, err := c.OverlapPage(t.Context(), ben, c.header(own.ID), theirs.ID, 1)
	must(t, err)
	equal(t, "listed", len(changes), 1)
}

package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// updateByHand changes one field of a patient with the database's own tools,
// without a stamp: what an administrator at the console does.
func updateByHand(t *testing.T, patient, field, value string) {
	t.Helper()
	_, err := live.database.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String(live.Outputs["RegistryTable"]),
		Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "PATIENT#" + patient},
			"sk": &types.AttributeValueMemberS{Value: registry.ProfilePart},
		},
		UpdateExpression:          aws.String("SET #field = :value"),
		ExpressionAttributeNames:  map[string]string{"#field": field},
		ExpressionAttributeValues: map[string]types.AttributeValue{":value": &types.AttributeValueMemberS{Value: value}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// awaitChange waits for the newest audit record of a patient's profile in which
// the field has the value.
func awaitChange(t *testing.T, patient, field, value string) audit.Record {
	t.Helper()
	var found audit.Record
	eventually(t, "the change of a patient is audited", func() bool {
		for r, err := range live.audit.ForPatient(t.Context(), patient) {
			if err != nil {
				t.Fatal(err)
			}
			if r.New[field] == value && len(r.Old) > 0 {
				found = r
				return true
			}
		}
		return false
	})
	return found
}

func TestAChangeByHandIsAudited(t *testing.T) {
	t.Parallel()
	w := newWard(t, "by-hand", 2, 0)
	before := live.patients(t, w.patients...)
	began := time.Now()

	updateByHand(t, w.patients[0], registry.StatusField, "Deceased")
	r := awaitChange(t, w.patients[0], registry.StatusField, "Deceased")
	if !r.ByHand || r.Operation != "" || r.Operator.Name != audit.Unknown {
		t.Errorf("a change that says nothing of itself is audited as %+v", r)
	}
	if !maps.Equal(r.Old, registry.Fields{registry.StatusField: string(before[0].Status())}) || !maps.Equal(r.New, registry.Fields{registry.StatusField: "Deceased"}) {
		t.Errorf("old %v, new %v", r.Old, r.New)
	}
	if r.At.Before(began.Add(-2*time.Second)) || r.At.After(time.Now().Add(time.Second)) {
		t.Errorf("it is audited at %s, made at %s", r.At, began)
	}

	if err := live.registry.WriteByHand(t.Context(), registry.ProfileRef(w.patients[1]), registry.Fields{registry.Phone: "+19145550199"}, "Rita Chen", began); err != nil {
		t.Fatal(err)
	}
	if r := awaitChange(t, w.patients[1], registry.Phone, "+19145550199"); !r.ByHand || r.Operator.Name != "Rita Chen" {
		t.Errorf("a change by somebody named is audited as %+v", r)
	}

	note := registry.Record{Ref: registry.Ref{Patient: w.patients[0], Part: "CLINICAL#allergy#" + w.patients[0]},
		Fields: registry.Fields{registry.ClinicalKind: "allergy", registry.ClinicalText: "Penicillin"}, Stamp: registry.Stamp{By: "Rita Chen", At: began}}
	if err := live.registry.PutRecords(t.Context(), []registry.Record{note}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a note is audited with the facility of its patient", func() bool {
		for r, err := range live.audit.ForPatient(t.Context(), w.patients[0]) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Part == note.Ref.Part {
				return r.Facility == w.facility && r.Operator.Name == "Rita Chen"
			}
		}
		return false
	})
}

// A stamp is only a claim: who can write an item can write a stamp too.
func TestAForgedStampIsAuditedAsAChangeByHand(t *testing.T) {
	t.Parallel()
	w := newWard(t, "forged", 2, 0)
	op := w.approved(t, registry.OnHold, w.patients[1])
	op = await(t, op.ID, bulk.Completed)
	_, err := live.database.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String(live.Outputs["RegistryTable"]),
		Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "PATIENT#" + w.patients[0]},
			"sk": &types.AttributeValueMemberS{Value: registry.ProfilePart},
		},
		UpdateExpression:         aws.String("SET #status = :status, stamp_op = :op, stamp_batch = :batch, stamp_at = :at"),
		ExpressionAttributeNames: map[string]string{"#status": registry.StatusField},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":status": &types.AttributeValueMemberS{Value: "Inactive"},
			":op":     &types.AttributeValueMemberS{Value: op.ID},
			":batch":  &types.AttributeValueMemberN{Value: "1"}, // in which this patient is not
			":at":     &types.AttributeValueMemberS{Value: time.Now().UTC().Format(time.RFC3339Nano)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := awaitChange(t, w.patients[0], registry.StatusField, "Inactive")
	if !r.ByHand || r.Operation != "" || r.Approver.Name != "" {
		t.Errorf("it is audited as %+v", r)
	}
	awaitAudit(t, op.ID, 1)
}

// What somebody changes after the preview is left as they made it, and the
// operation says so.
func TestAPatientChangedSinceThePreviewIsSkipped(t *testing.T) {
	t.Parallel()
	w := newWard(t, "skipped", 5, 0)
	op := w.submitted(t, registry.Hospitalized)
	changed := w.patients[2]
	at := time.Now()
	if err := live.registry.WriteByHand(t.Context(), registry.ProfileRef(changed), registry.Fields{registry.StatusField: "On Hold", registry.HoldReason: "Payment"}, "Rita Chen", at); err != nil {
		t.Fatal(err)
	}
	e := live.engine(t)
	locked := w.patients[3]
	updateByHand(t, locked, registry.LockedBy, "Compliance")
	if op = decide(t, e, w.managers[0], op, bulk.Approve); op.Decision.Stale != 2 {
		t.Errorf("the approver was told that %d patients had changed, want 2", op.Decision.Stale)
	}
	op = await(t, op.ID, bulk.CompletedWithErrors)
	if op.Final != (bulk.Tally{Done: 3, Skipped: 2}) {
		t.Errorf("counts at the end are %+v", op.Final)
	}
	want := map[string]string{
		changed: `Changed since the preview by Rita Chen, ` + at.UTC().Format("2 Jan 2006, 15:04 UTC") + `: Status was "Active" and is now "On Hold".`,
		locked:  "The record is locked by Compliance.",
	}
	for _, line := range collect(t, e.Lines(t.Context(), op)) {
		if sentence, skipped := want[line.Change.Subject]; skipped && (line.Outcome.State != bulk.Skipped || line.Outcome.Sentence != sentence) {
			t.Errorf("the outcome is %+v, want %q", line.Outcome, sentence)
		}
	}
	if p := live.patients(t, changed)[0]; p.Status() != registry.OnHold || p.Stamp.By != "Rita Chen" {
		t.Errorf("the patient changed by hand is now %s by %s", p.Status(), p.Stamp.By)
	}
	awaitAudit(t, op.ID, 3)
	for patient, sentence := range want {
		var told []audit.Record
		eventually(t, patient+" has a record of being skipped", func() bool { told = outcomesOf(t, patient, op.ID); return len(told) > 0 })
		if r := told[0]; len(told) != 1 || r.What != audit.PatientSkipped || r.Detail != sentence || r.Reason != op.Reason || r.Approver.Sub != w.managers[0].Sub || r.Facility != w.facility {
			t.Errorf("%s has the records %+v, want %q", patient, told, sentence)
		}
	}
	if told := outcomesOf(t, w.patients[0], op.ID); len(told) > 0 {
		t.Errorf("who was changed has %+v beside the change", told)
	}
}

// outcomesOf returns what a patient's history has of an operation beside changes.
func outcomesOf(t *testing.T, patient, operation string) []audit.Record {
	t.Helper()
	return slices.DeleteFunc(collect(t, live.audit.ForPatient(t.Context(), patient)), func(r audit.Record) bool {
		return r.Type != audit.Outcome || r.Operation != operation
	})
}

// A plan that was changed after it was made is not run, whoever approved it.
func TestATamperedPlanIsRefused(t *testing.T) {
	t.Parallel()
	w := newWard(t, "tampered", 4, 0)
	op := w.submitted(t, registry.OnHold, w.patients[:2]...)
	other := w.planned(t, registry.Deceased, w.patients[2:]...)

	// The plan now names other patients and ends their lives.
	batchKey := func(op bulk.Operation) map[string]types.AttributeValue {
		return map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "OP#" + op.ID},
			"sk": &types.AttributeValueMemberS{Value: "PLAN#" + op.Plan.Run + "#BATCH#00001"},
		}
	}
	table := aws.String(live.Outputs["OperationsTable"])
	stored, err := live.database.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: table, Key: batchKey(other)})
	if err != nil || stored.Item["body"] == nil {
		t.Fatalf("the other plan: %v, %v", stored.Item, err)
	}
	if _, err := live.database.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: table, Key: batchKey(op),
		UpdateExpression: aws.String("SET body = :body"), ExpressionAttributeValues: map[string]types.AttributeValue{":body": stored.Item["body"]},
	}); err != nil {
		t.Fatal(err)
	}

	decide(t, live.engine(t), w.managers[0], op, bulk.Approve)
	op = await(t, op.ID, bulk.FailedState)
	if want := "The stored plan is not the one that was approved. Nothing was changed."; !strings.HasPrefix(op.Cause, want) {
		t.Errorf("its cause is %q, want %q", op.Cause, want)
	}
	for _, p := range live.patients(t, w.patients...) {
		if p.Status() != registry.Active || p.Stamp.Operation != "" {
			t.Errorf("patient %s is %s, stamped by %q", p.ID(), p.Status(), p.Stamp.Operation)
		}
	}
	// Somebody decides in the other's header, of which nothing else knows.
	forged, err := live.operations.Operation(t.Context(), other.ID)
	if err != nil {
		t.Fatal(err)
	}
	forged.State, forged.Decision = bulk.Scheduled, &bulk.Decision{Verdict: bulk.Approve, By: bulk.Person{Sub: "nobody", Name: "Nobody"}, At: time.Now()}
	body, err := json.Marshal(forged)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := live.database.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: table, Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "OP#" + other.ID}, "sk": &types.AttributeValueMemberS{Value: "HEADER"}},
		UpdateExpression:          aws.String("SET body = :body, version = version + :one"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":body": &types.AttributeValueMemberS{Value: string(body)}, ":one": &types.AttributeValueMemberN{Value: "1"}},
	}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		op.ID:    fmt.Sprintf("PLAN#%s#BATCH#00001 was changed after it had been stored. Changed: body.", op.Plan.Run),
		other.ID: fmt.Sprintf("HEADER was written as version %d without an event. Changed: decision, state.", forged.Version+1),
	} {
		var said []string
		eventually(t, "the tampering with "+id+" is audited", func() bool {
			said = nil
			for r, err := range live.audit.ForOperation(t.Context(), id) {
				if err != nil {
					t.Fatal(err)
				}
				if r.What == audit.Tampered && r.ByHand {
					said = append(said, r.Detail)
				}
			}
			return len(said) > 0
		})
		if !slices.Equal(said, []string{want}) {
			t.Errorf("said of %s is %q, want %q", id, said, want)
		}
	}
}

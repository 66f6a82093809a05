package e2e_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"bulkops/internal/registry"
)

// A record that cannot be audited holds up none of the others. What the local
// AWS does not do, to give the record up after some tries and keep it in the
// bucket, is only looked up in the deployed settings.
func TestARecordThatCannotBeAuditedHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWard(t, "poison", 3, 0)

	// The stamp of an operation without a time: no part of bulkops writes that.
	if _, err := live.database.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String(live.Outputs["RegistryTable"]),
		Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "PATIENT#" + w.patients[0]},
			"sk": &types.AttributeValueMemberS{Value: registry.ProfilePart},
		},
		UpdateExpression: aws.String("SET stamp_op = :op, stamp_at = :at"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":op": &types.AttributeValueMemberS{Value: "OP-POISON"}, ":at": &types.AttributeValueMemberS{Value: "no time"},
		},
	}); err != nil {
		t.Fatal(err)
	}
	updateByHand(t, w.patients[1], registry.Phone, "+19145550101")
	awaitChange(t, w.patients[1], registry.Phone, "+19145550101")
	var said string
	eventually(t, "the log names the record", func() bool {
		logs, err := live.FunctionLogs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range logs["/aws/lambda/"+live.physicalName("audit")] {
			if strings.Contains(line, "could not be audited") {
				said = line
				return true
			}
		}
		return false
	})
	if strings.Contains(said, w.patients[0]) || !strings.Contains(said, "sequence_number") {
		t.Errorf("the log says %q: the record's number and nothing about the patient belongs there", said)
	}

	// On AWS the stream hears which record it is, and delivers again from there.
	change := func(unique, patient string, stampAt string) events.DynamoDBEventRecord {
		text := events.NewStringAttribute
		keys := map[string]events.DynamoDBAttributeValue{"pk": text("PATIENT#" + patient), "sk": text(registry.ProfilePart)}
		was := maps.Clone(keys)
		was[registry.Language] = text("English")
		is := maps.Clone(keys)
		is[registry.Language] = text("Spanish " + unique)
		if stampAt != "" {
			is["stamp_op"], is["stamp_at"] = text("OP-POISON"), text(stampAt)
		}
		return events.DynamoDBEventRecord{EventID: unique, EventName: "MODIFY", Change: events.DynamoDBStreamRecord{
			ApproximateCreationDateTime: events.SecondsEpochTime{Time: time.Now().Truncate(time.Second)},
			Keys:                        keys, OldImage: was, NewImage: is, SequenceNumber: "number-of-" + unique,
		}}
	}
	delivery := events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{
		change("before-"+t.Name(), w.patients[2], ""), change("poison-"+t.Name(), w.patients[2], "no time"), change("after-"+t.Name(), w.patients[2], ""),
	}}
	for range 2 { // a repeat writes nothing new
		answer, failure := live.call(t, "audit", delivery)
		if failure != "" {
			t.Fatalf("the delivery failed as a whole: %s", answer)
		}
		var response events.DynamoDBEventResponse
		if err := json.Unmarshal(answer, &response); err != nil {
			t.Fatal(err)
		}
		if len(response.BatchItemFailures) != 1 || response.BatchItemFailures[0].ItemIdentifier != "number-of-poison-"+t.Name() {
			t.Errorf("reported is %+v, want the one record", response.BatchItemFailures)
		}
	}
	count := map[string]int{}
	for _, r := range collect(t, live.audit.ForPatient(t.Context(), w.patients[2])) {
		count[r.Unique]++
	}
	for _, unique := range []string{"before-" + t.Name(), "after-" + t.Name()} {
		if count[unique] != 1 {
			t.Errorf("%s is audited %d times", unique, count[unique])
		}
	}

	mappings, err := live.functions.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: aws.String(live.physicalName("audit"))})
	if err != nil {
		t.Fatal(err)
	}
	if len(mappings.EventSourceMappings) != 3 {
		t.Fatalf("the audit reads %d streams, want those of three tables", len(mappings.EventSourceMappings))
	}
	for _, m := range mappings.EventSourceMappings {
		if m.DestinationConfig == nil || m.DestinationConfig.OnFailure == nil || !strings.HasSuffix(aws.ToString(m.DestinationConfig.OnFailure.Destination), live.Outputs["AuditFailuresBucketName"]) {
			t.Errorf("%s has no place for what cannot be audited", aws.ToString(m.EventSourceArn))
		}
		if retries := aws.ToInt32(m.MaximumRetryAttempts); retries < 1 || retries > 100 || !aws.ToBool(m.BisectBatchOnFunctionError) || len(m.FunctionResponseTypes) != 1 {
			t.Errorf("%s: %d retries, bisect %v, answers %v", aws.ToString(m.EventSourceArn), retries, aws.ToBool(m.BisectBatchOnFunctionError), m.FunctionResponseTypes)
		}
	}
}

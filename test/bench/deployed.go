package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/bulk"
	"bulkops/internal/dynamo"
	"bulkops/internal/engine"
	"bulkops/internal/registry"
	"bulkops/internal/stepfunctions"
	"bulkops/local/stack"
)

// How long 2,000 patients may take from the approval on.
const (
	untilCompleted = 4 * time.Second
	untilAudited   = 8 * time.Second
)

// measureDeployed lets the deployed stack run operations: state machine, functions and streams. This
// program only asks, submits and approves, as the portal does, and looks.
func measureDeployed(ctx context.Context, b *bench) error {
	s, err := b.onStack(ctx)
	if err != nil {
		return err
	}
	tables := dynamo.Tables{
		Registry: s.Resources["RegistryTable"], Operations: s.Resources["OperationsTable"],
		Audit: s.Resources["AuditTable"], Access: s.Resources["AccessTable"],
	}
	c := openClinic(s.AWSConfig(), tables, stepfunctions.New(s.AWSConfig(), s.Resources["BulkOperationMachine"]))
	if err := c.fill(ctx); err != nil {
		return err
	}
	const patients, repetitions = 2000, 5
	group := activePatients(patients, time.Now())
	for i := range group {
		group[i] = group[i][:1]
	}
	if err := c.put(ctx, group); err != nil {
		return err
	}
	log := auditLog{dynamodb.NewFromConfig(s.AWSConfig()), tables.Audit}
	if err := log.holds(ctx, "HAND#"+time.Now().UTC().Format(time.DateOnly), patients); err != nil {
		return err
	}
	var rows [][]string
	var completed, audited series[time.Duration]
	from, to := registry.Active, registry.OnHold
	for n := range repetitions {
		one, err := c.follow(ctx, log, from, to)
		if err != nil {
			return err
		}
		rows = append(rows, []string{fmt.Sprintf("%d: %s → %s", n+1, from, to), seconds(one.planned), seconds(one.decided), seconds(one.started), seconds(one.completed), seconds(one.audited)})
		completed, audited = append(completed, one.completed), append(audited, one.audited)
		from, to = to, from
	}
	rows = append(rows, []string{"median", "", "", "", seconds(completed.median()), seconds(audited.median())})
	b.say("%d patients on the local AWS with the deployed stack; the first run starts the functions' processes:\n", patients)
	b.table([]string{"Run", "Request until planned", "Approval until it was recorded", "until running", "until completed", "until the audit holds every change"}, rows)
	b.say("Counted from the moment at which the approver says yes: completed after %s (goal ≤ %.0f s: %s), audited after %s (goal ≤ %.0f s: %s).\n",
		seconds(completed.median()), untilCompleted.Seconds(), against(completed.median() <= untilCompleted),
		seconds(audited.median()), untilAudited.Seconds(), against(audited.median() <= untilAudited))
	return nil
}

// followed are the times of one operation; all but planned from the approval on.
type followed struct{ planned, decided, started, completed, audited time.Duration }

// follow takes a change through the deployed stack.
func (c *clinic) follow(ctx context.Context, log auditLog, from, to registry.Status) (f followed, err error) {
	begin := time.Now()
	op, err := c.request(ctx, from, to)
	if err != nil {
		return f, err
	}
	if _, err := c.await(ctx, op.ID, bulk.Ready); err != nil {
		return f, err
	}
	f.planned = time.Since(begin)
	if err := c.submit(ctx, op.ID); err != nil {
		return f, err
	}
	if err := c.awaitToken(ctx, op.ID, engine.WaitApprove); err != nil {
		return f, err
	}
	begin = time.Now()
	if err := c.approve(ctx, op.ID); err != nil {
		return f, err
	}
	f.decided = time.Since(begin)
	if op, err = c.await(ctx, op.ID, bulk.Completed); err != nil {
		return f, err
	}
	f.completed, f.started = time.Since(begin), op.Started.Sub(begin)
	if op.Final.Done != op.Plan.Changes {
		return f, fmt.Errorf("%d of %d patients were changed", op.Final.Done, op.Plan.Changes)
	}
	err = log.holds(ctx, "OP#"+op.ID, op.Plan.Changes)
	f.audited = time.Since(begin)
	return f, err
}

const (
	lookEvery  = 50 * time.Millisecond
	lookAtMost = 2 * time.Minute
)

var errTooLong = errors.New("it takes more than two minutes; the logs are in the stack's folder")

// await polls until the operation is in a state. One that ends in another is an error.
func (c *clinic) await(ctx context.Context, id string, s bulk.State) (bulk.Operation, error) {
	for end := time.Now().Add(lookAtMost); time.Now().Before(end); c.Pause(ctx, lookEvery) {
		op, err := c.Operations.Operation(ctx, id)
		switch {
		case err != nil:
			return op, err
		case op.State == s:
			return op, nil
		case op.State.Ended():
			return op, fmt.Errorf("%s is %s: %s", id, op.State, op.Cause)
		}
	}
	return bulk.Operation{}, fmt.Errorf("wait until %s is %s: %w", id, s, errTooLong)
}

func (c *clinic) awaitToken(ctx context.Context, id, wait string) error {
	for end := time.Now().Add(lookAtMost); time.Now().Before(end); c.Pause(ctx, lookEvery) {
		_, ok, err := c.Operations.Token(ctx, id, wait)
		if ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("wait for the token of %s: %w", id, errTooLong)
}

// auditLog counts audit records.
type auditLog struct {
	api   *dynamodb.Client
	table string
}

// holds polls until a partition has so many changes.
func (l auditLog) holds(ctx context.Context, partition string, changes int) error {
	have := 0
	for end := time.Now().Add(lookAtMost); time.Now().Before(end); engine.Pause(ctx, 4*lookEvery) {
		var err error
		if have, err = l.changes(ctx, partition); err != nil || have >= changes {
			return err
		}
	}
	return fmt.Errorf("wait until the audit holds %d changes, of which %d are there: %w", changes, have, errTooLong)
}

func (l auditLog) changes(ctx context.Context, partition string) (int, error) {
	pages := dynamodb.NewQueryPaginator(l.api, &dynamodb.QueryInput{
		TableName: &l.table, Select: types.SelectCount,
		KeyConditionExpression: aws.String("pk = :pk"), FilterExpression: aws.String("contains(body, :change)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": text(partition), ":change": text(`"type":"change"`),
		},
	})
	n := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		n += int(page.Count)
	}
	return n, nil
}

// onStack returns a stack of its own, deployed from the project as it is.
func (b *bench) onStack(ctx context.Context) (*stack.Stack, error) {
	if b.stack == nil {
		s, _, err := stack.Start(ctx, stack.Options{})
		if err != nil {
			return nil, err
		}
		b.closers = append(b.closers, s.Stop)
		b.stack = s
	}
	return b.stack, nil
}

package dynamo

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

// CommitGroup tries once. The engine waits, reads back and tries again: it
// knows what a lost answer means. The result item, not a request token, is what
// makes a group happen once: a token is forgotten after ten minutes.
func (o *Operations) CommitGroup(ctx context.Context, g engine.Group) error {
	const what = "commit a group"
	if refusal := impossible(g.Changes); refusal != nil {
		return refusal
	}
	writes, subjects, err := o.groupWrites(g)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if len(subjects) > bulk.MaxEdits {
		return fault.New(fault.Internal, "a group of %d edits; %d fit", len(subjects), bulk.MaxEdits)
	}
	err = o.client.transact(ctx, writes, 1)
	reasons, wasCancelled := cancelled(err)
	switch {
	case err == nil:
		return nil
	case wasCancelled:
		return judge(err, reasons, subjects)
	case refusedForNow(err):
		return busy(err, what)
	case refusedForGood(err):
		return fault.Wrap(err, fault.Internal, "%s: the database refuses the request", what)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// maxItem is the most bytes of an item, with names (AWS, DynamoDB quotas).
const maxItem = 400 << 10

// impossible refuses the subjects whose records could never hold the edits.
// They are found before anything is sent: DynamoDB may refuse the whole request
// for one, and then does not say which.
func impossible(changes []bulk.Change) *engine.Refusal {
	refusal := &engine.Refusal{}
	for _, c := range changes {
		if slices.ContainsFunc(c.Edits, func(e bulk.Edit) bool {
			size := 0
			for field, value := range e.After {
				size += len(field) + len(value)
			}
			return size > maxItem || len(e.After[registry.Name]) > maxSortKey ||
				len(e.After[registry.FacilityField]) > maxPartitionKey || len(e.After[registry.ProviderField]) > maxPartitionKey
		}) {
			refusal.Unwritable = append(refusal.Unwritable, c.Subject)
		}
	}
	if len(refusal.Unwritable) == 0 {
		return nil
	}
	return refusal
}

// judge says what the reasons of a cancelled group mean. subjects has the
// subject of each edit; the reasons of result and tally come after those.
func judge(err error, reasons []types.CancellationReason, subjects []string) error {
	const what = "commit a group"
	if len(reasons) != len(subjects)+2 {
		return busy(err, what) // cancelled, so nothing is written; why is not said
	}
	for _, recorded := range reasons[len(subjects):] {
		if is(recorded, reasonCondition) {
			return engine.ErrRecorded
		}
	}
	// While something is in the way, a failed condition may be the work of the
	// same group, delivered twice and half visible: ask again when it is not.
	if passes(reasons) {
		return busy(err, what)
	}
	changed, unwritable := map[string]bool{}, map[string]bool{}
	for n, reason := range reasons[:len(subjects)] {
		switch {
		case is(reason, reasonCondition):
			changed[subjects[n]] = true
		case is(reason, reasonValidation), is(reason, reasonSize):
			unwritable[subjects[n]] = true
		}
	}
	refusal := &engine.Refusal{}
	for n, subject := range subjects {
		if n > 0 && subjects[n-1] == subject {
			continue // edits of one subject stand together
		}
		switch {
		case changed[subject]:
			refusal.Changed = append(refusal.Changed, subject)
		case unwritable[subject]:
			refusal.Unwritable = append(refusal.Unwritable, subject)
		}
	}
	if len(refusal.Changed)+len(refusal.Unwritable) == 0 {
		return fault.Wrap(err, fault.Internal, "%s: the database refuses the request", what)
	}
	return refusal
}

// groupWrites returns the actions of a group: each edit, then result and
// tally; and the subject of each edit.
func (o *Operations) groupWrites(g engine.Group) (writes []types.TransactWriteItem, subjects []string, err error) {
	for _, c := range g.Changes {
		for _, edit := range c.Edits {
			writes = append(writes, o.editWrite(edit, g.Stamp))
			subjects = append(subjects, c.Subject)
		}
	}
	body, err := pack(g.Result)
	if err != nil {
		return nil, nil, err
	}
	result := resultKey(g.Operation, g.Result.Batch, g.Result.Group).item()
	result["body"] = body
	tally := operationKey(g.Operation, tallyPrefix+"%05d#%02d", g.Result.Batch, g.Result.Group).item()
	tally["done"], tally["skipped"], tally["failed"] = number(int64(g.Tally.Done)), number(int64(g.Tally.Skipped)), number(int64(g.Tally.Failed))
	return append(writes, putIfNew(o.table, result), putIfNew(o.table, tally)), subjects, nil
}

// editWrite is the update that makes an edit where it still holds.
func (o *Operations) editWrite(edit bulk.Edit, stamp registry.Stamp) types.TransactWriteItem {
	e := newExpression()
	if !edit.Creates() {
		e.exists()
	}
	e.absent(registry.LockedBy)
	e.holds(edit.Before)
	e.holds(edit.Reads)
	e.setFields(edit.After)
	e.stamp(stamp)
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &o.registryTable, Key: recordKey(edit.Ref).item(),
		UpdateExpression: aws.String(e.update()), ConditionExpression: aws.String(e.condition()),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	}}
}

package dynamo

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

// Operations is the Operations table. It writes the Registry table too, in
// CommitGroup and nowhere else.
type Operations struct {
	client        *Client
	table         string
	registryTable string
}

var _ engine.Operations = (*Operations)(nil)

// NewOperations returns the operations in the table, which change the records
// in registryTable; "" where no group is ever committed.
func NewOperations(c *Client, table, registryTable string) *Operations {
	return &Operations{c, table, registryTable}
}

const (
	headerSK    = "HEADER"
	eventPrefix = "EVENT#"
	// Of a header's transaction: how often it is tried while another is in the way.
	headerTries = 6
)

func errNoOperation() error { return fault.New(fault.NotFound, "There is no operation with this id.") }

func headerKey(id string) key { return operationKey(id, headerSK) }

func errNoEvent() error { return fault.New(fault.NotFound, "There is no event with this number.") }

func eventKey(id string, number int) key { return operationKey(id, eventPrefix+"%06d", number) }

// headerItem holds the header as readable JSON, and beside it what the indexes need.
func headerItem(op bulk.Operation) (item, error) {
	body, err := json.Marshal(op)
	if err != nil {
		return nil, err
	}
	i := headerKey(op.ID).item()
	i["body"] = text(string(body))
	i["version"] = number(int64(op.Version))
	i["state"] = text(string(op.State))
	i["requester"] = text(op.Requester.Sub)
	i["created"] = text(sortable(op.Created))
	i["day"] = text(op.Created.UTC().Format(time.DateOnly))
	if waits := op.WaitsFor(); waits != "" {
		i["waits_for"] = text(waits)
		i["waits_since"] = text(sortable(op.Since))
	}
	return i, nil
}

func headerOf(i item) (op bulk.Operation, err error) {
	if err := unpack(i["body"], &op); err != nil {
		return op, fmt.Errorf("decode an operation: %w", err)
	}
	return op, nil
}

func eventItem(e bulk.Event) (item, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	i := eventKey(e.Operation, e.Number).item()
	i["body"] = text(string(body))
	return i, nil
}

// headerWrites returns the actions that write a header and its event.
func (o *Operations) headerWrites(op bulk.Operation, e bulk.Event) (header, event types.TransactWriteItem, err error) {
	e.Operation, e.Number = op.ID, op.Version
	headerItem, err := headerItem(op)
	if err != nil {
		return header, event, err
	}
	eventItem, err := eventItem(e)
	if err != nil {
		return header, event, err
	}
	return putIfNew(o.table, headerItem), putIfNew(o.table, eventItem), nil
}

func (o *Operations) Create(ctx context.Context, op bulk.Operation, s bulk.Selection, requestKey string, e bulk.Event) (string, error) {
	const what = "store a new operation"
	if existing, err := o.MadeWith(ctx, op.Requester.Sub, requestKey); existing != "" || err != nil {
		return existing, err
	}
	op.Version = 1
	header, event, err := o.headerWrites(op, e)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	// Before the header, so that no header ever lacks its selection.
	pages, err := o.putSelection(ctx, op.ID, s)
	if err != nil {
		return "", err
	}
	mark := keyOfRequest(op.Requester.Sub, requestKey).item()
	mark["operation"] = text(op.ID)
	err = o.client.transact(ctx, []types.TransactWriteItem{header, event, putIfNew(o.table, mark)}, headerTries)
	reasons, wasCancelled := cancelled(err)
	if !wasCancelled {
		if err != nil {
			return "", written(err, what)
		}
		return "", nil
	}
	o.dropSelection(ctx, pages)
	switch {
	case len(reasons) == 3 && is(reasons[2], reasonCondition): // by the same request, sent twice at once
		return o.MadeWith(ctx, op.Requester.Sub, requestKey)
	case len(reasons) == 3 && is(reasons[0], reasonCondition):
		return "", fault.New(fault.Conflict, "An operation with the id %s exists already.", op.ID)
	case passes(reasons):
		return "", busy(err, what)
	}
	return "", fmt.Errorf("%s: %w", what, err)
}

func keyOfRequest(requester, used string) key { return key{"KEY#" + requester, used} }

func (o *Operations) MadeWith(ctx context.Context, requester, used string) (string, error) {
	i, err := o.client.get(ctx, o.table, keyOfRequest(requester, used))
	if err != nil {
		return "", failed(err, "look up a request's key")
	}
	return textOf(i["operation"]), nil
}

func (o *Operations) Operation(ctx context.Context, id string) (bulk.Operation, error) {
	k := headerKey(id)
	if !k.possible() {
		return bulk.Operation{}, errNoOperation()
	}
	i, err := o.client.get(ctx, o.table, k)
	if err != nil {
		return bulk.Operation{}, failed(err, "read an operation")
	}
	if i == nil {
		return bulk.Operation{}, errNoOperation()
	}
	return headerOf(i)
}

func (o *Operations) OperationsByID(ctx context.Context, ids []string) (map[string]bulk.Operation, error) {
	keys := make([]key, len(ids))
	for i, id := range ids {
		keys[i] = headerKey(id)
	}
	headers := make(map[string]bulk.Operation, len(ids))
	var broken error
	err := o.client.readAll(ctx, o.table, keys, false, func(i item) {
		op, err := headerOf(i)
		if err != nil {
			broken = err
		}
		headers[op.ID] = op
	})
	if err != nil {
		return nil, failed(err, "read operations")
	}
	return headers, broken
}

func (o *Operations) Update(ctx context.Context, op bulk.Operation, e bulk.Event, mails ...string) error {
	const what = "write an operation"
	read := op.Version
	op.Version++
	header, event, err := o.headerWrites(op, e)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	header.Put.ConditionExpression = aws.String("version = :read")
	header.Put.ExpressionAttributeValues = item{":read": number(int64(read))}
	writes := []types.TransactWriteItem{header, event}
	for _, mail := range mails {
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{TableName: &o.table, Item: dueMail(op.ID, mail, e.At)}})
	}
	err = o.client.transact(ctx, writes, headerTries)
	reasons, wasCancelled := cancelled(err)
	switch {
	case err == nil:
		return nil
	case !wasCancelled:
		return written(err, what)
	case len(reasons) > 0 && is(reasons[0], reasonCondition):
		return fault.New(fault.Conflict, "The operation has moved on since it was read.")
	case passes(reasons):
		return busy(err, what)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Event returns one event of an operation; fault.NotFound where there is none of
// the number.
func (o *Operations) Event(ctx context.Context, id string, number int) (e bulk.Event, err error) {
	k := eventKey(id, number)
	if !k.possible() {
		return e, errNoEvent()
	}
	i, err := o.client.get(ctx, o.table, k)
	switch {
	case err != nil:
		return e, failed(err, "read an event")
	case i == nil:
		return e, errNoEvent()
	}
	if err := unpack(i["body"], &e); err != nil {
		return e, fmt.Errorf("decode an event: %w", err)
	}
	return e, nil
}

func (o *Operations) Events(ctx context.Context, id string) ([]bulk.Event, error) {
	var events []bulk.Event
	for i, err := range o.client.query(ctx, "read an operation's events", partition(o.table, operationPrefix+id, eventPrefix)) {
		if err != nil {
			return nil, err
		}
		var e bulk.Event
		if err := unpack(i["body"], &e); err != nil {
			return nil, fmt.Errorf("decode an event: %w", err)
		}
		events = append(events, e)
	}
	return events, nil
}

func (o *Operations) Open(ctx context.Context, what string) iter.Seq2[string, error] {
	return o.list(ctx, "open", "waits_for", what, false)
}

func (o *Operations) ByRequester(ctx context.Context, sub string) iter.Seq2[string, error] {
	return o.list(ctx, "by-requester", "requester", sub, true)
}

func (o *Operations) ByDay(ctx context.Context, day string) iter.Seq2[string, error] {
	return o.list(ctx, "by-day", "day", day, true)
}

func (o *Operations) list(ctx context.Context, index, attribute, value string, newestFirst bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i, err := range o.client.lookup(ctx, "list operations", o.table, index, attribute, value, newestFirst) {
			if !yield(operationOf(i), err) || err != nil {
				return
			}
		}
	}
}

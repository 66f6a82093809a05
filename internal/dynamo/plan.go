package dynamo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/packed"
)

const (
	selectionPrefix = "SELECTION#"
	// A page of a selection: some ten thousand ids. A write unit is spent for each KB.
	selectionPage = 300_000
)

// putOnce writes an item where there is none with its key; conflict is true
// when there is one. The mark tells this call's own item, which a repeat after
// a lost answer finds, from somebody else's.
func (o *Operations) putOnce(ctx context.Context, i item) (conflict bool, err error) {
	mark := rand.Text()
	i["mark"] = text(mark)
	err = o.client.put(ctx, o.table, i, "attribute_not_exists(pk)")
	if there := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &there) {
		return textOf(there.Item["mark"]) != mark, nil
	}
	return false, err
}

// putSelection stores a selection in as many pages as it takes and returns their keys.
func (o *Operations) putSelection(ctx context.Context, id string, s bulk.Selection) ([]key, error) {
	const what = "store a selection"
	plain, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	var stored []key
	parts := slices.Collect(slices.Chunk(packed.Deflate(plain), selectionPage))
	for n, part := range parts {
		k := operationKey(id, selectionPrefix+"%04d", n+1)
		i := k.item()
		i["body"] = &types.AttributeValueMemberB{Value: part}
		i["pages"] = number(int64(len(parts)))
		conflict, err := o.putOnce(ctx, i)
		if conflict {
			err = fault.New(fault.Conflict, "An operation with the id %s exists already.", id)
		} else if err != nil {
			err = written(err, what)
		}
		if err != nil {
			o.dropSelection(ctx, stored)
			return nil, err
		}
		stored = append(stored, k)
	}
	return stored, nil
}

// dropSelection removes the pages of an operation that was not stored after
// all. Pages that stay behind are found by nobody.
func (o *Operations) dropSelection(ctx context.Context, pages []key) {
	for _, k := range pages {
		if _, err := o.client.remove(ctx, o.table, k, ""); err != nil {
			return
		}
	}
}

func (o *Operations) Selection(ctx context.Context, id string) (bulk.Selection, error) {
	var parts bytes.Buffer
	var s bulk.Selection
	read, pages := 0, 0
	for i, err := range o.client.query(ctx, "read a selection", partition(o.table, operationPrefix+id, selectionPrefix)) {
		if err != nil {
			return s, err
		}
		if part, ok := i["body"].(*types.AttributeValueMemberB); ok {
			parts.Write(part.Value)
		}
		pages = int(numberOf(i["pages"]))
		read++
	}
	if read == 0 {
		return s, errNoOperation()
	}
	if read != pages {
		return s, fmt.Errorf("read a selection: %d of %d pages are there", read, pages)
	}
	if err := packed.Inflate(parts.Bytes(), &s); err != nil {
		return s, fmt.Errorf("decode a selection: %w", err)
	}
	return s, nil
}

func batchKey(id, run string, number int) key {
	return operationKey(id, "PLAN#%s#BATCH#%05d", run, number)
}

func exclusionsKey(id, run string, page int) key {
	return operationKey(id, "PLAN#%s#EXCLUDED#%05d", run, page)
}

func listedKey(id, run string, list, page int) key {
	return operationKey(id, "PLAN#%s#LISTED#%05d#%04d", run, list, page)
}

func (o *Operations) PutBatch(ctx context.Context, id, run string, b bulk.Batch) error {
	return o.putPart(ctx, batchKey(id, run, b.Number), b)
}

func (o *Operations) PutExclusions(ctx context.Context, id, run string, page int, x []bulk.Exclusion) error {
	return o.putPart(ctx, exclusionsKey(id, run, page), x)
}

func (o *Operations) PutListed(ctx context.Context, id, run string, list, page int, patients []string) error {
	return o.putPart(ctx, listedKey(id, run, list, page), patients)
}

func subjectsPrefix(run string) string { return "PLAN#" + run + "#SUBJECTS#" }

func (o *Operations) PutSubjects(ctx context.Context, id, run string, s bulk.Subjects) error {
	page := 0
	for part := range slices.Chunk(s, selectionPage) {
		page++
		i := operationKey(id, "%s%04d", subjectsPrefix(run), page).item()
		i["marks"] = &types.AttributeValueMemberB{Value: part}
		if err := o.client.put(ctx, o.table, i, ""); err != nil {
			return failed(err, "store the subjects of a plan")
		}
	}
	return nil
}

func (o *Operations) Subjects(ctx context.Context, id, run string) (bulk.Subjects, error) {
	var s bulk.Subjects
	for i, err := range o.client.query(ctx, "read the subjects of a plan", partition(o.table, operationPrefix+id, subjectsPrefix(run))) {
		if err != nil {
			return nil, err
		}
		if part, ok := i["marks"].(*types.AttributeValueMemberB); ok {
			s = append(s, part.Value...)
		}
	}
	return s, nil
}

func (o *Operations) putPart(ctx context.Context, k key, part any) error {
	const what = "store a part of a plan"
	body, err := pack(part)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	i := k.item()
	i["body"] = body
	conflict, err := o.putOnce(ctx, i)
	if conflict {
		return fault.New(fault.Conflict, "This part of the plan is already stored.")
	}
	if err != nil {
		return written(err, what)
	}
	return nil
}

func (o *Operations) Batch(ctx context.Context, id, run string, number int) (bulk.Batch, error) {
	var b bulk.Batch
	found, err := o.readBody(ctx, batchKey(id, run, number), &b, "read a batch")
	if err == nil && !found {
		err = fault.New(fault.NotFound, "The plan has no batch %d.", number)
	}
	return b, err
}

func (o *Operations) Exclusions(ctx context.Context, id, run string, page int) ([]bulk.Exclusion, error) {
	var x []bulk.Exclusion
	found, err := o.readBody(ctx, exclusionsKey(id, run, page), &x, "read exclusions")
	if err == nil && !found {
		err = fault.New(fault.NotFound, "The plan has no page %d of exclusions.", page)
	}
	return x, err
}

func (o *Operations) Listed(ctx context.Context, id, run string, list, page int) ([]string, error) {
	var patients []string
	found, err := o.readBody(ctx, listedKey(id, run, list, page), &patients, "read a list of patients")
	if err == nil && !found {
		err = fault.New(fault.NotFound, "The list %d has no page %d.", list, page)
	}
	return patients, err
}

// readBody reads the body of an item into v.
func (o *Operations) readBody(ctx context.Context, k key, v any, what string) (found bool, err error) {
	i, err := o.client.get(ctx, o.table, k)
	if err != nil {
		return false, failed(err, what)
	}
	if i == nil {
		return false, nil
	}
	if err := unpack(i["body"], v); err != nil {
		return false, fmt.Errorf("%s: %w", what, err)
	}
	return true, nil
}

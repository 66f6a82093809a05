package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

const writtenPrefix, sealedPrefix = "WRITTEN#", "SEALED#"

func writtenKey(id, attempt string) key { return operationKey(id, writtenPrefix+"%s", attempt) }
func sealedKey(id, attempt string) key  { return operationKey(id, sealedPrefix+"%s", attempt) }

// PutWritten stores the sealed passphrase first, in an item of its own that can
// be deleted: where Written finds something, the passphrase was there.
func (o *Operations) PutWritten(ctx context.Context, id, attempt string, w engine.Written, sealed []byte) error {
	const what = "store what an export wrote"
	body, err := pack(w)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if b, ok := body.(*types.AttributeValueMemberB); ok && len(b.Value) > maxBody {
		return fault.New(fault.TooLarge, "Too many patients have left their facilities since the preview. Make a new plan.")
	}
	secret := sealedKey(id, attempt).item()
	secret["sealed"] = &types.AttributeValueMemberB{Value: sealed}
	report := writtenKey(id, attempt).item()
	report["body"] = body
	for _, i := range []item{secret, report} {
		conflict, err := o.putOnce(ctx, i)
		if conflict {
			return fault.New(fault.Conflict, "What this attempt wrote is already stored.")
		}
		if err != nil {
			return written(err, what)
		}
	}
	return nil
}

func (o *Operations) Written(ctx context.Context, id, attempt string) (engine.Written, error) {
	var w engine.Written
	found, err := o.readBody(ctx, writtenKey(id, attempt), &w, "read what an export wrote")
	if err == nil && !found {
		err = fault.New(fault.NotFound, "Nothing is stored of this attempt.")
	}
	return w, err
}

func (o *Operations) Sealed(ctx context.Context, id, attempt string) (sealed []byte, ok bool, err error) {
	i, err := o.client.get(ctx, o.table, sealedKey(id, attempt))
	if err != nil {
		return nil, false, failed(err, "read a sealed passphrase")
	}
	b, ok := i["sealed"].(*types.AttributeValueMemberB)
	if !ok {
		return nil, false, nil
	}
	return b.Value, true, nil
}

func (o *Operations) DeleteSealed(ctx context.Context, id, attempt string) error {
	if _, err := o.client.remove(ctx, o.table, sealedKey(id, attempt), ""); err != nil {
		return failed(err, "delete a sealed passphrase")
	}
	return nil
}

func (o *Operations) DeleteAttempts(ctx context.Context, id string) error {
	const what = "delete what the attempts at an export have stored"
	for _, prefix := range []string{sealedPrefix, writtenPrefix} {
		for i, err := range o.client.query(ctx, what, partition(o.table, operationPrefix+id, prefix)) {
			if err != nil {
				return err
			}
			if _, err := o.client.remove(ctx, o.table, key{textOf(i["pk"]), textOf(i["sk"])}, ""); err != nil {
				return failed(err, what)
			}
		}
	}
	return nil
}

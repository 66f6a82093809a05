package dynamo

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/bulk"
)

const (
	resultPrefix = "RESULT#"
	tallyPrefix  = "TALLY#"
)

func resultKey(id string, batch, group int) key {
	return operationKey(id, resultPrefix+"%05d#%02d", batch, group)
}

func (o *Operations) Result(ctx context.Context, id string, batch, group int) (r bulk.Result, ok bool, err error) {
	ok, err = o.readBody(ctx, resultKey(id, batch, group), &r, "read a result")
	return r, ok, err
}

func (o *Operations) Results(ctx context.Context, id string) iter.Seq2[bulk.Result, error] {
	return func(yield func(bulk.Result, error) bool) {
		for i, err := range o.client.query(ctx, "read results", partition(o.table, operationPrefix+id, resultPrefix)) {
			var r bulk.Result
			if err == nil {
				if err = unpack(i["body"], &r); err != nil {
					err = fmt.Errorf("decode a result: %w", err)
				}
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// Progress reads the latest tallies: with older ones it could go back.
func (o *Operations) Progress(ctx context.Context, id string) (bulk.Tally, error) {
	var sum bulk.Tally
	for i, err := range o.client.query(ctx, "read the progress", partition(o.table, operationPrefix+id, tallyPrefix)) {
		if err != nil {
			return bulk.Tally{}, err
		}
		sum = sum.Plus(bulk.Tally{Done: int(numberOf(i["done"])), Skipped: int(numberOf(i["skipped"])), Failed: int(numberOf(i["failed"]))})
	}
	return sum, nil
}

func noticeKey(id string, batch, change int) key {
	return operationKey(id, "NOTICE#%05d#%03d", batch, change)
}

func (o *Operations) Claim(ctx context.Context, id string, batch, change int, c bulk.Claim) (bulk.Claim, error) {
	const what = "claim a notice"
	i, err := noticeItem(noticeKey(id, batch, change), c)
	if err != nil {
		return bulk.Claim{}, fmt.Errorf("%s: %w", what, err)
	}
	err = o.client.put(ctx, o.table, i, "attribute_not_exists(pk)")
	if there := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &there) {
		var held bulk.Claim
		if err := unpack(there.Item["body"], &held); err != nil {
			return held, fmt.Errorf("%s: %w", what, err)
		}
		return held, nil
	}
	if err != nil {
		return bulk.Claim{}, written(err, what)
	}
	return c, nil
}

func (o *Operations) PutOutcome(ctx context.Context, id string, batch, change int, c bulk.Claim) error {
	const what = "store what became of a notice"
	i, err := noticeItem(noticeKey(id, batch, change), c)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := o.client.put(ctx, o.table, i, ""); err != nil {
		return written(err, what)
	}
	return nil
}

// noticeItem has, beside the body, what the audit reads from the stream.
func noticeItem(k key, c bulk.Claim) (item, error) {
	body, err := pack(c)
	if err != nil {
		return nil, err
	}
	i := k.item()
	i["body"], i["recipient"] = body, text(c.Recipient)
	if c.Outcome != nil {
		i["outcome"] = text(string(c.Outcome.State))
	}
	return i, nil
}

// tokenKey has the token's hash: tokens may be longer than a key.
func tokenKey(id, wait, token string) key {
	return operationKey(id, "%s%x", tokenPrefix(wait), sha256.Sum256([]byte(token)))
}

func tokenPrefix(wait string) string { return "TOKEN#" + wait + "#" }

// PutToken lists the token among the open ones by the machine's clock: only
// their order hangs on it.
func (o *Operations) PutToken(ctx context.Context, id, wait, token string) error {
	i := tokenKey(id, wait, token).item()
	i["task_token"] = text(token)
	i["waits_for"] = text(bulk.WaitsForAnswer)
	i["waits_since"] = text(sortable(time.Now()))
	if err := o.client.put(ctx, o.table, i, ""); err != nil {
		return failed(err, "store a token")
	}
	return nil
}

func (o *Operations) Token(ctx context.Context, id, wait string) (token string, ok bool, err error) {
	for i, err := range o.client.query(ctx, "read a token", partition(o.table, operationPrefix+id, tokenPrefix(wait))) {
		return textOf(i["task_token"]), err == nil, err
	}
	return "", false, nil
}

func (o *Operations) DeleteToken(ctx context.Context, id, wait, token string) error {
	if _, err := o.client.remove(ctx, o.table, tokenKey(id, wait, token), ""); err != nil {
		return failed(err, "forget a token")
	}
	return nil
}

const mailPrefix = "MAIL#"

func mailKey(id, mail string) key { return operationKey(id, "%s%s", mailPrefix, mail) }

// dueMail is listed among the open ones; a settled mail stays, without that.
func dueMail(id, mail string, since time.Time) item {
	i := mailKey(id, mail).item()
	i["waits_for"] = text(bulk.WaitsForMail)
	i["waits_since"] = text(sortable(since))
	return i
}

func (o *Operations) MailsDue(ctx context.Context, id string) (mails []string, err error) {
	for i, err := range o.client.query(ctx, "read the mails that are due", partition(o.table, operationPrefix+id, mailPrefix)) {
		if err != nil {
			return nil, err
		}
		if i["waits_for"] != nil {
			mails = append(mails, strings.TrimPrefix(textOf(i["sk"]), mailPrefix))
		}
	}
	return mails, nil
}

func (o *Operations) SettleMail(ctx context.Context, id, mail string) error {
	if err := o.client.put(ctx, o.table, mailKey(id, mail).item(), ""); err != nil {
		return failed(err, "settle a mail")
	}
	return nil
}

package dynamo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Staff is the staff directory and the references of approval mails, in the
// Access table.
type Staff struct {
	client *Client
	table  string
}

var _ engine.Staff = (*Staff)(nil)

// NewStaff returns the staff directory in the table.
func NewStaff(c *Client, table string) *Staff { return &Staff{c, table} }

const (
	staffPrefix  = "STAFF#"
	staffSK      = "STAFF"
	approvalKind = "APPROVAL"
)

// Person reads the latest entry: a right that was taken away is gone at once.
func (s *Staff) Person(ctx context.Context, sub string) (staff.Person, error) {
	i, err := s.client.get(ctx, s.table, personKey(sub))
	if err != nil {
		return staff.Person{}, failed(err, "read a staff entry")
	}
	if i == nil {
		return staff.Person{}, fault.New(fault.NotFound, "This person is not in the staff directory.")
	}
	return personOf(i), nil
}

func (s *Staff) People(ctx context.Context, role staff.Role) ([]staff.Person, error) {
	var people []staff.Person
	for i, err := range s.client.lookup(ctx, "list staff", s.table, "by-role", "role", string(role), false) {
		if err != nil {
			return nil, err
		}
		people = append(people, personOf(i))
	}
	return people, nil
}

// personTries is how often a write of an entry is tried while others are in the way.
const personTries = 4

func (s *Staff) WritePerson(ctx context.Context, p, by staff.Person) error {
	i := personItem(p)
	i[registry.StampVersion], i[registry.StampBy] = number(int64(p.Version)+1), text(by.Name)
	if by.Sub != "" {
		i[registry.StampSub] = text(by.Sub)
	}
	put := putIfNew(s.table, i)
	if p.Version > 0 {
		put.Put.ConditionExpression, put.Put.ExpressionAttributeValues = s.atVersion(p)
	}
	writes := []types.TransactWriteItem{put}
	if by.Sub != "" && by.Sub != p.Sub {
		check := &types.ConditionCheck{TableName: &s.table, Key: personKey(by.Sub).item()}
		check.ConditionExpression, check.ExpressionAttributeValues = s.atVersion(by)
		writes = append(writes, types.TransactWriteItem{ConditionCheck: check})
	}
	err := s.client.transact(ctx, writes, personTries)
	if reasons, ok := cancelled(err); ok && slices.ContainsFunc(reasons, func(r types.CancellationReason) bool { return is(r, reasonCondition) }) {
		return fault.New(fault.Conflict, "Somebody changed the staff directory at the same moment.")
	}
	if err != nil {
		return failed(err, "write a staff entry")
	}
	return nil
}

func (s *Staff) atVersion(p staff.Person) (*string, item) {
	return aws.String(registry.StampVersion + " = :version"), item{":version": number(int64(p.Version))}
}

// PutPerson stores an entry of the staff directory, replacing an older one
// whatever its version: for a clinic that is set up, not for one at work.
func (s *Staff) PutPerson(ctx context.Context, p staff.Person) error {
	for {
		was, err := s.Person(ctx, p.Sub)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		p.Version = was.Version
		if err = s.WritePerson(ctx, p, staff.Person{Name: settingUp}); !fault.Is(err, fault.Conflict) {
			return err
		}
	}
}

func personKey(sub string) key { return key{staffPrefix + sub, staffSK} }

func personItem(p staff.Person) item {
	i := personKey(p.Sub).item()
	i["name"], i["email"], i["role"] = text(p.Name), text(p.Email), text(string(p.Role))
	i["facilities"] = texts(p.Facilities)
	i["disabled"] = &types.AttributeValueMemberBOOL{Value: p.Disabled}
	for name, value := range map[string]string{"away_from": p.Away.From, "away_until": p.Away.Until, "delegate": p.Away.Delegate} {
		if value != "" {
			i[name] = text(value)
		}
	}
	return i
}

func personOf(i item) staff.Person {
	return staff.Person{
		Sub: textOf(i["pk"])[len(staffPrefix):], Name: textOf(i["name"]), Email: textOf(i["email"]),
		Role: staff.Role(textOf(i["role"])), Facilities: textsOf(i["facilities"]), Disabled: isTrue(i["disabled"]),
		Away:    staff.Absence{From: textOf(i["away_from"]), Until: textOf(i["away_until"]), Delegate: textOf(i["delegate"])},
		Version: int(numberOf(i[registry.StampVersion])),
	}
}

func (s *Staff) PutApprovalRef(ctx context.Context, ref string, a engine.ApprovalRef, expires time.Time) error {
	i := secretKey(approvalKind, ref).item()
	i["operation"], i["approver"], i["expires"] = text(a.Operation), text(a.Approver), number(expires.Unix())
	if err := s.client.put(ctx, s.table, i, ""); err != nil {
		return failed(err, "store an approval reference")
	}
	return nil
}

func (s *Staff) ApprovalRef(ctx context.Context, ref string, now time.Time) (engine.ApprovalRef, error) {
	i, err := s.client.get(ctx, s.table, secretKey(approvalKind, ref))
	if err != nil {
		return engine.ApprovalRef{}, failed(err, "read an approval reference")
	}
	if i == nil || expired(i, now) {
		return engine.ApprovalRef{}, fault.New(fault.NotFound, "This link is unknown or has expired.")
	}
	return engine.ApprovalRef{Operation: textOf(i["operation"]), Approver: textOf(i["approver"])}, nil
}

// expired judges by the item's own time: DynamoDB removes expired items when
// it finds the time, up to days later.
func expired(i item, now time.Time) bool { return now.Unix() >= numberOf(i["expires"]) }

// Access keeps what expires about people at the portal, in the Access table:
// sessions, sign-ins under way, forms. A kind such as SESSION is part of the
// key; ids are stored only as hashes.
type Access struct {
	client *Client
	table  string
}

// NewAccess returns what the portal keeps in the table.
func NewAccess(c *Client, table string) *Access { return &Access{c, table} }

// Put stores v under a kind and an id until expires, replacing what was there.
func (a *Access) Put(ctx context.Context, kind, id string, v any, expires time.Time) error {
	return a.put(ctx, kind, id, v, expires, "")
}

// Replace is Put where something is stored; fault.NotFound elsewhere.
func (a *Access) Replace(ctx context.Context, kind, id string, v any, expires time.Time) error {
	return a.put(ctx, kind, id, v, expires, "attribute_exists(pk)")
}

func (a *Access) put(ctx context.Context, kind, id string, v any, expires time.Time, condition string) error {
	body, err := pack(v)
	if err != nil {
		return fmt.Errorf("encode a %s: %w", kind, err)
	}
	if b, ok := body.(*types.AttributeValueMemberB); ok && len(b.Value) > maxBody {
		return fault.New(fault.TooLarge, "This form holds more than can be kept. Upload long lists as a CSV file instead.")
	}
	i := secretKey(kind, id).item()
	i["body"], i["expires"] = body, number(expires.Unix())
	err = a.client.put(ctx, a.table, i, condition)
	if conditionFailed(err) {
		return gone()
	}
	if err != nil {
		return failed(err, "store a "+kind)
	}
	return nil
}

// Get reads into v what is stored; fault.NotFound when absent or expired.
func (a *Access) Get(ctx context.Context, kind, id string, v any, now time.Time) error {
	i, err := a.client.get(ctx, a.table, secretKey(kind, id))
	if err != nil {
		return failed(err, "read a "+kind)
	}
	return openAccess(i, kind, v, now)
}

// Delete removes what is stored, if anything.
func (a *Access) Delete(ctx context.Context, kind, id string) error {
	if _, err := a.client.remove(ctx, a.table, secretKey(kind, id), ""); err != nil {
		return failed(err, "delete a "+kind)
	}
	return nil
}

// Take is Get and Delete in one: of several calls at once, at most one
// succeeds. Where its answer is lost, none does.
func (a *Access) Take(ctx context.Context, kind, id string, v any, now time.Time) error {
	// Without the condition DynamoDB Local gives the item to two at once.
	i, err := a.client.remove(ctx, a.table, secretKey(kind, id), "attribute_exists(pk)")
	if err != nil && !conditionFailed(err) {
		return failed(err, "take a "+kind)
	}
	return openAccess(i, kind, v, now)
}

func openAccess(i item, kind string, v any, now time.Time) error {
	if i == nil || expired(i, now) {
		return gone()
	}
	if err := unpack(i["body"], v); err != nil {
		return fmt.Errorf("decode a %s: %w", kind, err)
	}
	return nil
}

func gone() error { return fault.New(fault.NotFound, "This has expired or was never there.") }

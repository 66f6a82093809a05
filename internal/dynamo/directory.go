package dynamo

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

const (
	facilityPartition = "FACILITY"
	providerPartition = "PROVIDER"
)

// settingUp is in whose name the audit has what was stored while a clinic was
// set up or imported.
const settingUp = "a set-up or import at a terminal"

func setUp() registry.Stamp { return registry.Stamp{By: settingUp, At: time.Now()} }

// PutFacility stores a facility, replacing the one with its id.
func (r *Registry) PutFacility(ctx context.Context, f registry.Facility) error {
	if err := r.client.put(ctx, r.table, stamped(facilityItem(f), setUp()), ""); err != nil {
		return failed(err, "store a facility")
	}
	return nil
}

// PutProvider stores a provider, replacing the one with its id.
func (r *Registry) PutProvider(ctx context.Context, p registry.Provider) error {
	if err := r.client.put(ctx, r.table, stamped(providerItem(p), setUp()), ""); err != nil {
		return failed(err, "store a provider")
	}
	return nil
}

func (r *Registry) WriteFacility(ctx context.Context, f registry.Facility, s registry.Stamp) error {
	version := f.Version
	f.Version++
	return r.writeAtVersion(ctx, "write a facility", facilityItem(f), version, s)
}

func (r *Registry) WriteProvider(ctx context.Context, p registry.Provider, s registry.Stamp) error {
	version := p.Version
	p.Version++
	return r.writeAtVersion(ctx, "write a provider", providerItem(p), version, s)
}

// writeAtVersion puts an item where the stored one has the version. One that was
// put without any has version 0.
func (r *Registry) writeAtVersion(ctx context.Context, what string, i item, version int, s registry.Stamp) error {
	i = stamped(i, s)
	condition := "version = :version"
	if version == 0 {
		condition = "attribute_exists(pk) AND (attribute_not_exists(version) OR version = :version)"
	}
	out, err := r.client.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &r.table, Item: i, ConditionExpression: &condition,
		ExpressionAttributeValues: item{":version": number(int64(version))}, ReturnConsumedCapacity: r.client.Meter.wanted()})
	if conditionFailed(err) {
		return fault.New(fault.Conflict, "Somebody has changed it since.")
	}
	if err != nil {
		return failed(err, what)
	}
	r.client.Meter.write(out.ConsumedCapacity)
	return nil
}

func facilityItem(f registry.Facility) item {
	i := key{facilityPartition, f.ID}.item()
	i["name"], i["time_zone"], i["default_provider"] = text(f.Name), text(f.TimeZone), text(f.DefaultProvider)
	i["capacity"], i["email"], i["version"] = number(int64(f.Capacity)), text(f.Email), number(int64(f.Version))
	i["hours"], i["lunch"], i["prefers"], i["closed"] = text(f.Hours.String()), text(f.Lunch.String()), text(f.Prefers.String()), daysTexts(f.Closed)
	return i
}

func providerItem(p registry.Provider) item {
	i := key{providerPartition, p.ID}.item()
	i["name"], i["specialty"], i["facilities"] = text(p.Name), text(p.Specialty), texts(p.Facilities)
	i["limit"], i["email"], i["version"] = number(int64(p.Limit)), text(p.Email), number(int64(p.Version))
	i["hours"], i["away"], i["daily"] = text(p.Hours.String()), daysTexts(p.Away), number(int64(p.Daily))
	i["active"] = &types.AttributeValueMemberBOOL{Value: p.Active}
	return i
}

func (r *Registry) Directory(ctx context.Context) (registry.Directory, error) {
	var d registry.Directory
	for i, err := range r.client.query(ctx, "read the facilities", partition(r.table, facilityPartition, "")) {
		if err != nil {
			return registry.Directory{}, err
		}
		f := registry.Facility{
			ID: textOf(i["sk"]), Name: textOf(i["name"]), TimeZone: textOf(i["time_zone"]), DefaultProvider: textOf(i["default_provider"]),
			Capacity: int(numberOf(i["capacity"])), Closed: daysOf(i["closed"]), Email: textOf(i["email"]), Version: int(numberOf(i["version"])),
		}
		f.Hours, _ = registry.ParseWeek(textOf(i["hours"])) // what cannot be read is as if it had not been said
		f.Lunch, _ = registry.ParseSpan(textOf(i["lunch"]))
		f.Prefers, _ = registry.ParseSpan(textOf(i["prefers"]))
		d.Facilities = append(d.Facilities, f)
	}
	for i, err := range r.client.query(ctx, "read the providers", partition(r.table, providerPartition, "")) {
		if err != nil {
			return registry.Directory{}, err
		}
		p := registry.Provider{
			ID: textOf(i["sk"]), Name: textOf(i["name"]), Specialty: textOf(i["specialty"]), Facilities: textsOf(i["facilities"]), Active: isTrue(i["active"]),
			Limit: int(numberOf(i["limit"])), Away: daysOf(i["away"]), Daily: int(numberOf(i["daily"])), Email: textOf(i["email"]), Version: int(numberOf(i["version"])),
		}
		p.Hours, _ = registry.ParseWeek(textOf(i["hours"]))
		d.Providers = append(d.Providers, p)
	}
	slices.SortStableFunc(d.Facilities, func(a, b registry.Facility) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(d.Providers, func(a, b registry.Provider) int { return strings.Compare(a.Name, b.Name) })
	return d, nil
}

// texts is a list of texts.
func texts(values []string) types.AttributeValue {
	list := make([]types.AttributeValue, len(values))
	for i, v := range values {
		list[i] = text(v)
	}
	return &types.AttributeValueMemberL{Value: list}
}

// textsOf returns the texts of a list, nil where it is none or empty.
func textsOf(v types.AttributeValue) []string {
	list, ok := v.(*types.AttributeValueMemberL)
	if !ok || len(list.Value) == 0 {
		return nil
	}
	values := make([]string, len(list.Value))
	for i, v := range list.Value {
		values[i] = textOf(v)
	}
	return values
}

// daysTexts are days as a list of texts, and daysOf reads it.
func daysTexts(days []registry.Days) types.AttributeValue {
	list := make([]string, len(days))
	for i, d := range days {
		list[i] = d.String()
	}
	return texts(list)
}

func daysOf(v types.AttributeValue) []registry.Days {
	var days []registry.Days
	for _, t := range textsOf(v) {
		if d, err := registry.ParseDays(t); err == nil {
			days = append(days, d)
		}
	}
	return days
}

func isTrue(v types.AttributeValue) bool {
	b, ok := v.(*types.AttributeValueMemberBOOL)
	return ok && b.Value
}

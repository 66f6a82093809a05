package dynamo

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

// Registry is the Registry table.
type Registry struct {
	client *Client
	table  string
}

var (
	_ engine.Registry = (*Registry)(nil)
	_ engine.Places   = (*Registry)(nil)
)

// NewRegistry returns the registry in the table.
func NewRegistry(c *Client, table string) *Registry { return &Registry{c, table} }

func (r *Registry) Patients(ctx context.Context, ids []string) (map[string]registry.Patient, error) {
	keys := make([]key, len(ids))
	for i, id := range ids {
		keys[i] = recordKey(registry.ProfileRef(id))
	}
	patients := make(map[string]registry.Patient, len(ids))
	err := r.client.readAll(ctx, r.table, keys, false, func(i item) {
		p := registry.Patient{Record: recordOf(i)}
		patients[p.ID()] = p
	})
	if err != nil {
		return nil, failed(err, "read patients")
	}
	return patients, nil
}

// PatientIDs lists only profiles that have a name: the index is sorted by it.
func (r *Registry) PatientIDs(ctx context.Context, facility string) iter.Seq2[string, error] {
	return r.patientIDs(ctx, "patients-by-facility", registry.FacilityField, facility)
}

func (r *Registry) CountPatients(ctx context.Context, facility string, most int) (int, error) {
	in := dynamodb.QueryInput{
		TableName:                 &r.table,
		IndexName:                 aws.String("patients-by-facility"),
		KeyConditionExpression:    aws.String("#key = :key"),
		ExpressionAttributeNames:  map[string]string{"#key": registry.FacilityField},
		ExpressionAttributeValues: item{":key": text(facility)},
		Select:                    types.SelectCount,
		ReturnConsumedCapacity:    r.client.Meter.wanted(),
	}
	counted := 0
	for counted < most && facility != "" {
		in.Limit = aws.Int32(int32(most - counted))
		out, err := r.client.api.Query(ctx, &in)
		if err != nil {
			return 0, failed(err, "count patients")
		}
		r.client.Meter.read(out.ConsumedCapacity)
		counted += int(out.Count)
		if len(out.LastEvaluatedKey) == 0 {
			break
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
	return counted, nil
}

func (r *Registry) PatientIDsOf(ctx context.Context, provider string) iter.Seq2[string, error] {
	return r.patientIDs(ctx, "patients-by-provider", registry.ProviderField, provider)
}

func (r *Registry) patientIDs(ctx context.Context, index, attribute, value string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i, err := range r.client.lookup(ctx, "list patients", r.table, index, attribute, value, false) {
			if !yield(refOf(i).Patient, err) || err != nil {
				return
			}
		}
	}
}

func (r *Registry) Records(ctx context.Context, refs []registry.Ref) (map[registry.Ref]registry.Record, error) {
	keys := make([]key, len(refs))
	for i, ref := range refs {
		keys[i] = recordKey(ref)
	}
	records := make(map[registry.Ref]registry.Record, len(refs))
	err := r.client.readAll(ctx, r.table, keys, true, func(i item) { records[refOf(i)] = recordOf(i) })
	if err != nil {
		return nil, failed(err, "read records")
	}
	return records, nil
}

func (r *Registry) Parts(ctx context.Context, patient string) ([]registry.Record, error) {
	if !recordKey(registry.ProfileRef(patient)).possible() {
		return nil, nil
	}
	var parts []registry.Record
	for i, err := range r.client.query(ctx, "read a patient's records", partition(r.table, patientPrefix+patient, "")) {
		if err != nil {
			return nil, err
		}
		if r := recordOf(i); !r.Empty() {
			parts = append(parts, r)
		}
	}
	return parts, nil
}

// Calendar reads the slots, then the visits that the index has and those that
// the slots are held for, which the index may not have yet, each as it is now.
func (r *Registry) Calendar(ctx context.Context, provider string, from, to time.Time) (visits, slots []registry.Record, err error) {
	first, last := from.UTC().Format(registry.VisitTime), to.UTC().Add(-time.Second).Format(registry.VisitTime)
	held := recordKey(registry.SlotRef(provider, from)).pk
	if provider == "" || len(held) > maxPartitionKey || last < first {
		return nil, nil, nil
	}
	var refs []registry.Ref
	for i, err := range r.client.query(ctx, "list a provider's slots", between(partition(r.table, held, ""), "sk", first, last)) {
		if err != nil {
			return nil, nil, err
		}
		slot := recordOf(i)
		slots = append(slots, slot)
		if !slot.Empty() {
			refs = append(refs, slot.Holder())
		}
	}
	for i, err := range r.client.query(ctx, "list a provider's visits", between(indexed(r.table, "visits-by-provider", registry.ProviderField, provider), registry.VisitStart, first, last)) {
		if err != nil {
			return nil, nil, err
		}
		refs = append(refs, refOf(i))
	}
	records, err := r.Records(ctx, refs)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range records {
		start := v.Get(registry.VisitStart)
		if v.Get(registry.ProviderField) == provider && v.Get(registry.VisitState) == registry.VisitScheduled && first <= start && start <= last {
			visits = append(visits, v)
		}
	}
	slices.SortFunc(visits, func(a, b registry.Record) int {
		return cmp.Or(cmp.Compare(a.Get(registry.VisitStart), b.Get(registry.VisitStart)), cmp.Compare(a.Ref.Patient, b.Ref.Patient), cmp.Compare(a.Ref.Part, b.Ref.Part))
	})
	return visits, slots, nil
}

// PutRecords stores the records, replacing those that exist; of one record
// given twice the last. On an error any part of them may have been stored.
func (r *Registry) PutRecords(ctx context.Context, records []registry.Record) error {
	last := make(map[registry.Ref]int, len(records))
	for i, one := range records {
		last[one.Ref] = i
	}
	items := make([]item, 0, len(last))
	for i, one := range records {
		if last[one.Ref] == i {
			items = append(items, recordItem(one))
		}
	}
	if err := r.client.writeAll(ctx, r.table, items); err != nil {
		return failed(err, "store records")
	}
	return nil
}

// WriteByHand sets some fields of a record outside any operation; an empty
// value removes the field. fault.NotFound where there is no such record.
func (r *Registry) WriteByHand(ctx context.Context, ref registry.Ref, fields registry.Fields, by string, at time.Time) error {
	e := newExpression()
	e.exists()
	e.setFields(fields)
	e.stamp(registry.Stamp{By: by, At: at})
	out, err := r.client.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &r.table, Key: recordKey(ref).item(),
		UpdateExpression: aws.String(e.update()), ConditionExpression: aws.String(e.condition()),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		ReturnConsumedCapacity: r.client.Meter.wanted(),
	})
	if conditionFailed(err) {
		return fault.New(fault.NotFound, "There is no such record.")
	}
	if err != nil {
		return failed(err, "write a record by hand")
	}
	r.client.Meter.write(out.ConsumedCapacity)
	return nil
}

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

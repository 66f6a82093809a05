package dynamo

import (
	"cmp"
	"context"
	"iter"
	"slices"
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

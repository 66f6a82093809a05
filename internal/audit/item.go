package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"strings"
	"time"

	"bulkops/internal/fault"
)

// Hour is the UTC hour in which a record was written into the table, e.g.
// 2026-12-01T09: what it is sealed with. What it is about may have happened
// earlier, because streams may be late.
type Hour string

const hourLayout = "2006-01-02T15"

// HourOf is the hour of a moment.
func HourOf(t time.Time) Hour { return Hour(t.UTC().Format(hourLayout)) }

// ParseHour reads an hour as people give it.
func ParseHour(text string) (Hour, error) {
	t, err := time.Parse(hourLayout, text)
	if err != nil {
		return "", fmt.Errorf("%q is no hour such as 2026-12-01T09", text)
	}
	return HourOf(t), nil
}

// Start is the hour's first moment; the zero time where h is no hour, or one
// that is written otherwise.
func (h Hour) Start() time.Time {
	t, err := time.Parse(hourLayout, string(h))
	if err != nil || HourOf(t) != h {
		return time.Time{}
	}
	return t
}

// Next is the hour that follows.
func (h Hour) Next() Hour { return HourOf(h.Start().Add(time.Hour)) }

// Before is the hour that precedes.
func (h Hour) Before() Hour { return HourOf(h.Start().Add(-time.Hour)) }

// Item is a record as it is stored: every attribute as a text, by name.
type Item map[string]string

// Attributes of an item.
const (
	ItemPartition = "pk"
	ItemSort      = "sk"
	itemBody      = "body"
	itemDay       = "day"
	itemPatient   = "patient"
	itemHour      = "hour"
)

// Item returns the record as it is stored when it is written in the hour;
// fault.TooLarge where no table can hold it.
func (r Record) Item(hour Hour) (Item, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode an audit record: %w", err)
	}
	i := Item{
		ItemPartition: r.Partition(), ItemSort: r.SortKey(), itemBody: string(body),
		itemDay: r.Day(), itemHour: string(hour),
	}
	if r.Patient != "" {
		i[itemPatient] = r.Patient
	}
	if size := i.size(); size > maxItem {
		return nil, fault.New(fault.TooLarge, "An audit record has %d bytes, and at most %d can be stored.", size, maxItem)
	}
	return i, nil
}

// Name is what people call the record by: its key.
func (i Item) Name() string { return i[ItemPartition] + "/" + i[ItemSort] }

// Hour is the hour in which the record was written.
func (i Item) Hour() Hour { return Hour(i[itemHour]) }

// Day is the UTC day under which the record is found.
func (i Item) Day() string { return i[itemDay] }

// Dated is the hour in which happened what the record is about, as its key says.
func (i Item) Dated() Hour {
	hour, _, _ := strings.Cut(i[ItemSort], ":")
	return Hour(hour)
}

// Genuine reports whether bulkops could have stored the item: its other
// attributes follow from its body.
func (i Item) Genuine() bool {
	_, genuine := i.open()
	return genuine
}

func (i Item) open() (r Record, genuine bool) {
	if json.Unmarshal([]byte(i[itemBody]), &r) != nil || i.Hour().Start().IsZero() {
		return r, false
	}
	own, err := r.Item(i.Hour())
	return r, err == nil && maps.Equal(own, i)
}

// Record returns the record of a stored item. In the place of one that bulkops
// did not store stands an event that says so.
func (i Item) Record() (Record, error) {
	r, genuine := i.open()
	if genuine {
		return r, nil
	}
	at, rest, _ := strings.Cut(i[ItemSort], "#")
	mark, unique, _ := strings.Cut(rest, "#")
	moment, err := time.Parse(timeLayout, at)
	if err != nil {
		return Record{}, fmt.Errorf("an audit record that was written outside bulkops has no time in its key")
	}
	r = Record{At: moment, Type: Type(strings.ToLower(mark)), Unique: unique, Operation: strings.TrimPrefix(i[ItemPartition], "OP#"), ByHand: true,
		Operator: Person{Name: Unknown}, What: Tampered, Detail: "This audit record was not written by bulkops, or was changed since."}
	if !strings.HasPrefix(i[ItemPartition], "OP#") {
		r.Operation = ""
	}
	return r, nil
}

// Written reads items for those who seal and verify.
type Written interface {
	// InHour yields the items that were written in the hour, in any order.
	InHour(ctx context.Context, hour Hour) iter.Seq2[Item, error]
	// All yields every item there is, in any order.
	All(ctx context.Context) iter.Seq2[Item, error]
	// Item returns one by its key; fault.NotFound where there is none.
	Item(ctx context.Context, partition, sort string) (Item, error)
}

// Records are the records of items.
func Records(items iter.Seq2[Item, error]) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for i, err := range items {
			var r Record
			if err == nil {
				r, err = i.Record()
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

// changeRecord is the audit record of a change of a patient, n seconds after noon.
func changeRecord(operation, patient string, n int) audit.Record {
	return audit.Record{
		At: noon.Add(time.Duration(n) * time.Second), Type: audit.Change, Unique: fmt.Sprintf("%032x", n),
		Operation: operation, Kind: "status-change", Batch: 1, ByHand: operation == "",
		Operator: audit.Person{Sub: ada.Sub, Name: hostileNames[0]}, Approver: audit.Person{Sub: grace.Sub, Name: grace.Name}, Reason: hostileNames[5],
		Patient: patient, Part: registry.ProfilePart,
		Old: registry.Fields{registry.StatusField: "Active"}, New: registry.Fields{registry.StatusField: "On Hold", registry.HoldReason: hostileNames[3]},
	}
}

func eventRecord(operation, what string, n int) audit.Record {
	return audit.Record{At: noon.Add(time.Duration(n) * time.Second), Type: audit.Event, Unique: fmt.Sprintf("%032x", n),
		Operation: operation, Kind: "status-change", Operator: audit.Person{Name: audit.System}, What: what}
}

func accessRecord(operation, patient string, n int) audit.Record {
	return audit.Record{At: noon.Add(time.Duration(n) * time.Second), Type: audit.Access, Unique: fmt.Sprintf("%032x", n),
		Operation: operation, Operator: audit.Person{Sub: ada.Sub, Name: hostileNames[0]}, Patient: patient,
		What: audit.OperationViewed, Detail: "GET /", Result: audit.Done, Target: "page 2", Facility: "riverside", Source: "198.51.100.7", Request: "r-1"}
}

var auditTests = []test{
	{"an operation's records come back as appended, oldest first", func(t *testing.T, s Stores) {
		const op = "OP-000001-AAAA"
		records := []audit.Record{eventRecord(op, "planned", 1), changeRecord(op, "p-1", 2), changeRecord(op, "p-2", 3), eventRecord(op, "completed", 4)}
		other := []audit.Record{changeRecord("OP-000001-AAAAB", "p-1", 2), changeRecord("", "p-1", 2)}
		must(t, "append", s.Audit.Append(t.Context(), []audit.Record{records[2], other[0], records[0], records[3], other[1], records[1]}))
		same(t, "records", collect(t, s.Audit.ForOperation(t.Context(), op)), records)
		same(t, "records after the second", collect(t, s.Audit.ForOperationAfter(t.Context(), op, records[1].SortKey())), records[2:])
		same(t, "records after none", collect(t, s.Audit.ForOperationAfter(t.Context(), op, "")), records)
		same(t, "records after the last", len(collect(t, s.Audit.ForOperationAfter(t.Context(), op, records[3].SortKey()))), 0)
	}},
	{"a record that is appended again, even with other contents, stays as it is", func(t *testing.T, s Stores) {
		const op = "OP-000001-AAAA"
		first, second := changeRecord(op, "p-1", 1), changeRecord(op, "p-2", 2)
		must(t, "append", s.Audit.Append(t.Context(), []audit.Record{first}))
		forged := first
		forged.Reason = "another reason"
		must(t, "append again", s.Audit.Append(t.Context(), []audit.Record{forged, second, first, second}))
		same(t, "records", collect(t, s.Audit.ForOperation(t.Context(), op)), []audit.Record{first, second})
	}},
	{"a patient's records come newest first, whoever made the change", func(t *testing.T, s Stores) {
		mine := []audit.Record{changeRecord("OP-000001-AAAA", "p-1", 1), changeRecord("", "p-1", 2), changeRecord("OP-000002-AAAA", "p-1", 3)}
		must(t, "append", s.Audit.Append(t.Context(), append(mine, changeRecord("OP-000001-AAAA", "p-2", 4), eventRecord("OP-000001-AAAA", "planned", 5))))
		same(t, "records", collect(t, s.Audit.ForPatient(t.Context(), "p-1")), []audit.Record{mine[2], mine[1], mine[0]})
		for _, nobody := range []string{"", "nobody", repeat("long", 3000)} {
			same(t, "records of nobody", len(collect(t, s.Audit.ForPatient(t.Context(), nobody))), 0)
		}
	}},
	{"who used an operation is kept apart from what it did", func(t *testing.T, s Stores) {
		const op = "OP-000001-AAAA"
		change, page, signIn := changeRecord(op, "p-1", 1), accessRecord(op, "", 2), accessRecord("", "", 3)
		viewed, again := accessRecord("", "p-1", 4), accessRecord(op, "", 5)
		must(t, "append", s.Audit.Append(t.Context(), []audit.Record{again, change, page, signIn, viewed, accessRecord("OP-000001-AAAAB", "", 6)}))
		same(t, "what it did", collect(t, s.Audit.ForOperation(t.Context(), op)), []audit.Record{change})
		same(t, "who used it", collect(t, s.Audit.Backwards(t.Context(), audit.Trail{By: audit.ByAccess, Key: op}, "")), []audit.Record{again, page})
		same(t, "the patient", collect(t, s.Audit.ForPatient(t.Context(), "p-1")), []audit.Record{viewed, change})
	}},
	{"a record is found under the hour in which it was written", func(t *testing.T, s Stores) {
		written := audit.HourOf(time.Now())
		records := []audit.Record{eventRecord("OP-000001-AAAA", "planned", 1), changeRecord("", "p-1", -30*24*3600), accessRecord("", "", 2)}
		must(t, "append", s.Audit.Append(t.Context(), records))
		found := map[string]audit.Record{}
		for _, hour := range []audit.Hour{written, written.Next()} { // the clock may have struck in between
			for _, i := range collect(t, s.Audit.InHour(t.Context(), hour)) {
				r, err := i.Record()
				must(t, "decode", err)
				if !i.Genuine() || i.Hour() != hour {
					t.Errorf("the item %v is not what was stored", i)
				}
				again, err := s.Audit.Item(t.Context(), i[audit.ItemPartition], i[audit.ItemSort])
				must(t, "read by key", err)
				same(t, "the item by its key", again, i)
				found[i.Name()] = r
			}
		}
		same(t, "records of the hour", len(found), len(records))
		for _, r := range records {
			same(t, "record", found[r.Partition()+"/"+r.SortKey()], r)
		}
		same(t, "all items", len(collect(t, s.Audit.All(t.Context()))), len(records))
		_, err := s.Audit.Item(t.Context(), "OP#none", "none")
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("an unknown record: %v", err)
		}
	}},
	{"a trail is read backwards from any record", func(t *testing.T, s Stores) {
		const op, day = "OP-000001-AAAA", "2026-12-01"
		records := []audit.Record{eventRecord(op, "planned", 1), changeRecord(op, "p-1", 2), changeRecord(op, "p-1", 2), accessRecord(op, "p-1", 3), changeRecord("", "p-1", 4)}
		records[2].Unique = "of the same moment"
		must(t, "append", s.Audit.Append(t.Context(), append(records, changeRecord("OP-000002-AAAA", "p-2", 24*3600), changeRecord("OP-000002-AAAA", "p-2", -24*3600))))
		newestFirst := slices.Clone(records)
		slices.Reverse(newestFirst)
		for _, c := range []struct {
			trail audit.Trail
			want  []audit.Record
		}{
			{audit.Trail{By: audit.ByDay, Key: day}, newestFirst},
			{audit.Trail{By: audit.ByPatient, Key: "p-1"}, newestFirst[:4]},
			{audit.Trail{By: audit.ByOperation, Key: op}, newestFirst[2:]},
			{audit.Trail{By: audit.ByAccess, Key: op}, newestFirst[1:2]},
			{audit.Trail{By: audit.ByDay, Key: "2026-12-03"}, nil},
			{audit.Trail{By: audit.ByPatient, Key: ""}, nil},
			{audit.Trail{By: audit.ByPatient, Key: repeat("long", 3000)}, nil},
		} {
			same(t, "the whole trail", collect(t, s.Audit.Backwards(t.Context(), c.trail, "")), c.want)
			for n, r := range c.want {
				same(t, "what comes before", len(collect(t, s.Audit.Backwards(t.Context(), c.trail, r.SortKey()))), len(c.want)-n-1)
			}
		}
	}},
	{"a record may fill an item, and one that is larger is too large", func(t *testing.T, s Stores) {
		const op, most = "OP-000001-AAAA", 400 << 10
		full := changeRecord(op, "p-1", 1)
		full.New[registry.HoldReason] = strings.Repeat("<", 60_000) // each six bytes in JSON
		stored, err := full.Item("2026-12-01T12")
		must(t, "encode", err)
		for name, value := range stored {
			full.Detail += strings.Repeat("x", len(name)+len(value))
		}
		full.Detail = strings.Repeat("x", most-len(full.Detail)-len(`,"detail":""`))
		must(t, "append", s.Audit.Append(t.Context(), []audit.Record{full}))
		same(t, "records", collect(t, s.Audit.ForOperation(t.Context(), op)), []audit.Record{full})
		more := full
		more.Detail, more.Unique = full.Detail+"x", fmt.Sprintf("%032x", 2)
		if err := s.Audit.Append(t.Context(), []audit.Record{more}); !fault.Is(err, fault.TooLarge) {
			t.Errorf("one byte more: %v", err)
		}
	}},
	{"a thousand records at once are all kept", func(t *testing.T, s Stores) {
		var records []audit.Record
		for n := range 1000 {
			records = append(records, changeRecord("OP-000001-AAAA", fmt.Sprintf("p-%d", n), n))
		}
		must(t, "append", s.Audit.Append(t.Context(), records))
		same(t, "records", collect(t, s.Audit.ForOperation(t.Context(), "OP-000001-AAAA")), records)
	}},
}

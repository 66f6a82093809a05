package dynamo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/registry"
)

// What the tables hold. Everything has a partition key pk and a sort key sk.
//
// Registry, one item a record:
//
//	PATIENT#<id>        profile | VISIT#<start>#<id> | CLINICAL#<kind>#<id>
//	SLOT#<provider>     <start>
//	FACILITY, PROVIDER  <id>
//
// A record's fields are texts under their own names, absent when empty; its
// stamp is in stamp_op, stamp_batch, stamp_by, stamp_approver, stamp_at. An item
// of more than 1 KB costs twice as much to change: names are short for that.
//
// Operations, everything of one operation under OP#<id>:
//
//	HEADER                      body; version, state; the keys of the three indexes
//	EVENT#<version>             body
//	SELECTION#<page>            body: a part of one compressed text
//	PLAN#<run>#BATCH#<number>   body       PLAN#<run>#EXCLUDED#<page>  body
//	PLAN#<run>#LISTED#<list>#<page>  body
//	PLAN#<run>#SUBJECTS#<page>  marks: a part of bulk.Subjects
//	RESULT#<batch>#<group>      body       TALLY#<batch>#<group>  done, skipped, failed
//	NOTICE#<batch>#<change>     body; recipient, outcome: a claim
//	TOKEN#<wait>#<hash>         task_token; waits_for, waits_since
//	MAIL#<name>                 waits_for, waits_since: while it is due
//	WRITTEN#<attempt>           body       SEALED#<attempt>  sealed
//
// and KEY#<requester> / <key>, the operation that a requester's key made.
//
// Access: STAFF#<sub> / STAFF, and under the SHA-256 of what the browser or the
// mail holds, APPROVAL#…, SESSION#…, SIGNIN#…, FORM#…, DRAFT#…, AUDIT#… and LIST#…,
// each with expires.
//
// Audit: see audit.go.
//
// A body is JSON: of HEADER and EVENT always as text, elsewhere as text where it
// is short and packed where it is not (see body.go). The audit reads EVENT, RESULT
// and NOTICE from the stream.

// key is the primary key of an item.
type key struct{ pk, sk string }

func (k key) item() item { return item{"pk": text(k.pk), "sk": text(k.sk)} }

// possible reports whether an item can have the key at all. DynamoDB answers a
// read of impossible keys with an error for the whole call, where they simply
// name nothing.
func (k key) possible() bool {
	return utf8.ValidString(k.pk) && utf8.ValidString(k.sk) && k.sk != "" && len(k.pk) <= maxPartitionKey && len(k.sk) <= maxSortKey
}

// How long keys may be, of tables and indexes (AWS, DynamoDB quotas).
const (
	maxPartitionKey = 2048
	maxSortKey      = 1024
)

const patientPrefix = "PATIENT#"

func recordKey(ref registry.Ref) key {
	if ref.IsSlot() {
		at := strings.LastIndexByte(ref.Part, '#')
		return key{ref.Part[:at], ref.Part[at+1:]}
	}
	return key{patientPrefix + ref.Patient, ref.Part}
}

func refOf(i item) registry.Ref {
	pk, sk := textOf(i["pk"]), textOf(i["sk"])
	if patient, ok := strings.CutPrefix(pk, patientPrefix); ok {
		return registry.Ref{Patient: patient, Part: sk}
	}
	return registry.Ref{Part: pk + "#" + sk}
}

const operationPrefix = "OP#"

func operationKey(id, format string, args ...any) key {
	return key{operationPrefix + id, fmt.Sprintf(format, args...)}
}

func operationOf(i item) string { return strings.TrimPrefix(textOf(i["pk"]), operationPrefix) }

// secretKey is the key of something that whoever knows the id may have: only
// its hash is stored, so that reading the table gives nobody a session.
func secretKey(kind, id string) key {
	sum := sha256.Sum256([]byte(id))
	return key{kind + "#" + hex.EncodeToString(sum[:]), kind}
}

// sortable is a time whose texts sort as the times do.
func sortable(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// textOf returns an attribute's text, "" where it is none.
func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// numberOf returns an attribute's whole number, 0 where it is none.
func numberOf(v types.AttributeValue) int64 {
	s, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(s.Value, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

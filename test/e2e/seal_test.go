package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bulkops/internal/audit"
	"bulkops/internal/bucket"
	"bulkops/internal/seal"
	"bulkops/internal/signing"
)

// putItem writes an item of the audit as somebody who may do everything.
func putItem(t *testing.T, i audit.Item) {
	t.Helper()
	item := map[string]types.AttributeValue{}
	for name, value := range i {
		item[name] = &types.AttributeValueMemberS{Value: value}
	}
	if _, err := live.database.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(live.Outputs["AuditTable"]), Item: item}); err != nil {
		t.Fatal(err)
	}
}

func removeItem(t *testing.T, i audit.Item) {
	t.Helper()
	if _, err := live.database.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(live.Outputs["AuditTable"]), Key: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: i[audit.ItemPartition]}, "sk": &types.AttributeValueMemberS{Value: i[audit.ItemSort]}}}); err != nil {
		t.Fatal(err)
	}
}

func storageClient(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

// The function seals what has ended, and the command finds what an
// administrator puts into a sealed hour.
func TestTheAuditIsSealedAndVerified(t *testing.T) {
	t.Parallel()
	for range 2 { // a second call has nothing to do
		if answer, failure := live.call(t, "seal", struct{}{}); failure != "" {
			t.Fatalf("sealing failed: %s", answer)
		}
	}
	home := t.TempDir()
	newest := ""
	for name, err := range bucket.New(live.AWSConfig(), live.Outputs["SealsBucketName"]).Names(t.Context(), "seals/", "") {
		if err != nil {
			t.Fatal(err)
		}
		newest = strings.TrimSuffix(strings.TrimPrefix(name, "seals/"), ".json")
	}
	said, problems, code := bulkops(t, home, "audit", "verify", "--to", newest)
	if code != 0 || !strings.Contains(said, "everything is as it was sealed") {
		t.Fatalf("%d %s %s", code, said, problems)
	}

	hour, err := audit.ParseHour(newest)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := audit.Record{At: hour.Start().Add(time.Minute), Type: audit.Change, Unique: "forged", Patient: "forged", Operator: audit.Person{Name: "Sam"}}.Item(hour)
	if err != nil {
		t.Fatal(err)
	}
	putItem(t, forged)
	said, _, code = bulkops(t, home, "audit", "verify", "--from", newest, "--to", newest)
	if code != 1 || !strings.Contains(said, "added") || !strings.Contains(said, forged.Name()) {
		t.Errorf("%d %s", code, said)
	}
	removeItem(t, forged)
	if said, _, code = bulkops(t, home, "audit", "verify", "--from", newest, "--to", newest); code != 0 {
		t.Errorf("%d %s", code, said)
	}
	said, problems, code = bulkops(t, home, "audit", "verify", "--from", "2001-01-01T00", "--to", "2099-12-31T23")
	if code != 0 || !strings.Contains(said, "nothing was sealed before") || !strings.Contains(said, "later hours need no seal yet") || strings.Contains(said, "no-seal") {
		t.Errorf("%d %s %s", code, said, problems)
	}
	if _, problems, code = bulkops(t, home, "audit", "verify", "--from", "yesterday"); code != 1 || !strings.Contains(problems, "no hour such as") {
		t.Errorf("%d %s", code, problems)
	}
}

// Every kind of tampering with the real table, signed with the real key and
// kept in a bucket that is locked: in hours of long ago, which no other test has.
// Not beside other tests: verifying the stack's own audit names these records.
func TestTamperingWithTheTableIsNamed(t *testing.T) {
	storage := storageClient(live.AWSConfig())
	name := strings.ToLower(fmt.Sprintf("seals-of-a-test-%d", time.Now().UnixNano()))
	if _, err := storage.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := storage.PutObjectLockConfiguration(t.Context(), &s3.PutObjectLockConfigurationInput{Bucket: &name, ObjectLockConfiguration: &s3types.ObjectLockConfiguration{
		ObjectLockEnabled: s3types.ObjectLockEnabledEnabled,
		Rule:              &s3types.ObjectLockRule{DefaultRetention: &s3types.DefaultRetention{Mode: s3types.ObjectLockRetentionModeCompliance, Days: aws.Int32(1)}},
	}}); err != nil {
		t.Fatal(err)
	}
	files := bucket.New(live.AWSConfig(), name)
	asSeal := configOf(t, "seal")
	public, err := signing.New(live.AWSConfig(), live.Outputs["SealKeyArn"]).Public(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	nine := time.Date(2020, 1, 1, 9, 0, 0, 0, time.UTC)
	var items []audit.Item
	for n := range 5 {
		at := nine.Add(time.Duration(n) * 20 * time.Minute) // the last two at 10
		r := audit.Record{At: at, Type: audit.Change, Unique: fmt.Sprint("sealed-", n), Operation: "OP-SEALED", Patient: "sealed", Reason: "as it was",
			Operator: audit.Person{Name: "Sam"}, Approver: audit.Person{Name: "Maria"}}
		item, err := r.Item(audit.HourOf(at))
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, item)
		putItem(t, item)
	}
	sealer := seal.Sealer{Log: live.audit, Files: files, Signer: signing.New(asSeal, live.Outputs["SealKeyArn"]), Now: func() time.Time { return nine.Add(130 * time.Minute) }}
	if sealed, err := sealer.Run(t.Context()); err != nil || sealed != 2 {
		t.Fatalf("%d hours sealed, want 2: %v", sealed, err)
	}
	verifier := seal.Verifier{Log: live.audit, Files: files, Key: public, Now: time.Now}
	verify := func(what string, want ...string) {
		t.Helper()
		report, err := verifier.Verify(t.Context(), audit.HourOf(nine), audit.HourOf(nine).Next())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range report.Findings {
			got = append(got, string(f.Wrong)+" "+f.Record)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: found %q, want %q", what, got, want)
		}
	}
	verify("as it was sealed")

	changed, err := items[1].Record()
	if err != nil {
		t.Fatal(err)
	}
	changed.Reason = "something else"
	forged, err := changed.Item(items[1].Hour())
	if err != nil {
		t.Fatal(err)
	}
	putItem(t, forged)
	verify("a record changed", "changed "+items[1].Name())
	putItem(t, items[1])

	removeItem(t, items[4])
	verify("a record removed", "deleted "+items[4].Name())
	putItem(t, items[4])

	changed.Reason, changed.At = "as it was", changed.At.Add(time.Minute)
	later, err := changed.Item(items[1].Hour())
	if err != nil {
		t.Fatal(err)
	}
	removeItem(t, items[1])
	putItem(t, later)
	verify("a record given another time", "moved "+later.Name())
	removeItem(t, later)
	putItem(t, items[1])
	verify("all put back")

	proof, err := verifier.Prove(t.Context(), items[3].Name())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(proof)
	if err != nil {
		t.Fatal(err)
	}
	var read seal.Proof
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if s, err := read.Check(); err != nil || s.Hour != audit.HourOf(nine).Next() || s.Records != 2 {
		t.Errorf("the proof: %+v %v", s, err)
	}

	// The lock keeps every version, and a second one is noticed.
	versions, err := storage.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &name, Prefix: aws.String("seals/")})
	if err != nil || len(versions.Versions) != 2 {
		t.Fatalf("versions %+v: %v", versions, err)
	}
	if _, err := storage.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &name, Key: versions.Versions[0].Key, VersionId: versions.Versions[0].VersionId}); err == nil {
		t.Error("a sealed version is deleted by an administrator")
	}
	content, err := files.Get(t.Context(), aws.ToString(versions.Versions[1].Key))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := storage.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: versions.Versions[1].Key, Body: strings.NewReader(string(content))}); err != nil {
		t.Fatal(err)
	}
	verify("a seal written twice", "rewrite ")
	for _, i := range items {
		removeItem(t, i)
	}
}

// Only the function that seals may sign, and not even it may take a seal away.
func TestWhoMaySealAndWhoMayNot(t *testing.T) {
	t.Parallel()
	name := aws.String(live.Outputs["SealsBucketName"])
	for _, function := range everyFunction {
		cfg := configOf(t, function)
		_, err := signing.New(cfg, live.Outputs["SealKeyArn"]).Sign(t.Context(), [32]byte{})
		if denied := isDenied(err); denied == (function == "seal") {
			t.Errorf("%s signs: %v", function, err)
		}
		storage := storageClient(cfg)
		if _, err = storage.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: name, Key: aws.String("seals/none.json")}); !isDenied(err) {
			t.Errorf("%s takes a seal away: %v", function, err)
		}
		if function == "seal" {
			continue
		}
		if _, err = storage.PutObject(t.Context(), &s3.PutObjectInput{Bucket: name, Key: aws.String("seals/none.json"), Body: strings.NewReader("x")}); !isDenied(err) {
			t.Errorf("%s writes a seal: %v", function, err)
		}
	}
}

package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	files "bulkops/internal/s3"
)

// exportBucket looks into the bucket of exports with an administrator's rights.
type exportBucket struct{ *s3.Client }

func exportsBucket() exportBucket {
	return exportBucket{s3.NewFromConfig(live.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })}
}

func (b exportBucket) name() *string { return aws.String(live.Outputs["ExportsBucket"]) }

// unfinished counts the uploads of an operation's file that are not complete.
func (b exportBucket) unfinished(t *testing.T, op string) int {
	t.Helper()
	out, err := b.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: b.name(), Prefix: &op})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Uploads)
}

// partsSent counts the parts that an operation's unfinished upload has sent; -1
// where there is none.
func (b exportBucket) partsSent(t *testing.T, op string) int {
	t.Helper()
	out, err := b.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: b.name(), Prefix: &op})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Uploads) == 0 {
		return -1
	}
	parts, err := b.ListParts(t.Context(), &s3.ListPartsInput{Bucket: b.name(), Key: &op, UploadId: out.Uploads[0].UploadId})
	if err != nil {
		return -1 // it is over by now
	}
	return len(parts.Parts)
}

// objects counts the objects of an operation.
func (b exportBucket) objects(t *testing.T, op string) int {
	t.Helper()
	out, err := b.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: b.name(), Prefix: &op})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Contents)
}

// encryptedByOurKeyOnly sees that the bucket takes nothing that asks for another
// encryption than its own. That its own is by our key, the template's test says:
// the local AWS does not apply a bucket's encryption.
func encryptedByOurKeyOnly(t *testing.T) {
	t.Helper()
	b := exportsBucket()
	writer := s3.NewFromConfig(somebodyWith(t, "writer-"+thisRun, "s3:PutObject", "kms:GenerateDataKey"), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := writer.PutObject(t.Context(), &s3.PutObjectInput{Bucket: b.name(), Key: aws.String("OP-OUR-KEY"), Body: strings.NewReader("x")}); err != nil {
		t.Errorf("what leaves the encryption to the bucket is refused: %v", err)
	}
	for _, other := range []s3.PutObjectInput{
		{ServerSideEncryption: s3types.ServerSideEncryptionAes256}, {ServerSideEncryption: s3types.ServerSideEncryptionAwsKms},
		{ServerSideEncryption: s3types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String(strings.Replace(live.Outputs["KeyArn"], ":key/", ":key/0", 1))},
	} {
		other.Bucket, other.Key, other.Body = b.name(), aws.String("OP-ANOTHER-KEY"), strings.NewReader("x")
		if _, err := writer.PutObject(t.Context(), &other); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("encrypted by %s with %s: %v", other.ServerSideEncryption, aws.ToString(other.SSEKMSKeyId), err)
		}
	}
}

// refusedWhenOld makes a link as the portal does, for a second, and sees that it
// opens nothing later. That the bucket refuses long links too, the template's test
// says: the local AWS does not know the age of a signature.
func refusedWhenOld(t *testing.T, op bulk.Operation) {
	t.Helper()
	link, err := files.New(live.AWSConfig(), *exportsBucket().name()).Link(t.Context(), op.ID, engine.Download{Name: op.ID, MediaType: "application/zip", For: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a link that has expired is refused", func() bool {
		answer, err := http.Get(link)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode == http.StatusForbidden && strings.Contains(string(body), "Request has expired")
	})
}

// refusedWithoutTLS puts the statement into the bucket's policy that the
// template puts there on AWS, and sees that nothing comes out over plain HTTP.
// It names actions where the template says s3:*, so that the policy can be put
// back: the stand-in has nothing but plain HTTP.
func refusedWithoutTLS(t *testing.T, op bulk.Operation, portal *person) {
	t.Helper()
	b := exportsBucket()
	deployed, err := b.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: b.name()})
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Version   string
		Statement []any
	}
	if err := json.Unmarshal([]byte(aws.ToString(deployed.Policy)), &policy); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(aws.ToString(deployed.Policy), "SecureTransport") {
		t.Fatal("the stand-in, which has no TLS, is asked for it")
	}
	arn := "arn:aws:s3:::" + *b.name()
	policy.Statement = append(policy.Statement, map[string]any{"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*",
		"Action":   []string{"s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:PutObject"},
		"Resource": []string{arn, arn + "/*"}, "Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}}})
	strict, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	put := func(text string) {
		if _, err := b.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: b.name(), Policy: &text}); err != nil {
			t.Fatal(err)
		}
	}
	put(string(strict))
	defer put(aws.ToString(deployed.Policy))
	portal.open("/operations/" + op.ID + "/file")
	portal.press("Download")
	portal.isStatus(http.StatusForbidden)
}

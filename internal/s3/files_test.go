package s3_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/s3"
)

// The local AWS completes at once and refuses nothing half-way: how S3 refuses
// to complete a file, its reference says.
func TestAFileThatCannotBeCompletedNow(t *testing.T) {
	for code, refusal := range map[string]struct {
		status int
		want   func(error) bool
	}{
		"PreconditionFailed":         {412, func(err error) bool { return errors.Is(err, engine.ErrFileExists) }},
		"ConditionalRequestConflict": {409, func(err error) bool { return fault.Is(err, fault.Busy) }},
		"AccessDenied":               {403, func(err error) bool { return fault.CodeOf(err) == fault.Internal }},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch query := r.URL.Query(); {
			case r.Method == http.MethodGet:
				fmt.Fprint(w, "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>")
			case query.Has("uploads"):
				fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>")
			case r.Method == http.MethodPut:
				w.Header().Set("ETag", "part")
			default:
				w.WriteHeader(refusal.status)
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
			}
		}))
		defer server.Close()
		files := s3.New(aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("k", "s", "")}, "exports")
		file, err := files.Create(t.Context(), "OP-1", "a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write([]byte("content")); err != nil {
			t.Fatal(err)
		}
		if err := file.Complete(); !refusal.want(err) {
			t.Errorf("%s: %v", code, err)
		}
	}
}

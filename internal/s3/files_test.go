package s3_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/s3"
)

// noNetwork is a configuration for what needs none.
func noNetwork() aws.Config {
	return aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("k", "s", "")}
}

// How long a link lasts is signed with it; the bucket refuses old ones besides.
func TestALinkSaysHowLongItLastsAndHowItsFileIsSaved(t *testing.T) {
	link, err := s3.New(noNetwork(), "exports").Link(t.Context(), "OP-1", engine.Download{Name: "OP-1.zip", MediaType: "application/zip", For: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"X-Amz-Expires": "60", "response-cache-control": "no-store", "response-content-type": "application/zip",
		"response-content-disposition": `attachment; filename="OP-1.zip"`,
	} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if u.Scheme != "https" || u.Path != "/OP-1" || u.Query().Get("X-Amz-Signature") == "" {
		t.Errorf("the link is %s", link)
	}
}

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
		cfg := noNetwork()
		cfg.BaseEndpoint = &server.URL
		files := s3.New(cfg, "exports")
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

// Package s3 keeps the files of exports in an S3 bucket, one object for an
// operation, written once.
package s3

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

// Files are the files in one bucket.
type Files struct {
	api    *s3.Client
	bucket string
}

var _ engine.Files = (*Files)(nil)

// New returns the files in the bucket, which encrypts each with its own KMS key.
func New(cfg aws.Config, bucket string) *Files {
	return &Files{bucket: bucket, api: s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = cfg.BaseEndpoint != nil // a stand-in for S3 has one host name
		// Of what is downloaded by a link nobody computes checksums; browsers could not send the header.
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})}
}

// attemptName is the name under which an object says which attempt wrote it.
const attemptName = "attempt"

func (f *Files) Stat(ctx context.Context, operation string) (attempt string, size int64, ok bool, err error) {
	out, err := f.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &f.bucket, Key: &operation})
	if none := (*types.NotFound)(nil); errors.As(err, &none) {
		return "", 0, false, nil
	}
	if err != nil {
		return "", 0, false, failed(err, "look for the file")
	}
	return out.Metadata[attemptName], aws.ToInt64(out.ContentLength), true, nil
}

func (f *Files) Link(ctx context.Context, operation string, d engine.Download) (string, error) {
	signed, err := s3.NewPresignClient(f.api).PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &f.bucket, Key: &operation, ResponseContentType: &d.MediaType, ResponseCacheControl: aws.String("no-store"),
		ResponseContentDisposition: aws.String(`attachment; filename="` + d.Name + `"`),
	}, s3.WithPresignExpires(d.For))
	if err != nil {
		return "", failed(err, "sign a link to the file")
	}
	return signed.URL, nil
}

// Origin is the scheme and host of every link.
func (f *Files) Origin(ctx context.Context) (string, error) {
	link, err := f.Link(ctx, "origin", engine.Download{Name: "origin", MediaType: "application/octet-stream", For: linkMinimum})
	if err != nil {
		return "", err
	}
	at, err := url.Parse(link)
	if err != nil {
		return "", fmt.Errorf("the address of the files: %w", err)
	}
	return at.Scheme + "://" + at.Host, nil
}

func (f *Files) Delete(ctx context.Context, operation string) error {
	if err := f.giveUp(ctx, operation); err != nil {
		return err
	}
	if _, err := f.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &f.bucket, Key: &operation}); err != nil {
		return failed(err, "delete the file")
	}
	return nil
}

// giveUp ends every upload of the operation's file that was not completed.
func (f *Files) giveUp(ctx context.Context, operation string) error {
	const what = "give up unfinished uploads"
	pages := s3.NewListMultipartUploadsPaginator(f.api, &s3.ListMultipartUploadsInput{Bucket: &f.bucket, Prefix: &operation})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return failed(err, what)
		}
		for _, u := range page.Uploads {
			if aws.ToString(u.Key) != operation {
				continue
			}
			if err := f.abort(ctx, operation, aws.ToString(u.UploadId)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Files) abort(ctx context.Context, operation, upload string) error {
	_, err := f.api.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &f.bucket, Key: &operation, UploadId: &upload})
	if gone := (*types.NoSuchUpload)(nil); err != nil && !errors.As(err, &gone) {
		return failed(err, "give up an upload")
	}
	return nil
}

// failed says what was attempted; what may pass is Busy. A write "only where there
// is none" that meets another write of the same file is refused with a conflict:
// the next try finds out which was first.
func failed(err error, what string) error {
	var answer smithy.APIError
	if !errors.As(err, &answer) || answer.ErrorFault() == smithy.FaultServer ||
		answer.ErrorCode() == "SlowDown" || answer.ErrorCode() == "ConditionalRequestConflict" {
		return fault.Wrap(err, fault.Busy, "The store of files did not take a request now: %s. It is tried again.", what)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Package bucket keeps files in an S3 bucket.
package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"bulkops/internal/fault"
)

// Bucket is one bucket. It encrypts what it gets and keeps it as its own
// settings say.
type Bucket struct {
	api  *s3.Client
	name string
}

// New returns the bucket with the name.
func New(cfg aws.Config, name string) *Bucket {
	return &Bucket{s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil // a stand-in for S3 has no host name for each bucket
	}), name}
}

// Put stores a file; fault.Conflict when there is one of that name.
func (b *Bucket) Put(ctx context.Context, name string, content []byte) error {
	_, err := b.api.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &name, Body: bytes.NewReader(content), IfNoneMatch: aws.String("*"),
	})
	switch code := codeOf(err); {
	case err == nil:
		return nil
	case code == "PreconditionFailed", code == "ConditionalRequestConflict":
		return fault.Wrap(err, fault.Conflict, "There is a file of this name.")
	}
	return fmt.Errorf("store a file: %w", err)
}

// Get reads a file; fault.NotFound when there is none of that name.
func (b *Bucket) Get(ctx context.Context, name string) ([]byte, error) {
	out, err := b.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &name})
	if missing := (*types.NoSuchKey)(nil); errors.As(err, &missing) || codeOf(err) == "NotFound" {
		return nil, fault.Wrap(err, fault.NotFound, "There is no file of this name.")
	}
	if err != nil {
		return nil, fmt.Errorf("read a file: %w", err)
	}
	defer func() { _ = out.Body.Close() }() // it was only read
	content, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, fmt.Errorf("read a file: %w", err)
	}
	return content, nil
}

// Delete removes a file; one that is not there is no error.
func (b *Bucket) Delete(ctx context.Context, name string) error {
	if _, err := b.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &name}); err != nil {
		return fmt.Errorf("delete a file: %w", err)
	}
	return nil
}

// Names yields the names that begin with prefix and sort after another, in order.
func (b *Bucket) Names(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix}
		if after != "" {
			in.StartAfter = &after
		}
		pages := s3.NewListObjectsV2Paginator(b.api, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", fmt.Errorf("list files: %w", err))
				return
			}
			for _, o := range page.Contents {
				if !yield(aws.ToString(o.Key), nil) {
					return
				}
			}
		}
	}
}

// Rewritten yields the names that begin with prefix and of which the bucket has
// more than one version, or that were deleted.
func (b *Bucket) Rewritten(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		last := ""
		pages := s3.NewListObjectVersionsPaginator(b.api, &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", fmt.Errorf("list versions of files: %w", err))
				return
			}
			for _, v := range page.Versions {
				if name := aws.ToString(v.Key); name != last {
					last = name
				} else if !yield(name, nil) {
					return
				}
			}
			for _, d := range page.DeleteMarkers {
				if !yield(aws.ToString(d.Key), nil) {
					return
				}
			}
		}
	}
}

func codeOf(err error) string {
	if api := smithy.APIError(nil); errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

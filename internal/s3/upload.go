package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"bulkops/internal/engine"
)

const (
	// partSize is above the least of S3 (5 MiB, for all but the last part).
	partSize = 8 << 20
	// abortFor is how long giving up an upload may take, also when the call that
	// wrote it has no time left.
	abortFor    = 10 * time.Second
	linkMinimum = time.Second
)

// upload is a multipart upload of one attempt at a file. The object is there
// only when it is completed.
type upload struct {
	ctx       context.Context // of the attempt
	files     *Files
	operation string
	id        string
	buffer    bytes.Buffer
	parts     []types.CompletedPart
	over      bool
}

func (f *Files) Create(ctx context.Context, operation, attempt string) (engine.FileWriter, error) {
	if err := f.giveUp(ctx, operation); err != nil {
		return nil, err
	}
	out, err := f.api.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &f.bucket, Key: &operation, Metadata: map[string]string{attemptName: attempt},
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	})
	if err != nil {
		return nil, failed(err, "begin an upload")
	}
	return &upload{ctx: ctx, files: f, operation: operation, id: aws.ToString(out.UploadId)}, nil
}

func (u *upload) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := min(len(p), partSize-u.buffer.Len())
		u.buffer.Write(p[:n])
		written, p = written+n, p[n:]
		if u.buffer.Len() == partSize {
			if err := u.send(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// send uploads what is buffered as the next part. S3 refuses it where it does
// not arrive as it was sent.
func (u *upload) send() error {
	sum := sha256.Sum256(u.buffer.Bytes())
	checksum := base64.StdEncoding.EncodeToString(sum[:])
	number := aws.Int32(int32(len(u.parts) + 1))
	out, err := u.files.api.UploadPart(u.ctx, &s3.UploadPartInput{
		Bucket: &u.files.bucket, Key: &u.operation, UploadId: &u.id, PartNumber: number,
		Body: bytes.NewReader(u.buffer.Bytes()), ChecksumSHA256: &checksum,
	})
	if err != nil {
		return failed(err, "upload a part")
	}
	u.parts = append(u.parts, types.CompletedPart{PartNumber: number, ETag: out.ETag, ChecksumSHA256: &checksum})
	u.buffer.Reset()
	return nil
}

func (u *upload) Complete() error {
	if u.buffer.Len() > 0 {
		if err := u.send(); err != nil {
			return err
		}
	}
	_, err := u.files.api.CompleteMultipartUpload(u.ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &u.files.bucket, Key: &u.operation, UploadId: &u.id, IfNoneMatch: aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts},
	})
	if answer := smithy.APIError(nil); errors.As(err, &answer) && answer.ErrorCode() == "PreconditionFailed" {
		return engine.ErrFileExists
	}
	if err != nil {
		return failed(err, "complete an upload")
	}
	u.over = true
	return nil
}

func (u *upload) Abort() error {
	if u.over {
		return nil
	}
	u.over = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), abortFor)
	defer cancel()
	return u.files.abort(ctx, u.operation, u.id)
}

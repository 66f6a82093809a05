package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	// fewestRows is how many rows the largest file has at least, and memoryToExport the most memory, in
	// MiB, that its export may take, by issue 6.
	fewestRows     = 1_000_000
	memoryToExport = 150
)

// measureExport runs whole exports as the function does, each in a process of its own: of everything about as
// many patients as an operation may have, and of a tenth of them.
func measureExport(ctx context.Context, b *bench) error {
	d, err := b.onMiniStack(ctx)
	if err != nil {
		return err
	}
	bucket := "bench-exports"
	if _, err := s3.NewFromConfig(d.config(), func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		return err
	}
	program, dir, err := b.fileWriter(ctx)
	if err != nil {
		return err
	}
	const repetitions = 3
	var rows [][]string
	var highest float64
	for _, patients := range []int{mostPatients / 10, mostPatients} {
		var all []writing
		for range repetitions {
			one, err := write(ctx, dir, []string{program, "operation"}, fmt.Sprint(patients), d.url, bucket)
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		if patients == mostPatients && all[0].Rows < fewestRows {
			return fmt.Errorf("the largest file has only %d rows", all[0].Rows)
		}
		took, peaks := pluck(all, func(w writing) float64 { return w.Seconds }), pluck(all, writing.peak)
		show := func(s float64) string { return fmt.Sprintf("%.1f s", s) }
		rows = append(rows, []string{fmt.Sprint(patients), fmt.Sprint(all[0].Rows), show(took.median()), took.spread(show),
			seconds(pluck(all, func(w writing) time.Duration { return w.own }).median()), fmt.Sprintf("%.1f MB", float64(all[0].Bytes)/1e6),
			mib(peaks.median()), mib(peaks.highest())})
		highest = max(highest, peaks.highest())
	}
	b.say("The run of an approved export of the Full Record as Excel, %d times; its file goes to the S3 of %s:\n", repetitions, d.name)
	b.table([]string{"Patients", "Rows", "Median", "Lowest – highest", "Its processor time", "Size", "Peak memory, median", "highest"}, rows)
	b.say("Peak memory: %s (goal ≤ %d MiB: %s).\n", mib(highest), memoryToExport, against(highest <= memoryToExport))
	return nil
}

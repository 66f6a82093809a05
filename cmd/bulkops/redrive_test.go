package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// What was parked is written with the hour of this computer's clock, so nothing
// is written while that is not the time of AWS.
func TestNothingIsRedrivenWithAWrongClock(t *testing.T) {
	for _, c := range []struct {
		date    string
		problem string
	}{
		{time.Now().UTC().Format(http.TimeFormat), ""},
		{time.Now().Add(-40 * time.Second).UTC().Format(http.TimeFormat), ""},
		{time.Now().Add(-70 * time.Minute).UTC().Format(http.TimeFormat), "ahead of that of AWS; set it right"},
		{time.Now().Add(2 * time.Minute).UTC().Format(http.TimeFormat), "behind that of AWS; set it right"},
		{"", "AWS did not say what time it is"},
	} {
		looked := false
		aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Date"] = nil
			if c.date != "" {
				w.Header().Set("Date", c.date)
			}
			w.Header().Set("Content-Type", "text/xml")
			if r.Method == http.MethodGet { // what is parked
				looked = true
				fmt.Fprint(w, `<ListBucketResult><Name>failures</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>`)
				return
			}
			var outputs strings.Builder
			for name, value := range map[string]string{"AuditTable": "a", "OperationsTable": "o", "RegistryTable": "r", "AuditFailuresBucketName": "failures"} {
				fmt.Fprintf(&outputs, "<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>", name, value)
			}
			fmt.Fprintf(w, `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>bulkops</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-12-01T09:00:00Z</CreationTime><Outputs>%s</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`, outputs.String())
		}))
		t.Cleanup(aws.Close)
		t.Setenv("AWS_ENDPOINT_URL", aws.URL)
		t.Setenv("AWS_ACCESS_KEY_ID", "test")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
		var out, problems bytes.Buffer
		code := run(t.Context(), []string{"audit", "redrive"}, strings.NewReader(""), &out, &problems)
		if right := c.problem == ""; looked != right || (code == 0) != right || !strings.Contains(problems.String(), c.problem) {
			t.Errorf("AWS says %q: ends with %d, looked %v\n%s%s", c.date, code, looked, out.String(), problems.String())
		}
	}
}

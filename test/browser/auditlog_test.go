package browser_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bulkops/internal/registry"
)

// An auditor reads the audit log: all of it, by filters, and what it has about
// one patient. Who signed in and opened what stands in it at once.
func TestAnAuditorReadsTheAuditLog(t *testing.T) {
	t.Parallel()
	omar := signedIn(t, "Omar Haddad")
	omar.visit("/audit")
	omar.sees("main", "Everything that was changed, done, looked at and tried")
	if omar.count("#log tbody tr") == 0 {
		t.Error("the log is empty")
	}
	omar.look("audit-log")

	omar.set("#show", "sign-ins")
	omar.write("#operator", "haddad")
	omar.press("#search")
	who := evaluate[[]string](omar, `[...document.querySelectorAll("#log tbody td:nth-of-type(2) bdi")].map((e) => e.innerText)`)
	if !slices.Equal(slices.Compact(who), []string{"Omar Haddad"}) {
		t.Errorf("his sign-ins are those of %q", who)
	}
	omar.sees("#log", "Sign-in")
	omar.sees("#audit-csv", "Download as CSV")
	omar.look("audit-log-filtered")

	omar.set("#from", "2020-03-02")
	omar.set("#to", "2020-03-01")
	omar.press("#search")
	omar.isToldOf("to")
	omar.lookAt("audit-log-days-exchanged", 422)
	omar.set("#from", "2020-03-01")
	omar.set("#to", "2020-03-02")
	omar.press("#search")
	omar.sees("#no-match", "Nothing is recorded that matches these filters")
	omar.look("audit-log-no-match")

	patient := some(1, planFacility, registry.Active)[0]
	omar.visit("/patients/" + patient)
	omar.press("#to-audit-log")
	if asked := omar.value("#patient"); asked != patient {
		t.Errorf("the log is asked for %q, not %s", asked, patient)
	}
	omar.sees("#log", "Patient opened", "Omar Haddad", "Patient "+patient)
	omar.look("audit-log-patient")

	kept, deliveries := s3.NewFromConfig(live.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true }), live.Outputs["AuditFailuresBucketName"]
	name := aws.String("aws/lambda/parked-by-a-test")
	if _, err := kept.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &deliveries, Key: name, Body: strings.NewReader(`{"payload":{"Records":[]}}`)}); err != nil {
		t.Fatal(err)
	}
	omar.visit("/audit")
	omar.sees("#needs-attention", "Needs attention", "1 delivery of changes could not be written into the audit log", "bulkops audit redrive")
	omar.look("audit-log-needs-attention")
	if _, err := kept.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &deliveries, Key: name}); err != nil {
		t.Fatal(err)
	}
	omar.reload()
	if omar.count("#needs-attention") > 0 {
		t.Error("the log still says that something needs attention")
	}
}

package ses_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"bulkops/internal/engine"
	"bulkops/internal/ses"
)

func TestSend(t *testing.T) {
	status, body := 200, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body = r.Method + " " + r.URL.Path + " " + string(text)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"MessageId":"1"}`)
	}))
	defer server.Close()
	m := ses.New(aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("k", "s", "")}, "bulkops@clinic.example")
	mail := engine.Mail{To: "maria@clinic.example", Subject: "Approval needed: OP-1", Text: "Dear Jørgen", HTML: "<p>Dear Jørgen"}
	if err := m.Send(context.Background(), mail); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"POST /v2/email/outbound-emails ", `"FromEmailAddress":"bulkops@clinic.example"`, `"ToAddresses":["maria@clinic.example"]`,
		`"Data":"Approval needed: OP-1"`, `"Data":"Dear Jørgen"`, `"Charset":"UTF-8"`, `"Auto-Submitted"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the call lacks %s: %s", want, body)
		}
	}
	status = 400
	if err := m.Send(context.Background(), mail); err == nil {
		t.Error("a refused mail counts as sent")
	}
}

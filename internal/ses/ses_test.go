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
	"bulkops/internal/fault"
	"bulkops/internal/ses"
)

// service is an SES that answers with a status and an error type, or hangs up.
type service struct {
	status int
	error  string
	body   string // of the latest request
	asked  int
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	s.body = r.Method + " " + r.URL.Path + " " + string(text)
	s.asked++
	if s.status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Amzn-ErrorType", s.error)
	w.WriteHeader(s.status)
	_, _ = io.WriteString(w, `{"MessageId":"1","message":"to maria@clinic.example"}`)
}

func mailer(t *testing.T, s *service) *ses.Mailer {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return ses.New(aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("k", "s", "")}, "bulkops@clinic.example")
}

func TestSend(t *testing.T) {
	s := &service{status: 200}
	m := mailer(t, s)
	mail := engine.Mail{To: "maria@clinic.example", Subject: "Approval needed: OP-1", Text: "Dear Jørgen", HTML: "<p>Dear Jørgen", Operation: "OP-1", Notice: "1-2"}
	if err := m.Send(context.Background(), mail); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"POST /v2/email/outbound-emails ", `"FromEmailAddress":"bulkops@clinic.example"`, `"ToAddresses":["maria@clinic.example"]`,
		`"Data":"Approval needed: OP-1"`, `"Data":"Dear Jørgen"`, `"Charset":"UTF-8"`, `"Auto-Submitted"`,
		`"EmailTags":[{"Name":"operation","Value":"OP-1"},{"Name":"notice","Value":"1-2"}]`} {
		if !strings.Contains(s.body, want) {
			t.Errorf("the call lacks %s: %s", want, s.body)
		}
	}
}

// A mail is asked for once, and the answer says what is known: a caller tries
// again only where it is sure that nothing was sent.
func TestWhatAnAnswerMeans(t *testing.T) {
	for _, test := range []struct {
		status int
		error  string
		want   fault.Code // Internal: nobody knows
	}{
		{200, "", ""},
		{400, "MessageRejected", fault.Invalid},
		{400, "BadRequestException", fault.Invalid},
		{403, "AccessDeniedException", fault.Invalid},
		{429, "TooManyRequestsException", fault.Busy},
		{400, "ThrottlingException", fault.Busy},
		{500, "InternalFailure", fault.Internal},
		{503, "ServiceUnavailable", fault.Internal},
		{0, "", fault.Internal}, // it hangs up
	} {
		s := &service{status: test.status, error: test.error}
		err := mailer(t, s).Send(context.Background(), engine.Mail{To: "maria@clinic.example", Subject: "x", Text: "x", HTML: "x"})
		if got := fault.CodeOf(err); got != test.want || s.asked != 1 {
			t.Errorf("%d %s: %q after %d calls (%v)", test.status, test.error, got, s.asked, err)
		}
		if strings.Contains(fault.Sentence(err), "maria") {
			t.Errorf("the sentence repeats the address: %s", fault.Sentence(err))
		}
	}
}

// Package ses sends the engine's mails with Amazon SES.
package ses

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

// Mailer sends mails from one address, which SES has verified.
type Mailer struct {
	api  *sesv2.Client
	from string
}

var _ engine.Mailer = (*Mailer)(nil)

// New returns a mailer. The settings of the address's identity (template.yaml)
// apply to every mail.
func New(cfg aws.Config, from string) *Mailer { return &Mailer{sesv2.NewFromConfig(cfg), from} }

// answerTime is how long SES may take to answer.
const answerTime = 10 * time.Second

// Send sends plain text and HTML, written by the engine: SES templates are not
// used, because what is wrong in one is found only after the call. It asks once:
// the SDK would try again after a lost answer, and the mail would go out twice.
func (m *Mailer) Send(ctx context.Context, mail engine.Mail) error {
	content := func(text string) *types.Content { return &types.Content{Data: &text, Charset: aws.String("UTF-8")} }
	in := &sesv2.SendEmailInput{
		FromEmailAddress: &m.from,
		Destination:      &types.Destination{ToAddresses: []string{mail.To}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: content(mail.Subject),
			Body:    &types.Body{Text: content(mail.Text), Html: content(mail.HTML)},
			// So that nobody's "out of office" answers it. (RFC 3834, section 5)
			Headers: []types.MessageHeader{{Name: aws.String("Auto-Submitted"), Value: aws.String("auto-generated")}},
		}},
	}
	if mail.Notice != "" { // comes back with the report of a bounce
		in.EmailTags = []types.MessageTag{{Name: aws.String("operation"), Value: &mail.Operation}, {Name: aws.String("notice"), Value: &mail.Notice}}
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, err := m.api.SendEmail(ctx, in, func(o *sesv2.Options) { o.Retryer = aws.NopRetryer{} })
	return judge(err)
}

// judge says whether SES took the mail. It answers with a status below 500
// where it did not.
func judge(err error) error {
	const what = "send a mail"
	response, said := (*awshttp.ResponseError)(nil), smithy.APIError(nil)
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &response) || !errors.As(err, &said) || response.HTTPStatusCode() >= http.StatusInternalServerError:
		return fmt.Errorf("%s: %w", what, err)
	case response.HTTPStatusCode() == http.StatusTooManyRequests || said.ErrorCode() == "Throttling" || said.ErrorCode() == "ThrottlingException":
		return fault.Wrap(err, fault.Busy, "The mail service is busy.")
	}
	return fault.Wrap(err, fault.Invalid, "The mail service refused the message (%s). Check the address with your administrator, then run it again.", said.ErrorCode())
}

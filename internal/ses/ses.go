// Package ses sends the engine's mails with Amazon SES.
package ses

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"bulkops/internal/engine"
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

// Send sends plain text and HTML, written by the engine: SES templates are not
// used, because what is wrong in one is found only after the call.
func (m *Mailer) Send(ctx context.Context, mail engine.Mail) error {
	content := func(text string) *types.Content { return &types.Content{Data: &text, Charset: aws.String("UTF-8")} }
	_, err := m.api.SendEmail(ctx, &sesv2.SendEmailInput{
		FromEmailAddress: &m.from,
		Destination:      &types.Destination{ToAddresses: []string{mail.To}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: content(mail.Subject),
			Body:    &types.Body{Text: content(mail.Text), Html: content(mail.HTML)},
			// So that nobody's "out of office" answers it. (RFC 3834, section 5)
			Headers: []types.MessageHeader{{Name: aws.String("Auto-Submitted"), Value: aws.String("auto-generated")}},
		}},
	})
	if err != nil {
		return fmt.Errorf("send a mail: %w", err)
	}
	return nil
}

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"bulkops/internal/staff"
)

// accounts are the sign-ins of the staff: the Cognito user pool. An account
// says who somebody is; what they may do is in the staff directory.
type accounts struct {
	client *cognitoidentityprovider.Client
	pool   string
}

func (s *stack) accounts() (*accounts, error) {
	pool, err := s.output("UserPoolId")
	return &accounts{cognitoidentityprovider.NewFromConfig(s.aws), pool}, err
}

// invite makes an account. Cognito sends the invitation with a password for
// the first sign-in. sub is the account's key, also of one that exists.
func (a *accounts) invite(ctx context.Context, p staff.Person) (sub string, isNew bool, err error) {
	return a.create(ctx, p, rand.Text()[:12]+"-aA1", types.MessageActionType(""))
}

// ensure makes an account that signs in with the password at once, without a
// mail. One that exists keeps its own password.
func (a *accounts) ensure(ctx context.Context, p staff.Person, password string) (sub string, isNew bool, err error) {
	sub, isNew, err = a.create(ctx, p, password, types.MessageActionTypeSuppress)
	if err != nil || !isNew {
		return sub, isNew, err
	}
	_, err = a.client.AdminSetUserPassword(ctx, &cognitoidentityprovider.AdminSetUserPasswordInput{
		UserPoolId: &a.pool, Username: &p.Email, Password: &password, Permanent: true,
	})
	if err != nil {
		return "", false, fmt.Errorf("set the password of %s: %w", p.Email, err)
	}
	return sub, true, nil
}

// create makes an account with a password for the first sign-in: the one that
// the local AWS would draw is shorter than the pool allows.
func (a *accounts) create(ctx context.Context, p staff.Person, first string, mail types.MessageActionType) (sub string, isNew bool, err error) {
	in := &cognitoidentityprovider.AdminCreateUserInput{
		UserPoolId: &a.pool, Username: &p.Email, TemporaryPassword: &first, MessageAction: mail,
		UserAttributes: []types.AttributeType{
			{Name: aws.String("email"), Value: &p.Email},
			{Name: aws.String("email_verified"), Value: aws.String("true")},
			{Name: aws.String("name"), Value: &p.Name},
		},
	}
	if mail == "" {
		in.DesiredDeliveryMediums = []types.DeliveryMediumType{types.DeliveryMediumTypeEmail}
	}
	made, err := a.client.AdminCreateUser(ctx, in)
	if exists := (*types.UsernameExistsException)(nil); errors.As(err, &exists) {
		sub, err = a.sub(ctx, p.Email)
		return sub, false, err
	}
	if err != nil {
		return "", false, fmt.Errorf("make an account for %s: %w", p.Email, err)
	}
	if sub = subOf(made.User.Attributes); sub == "" {
		sub, err = a.sub(ctx, p.Email)
	}
	return sub, true, err
}

func (a *accounts) sub(ctx context.Context, email string) (string, error) {
	found, err := a.client.AdminGetUser(ctx, &cognitoidentityprovider.AdminGetUserInput{UserPoolId: &a.pool, Username: &email})
	if err != nil {
		return "", fmt.Errorf("read the account of %s: %w", email, err)
	}
	sub := subOf(found.UserAttributes)
	if sub == "" {
		return "", fmt.Errorf("the account of %s has no sub", email)
	}
	return sub, nil
}

// able lets an account sign in, or not.
func (a *accounts) able(ctx context.Context, email string, may bool) error {
	var err error
	if may {
		_, err = a.client.AdminEnableUser(ctx, &cognitoidentityprovider.AdminEnableUserInput{UserPoolId: &a.pool, Username: &email})
	} else {
		_, err = a.client.AdminDisableUser(ctx, &cognitoidentityprovider.AdminDisableUserInput{UserPoolId: &a.pool, Username: &email})
	}
	if err != nil {
		return fmt.Errorf("change the account of %s: %w", email, err)
	}
	return nil
}

func subOf(attributes []types.AttributeType) string {
	for _, a := range attributes {
		if aws.ToString(a.Name) == "sub" {
			return aws.ToString(a.Value)
		}
	}
	return ""
}

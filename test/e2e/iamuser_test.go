package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// somebodyWith makes an IAM user who may do the actions anywhere, and returns
// what it takes to be that user: the policies of resources are not asked about
// the owner of the account.
func somebodyWith(t *testing.T, name string, actions ...string) aws.Config {
	t.Helper()
	iam := func(action string, more ...string) []byte {
		form := url.Values{"Action": {action}, "Version": {"2010-05-08"}, "UserName": {name}}
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		body := []byte(form.Encode())
		cfg := live.AWSConfig()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, aws.ToString(cfg.BaseEndpoint)+"/", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		owner, err := cfg.Credentials.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(body)
		if err := v4.NewSigner().SignHTTP(t.Context(), owner, request, hex.EncodeToString(sum[:]), "iam", "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %.300s %v", action, answer.Status, text, err)
		}
		return text
	}
	iam("CreateUser")
	iam("PutUserPolicy", "PolicyName", "may", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["`+strings.Join(actions, `","`)+`"],"Resource":"*"}]}`)
	var made struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	if err := xml.Unmarshal(iam("CreateAccessKey"), &made); err != nil || made.ID == "" {
		t.Fatalf("an access key: %v", err)
	}
	cfg := live.AWSConfig()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(made.ID, made.Secret, "")
	return cfg
}

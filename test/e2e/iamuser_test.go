package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// callIAM calls an action of IAM as the owner of the account. The rest are names
// and values of its parameters.
func callIAM(t *testing.T, action string, parameters ...string) []byte {
	t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	ctx := context.WithoutCancel(t.Context()) // also called while a test is cleaned up
	body := []byte(form.Encode())
	cfg := live.AWSConfig()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, aws.ToString(cfg.BaseEndpoint)+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	owner, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, owner, request, hex.EncodeToString(sum[:]), "iam", "us-east-1", time.Now()); err != nil {
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

// somebodyWith makes an IAM user who may do the actions anywhere, and returns
// what it takes to be that user: the policies of resources are not asked about
// the owner of the account.
func somebodyWith(t *testing.T, name string, actions ...string) aws.Config {
	t.Helper()
	callIAM(t, "CreateUser", "UserName", name)
	callIAM(t, "PutUserPolicy", "UserName", name, "PolicyName", "may", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["`+strings.Join(actions, `","`)+`"],"Resource":"*"}]}`)
	var made struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	if err := xml.Unmarshal(callIAM(t, "CreateAccessKey", "UserName", name), &made); err != nil || made.ID == "" {
		t.Fatalf("an access key: %v", err)
	}
	cfg := live.AWSConfig()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(made.ID, made.Secret, "")
	return cfg
}

// deny takes rights away from a role of the stack, given its logical id, until
// back is called, which can be done twice. A denial goes before whatever allows
// it, so the role's own policies stay as they are.
func deny(t *testing.T, role string, statements ...map[string]any) (back func()) {
	t.Helper()
	for _, s := range statements {
		s["Effect"] = "Deny"
	}
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	name := "denied-" + thisRun
	callIAM(t, "PutRolePolicy", "RoleName", live.Resources[role], "PolicyName", name, "PolicyDocument", string(policy))
	back = sync.OnceFunc(func() { callIAM(t, "DeleteRolePolicy", "RoleName", live.Resources[role], "PolicyName", name) })
	t.Cleanup(back)
	return back
}

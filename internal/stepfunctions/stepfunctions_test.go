package stepfunctions_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"bulkops/internal/engine"
	"bulkops/internal/stepfunctions"
)

const arn = "arn:aws:states:us-east-1:123456789012:stateMachine:bulkops-bulk-operation"

// service answers every call with the text; "!X" is the service's error X.
// The last call is in action and body.
type service struct {
	answer, action string
	body           map[string]string
}

func (s *service) machine(t *testing.T) *stepfunctions.Machine {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		s.body = nil
		if err := json.Unmarshal(text, &s.body); err != nil {
			t.Error(err)
		}
		s.action = r.Header.Get("X-Amz-Target")
		if name, failed := strings.CutPrefix(s.answer, "!"); failed {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"__type":"com.amazonaws.swf.service.v2.model#`+name+`","message":"m"}`)
			return
		}
		_, _ = io.WriteString(w, s.answer)
	}))
	t.Cleanup(server.Close)
	return stepfunctions.New(aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("k", "s", "")}, arn)
}

func TestStart(t *testing.T) {
	s := &service{answer: `{"executionArn":"x","startDate":1}`}
	m := s.machine(t)
	if runs, err := m.Start(context.Background(), "OP-1"); err != nil || !runs {
		t.Fatal(runs, err)
	}
	if s.body["name"] != "OP-1" || s.body["stateMachineArn"] != arn || s.body["input"] != `{"operation":"OP-1"}` {
		t.Errorf("%s %v", s.action, s.body)
	}
	s.answer = "!ExecutionAlreadyExists"
	if runs, err := m.Start(context.Background(), "OP-1"); err != nil || runs {
		t.Errorf("a second start: %v %v", runs, err)
	}
	s.answer = "!StateMachineDoesNotExist"
	if _, err := m.Start(context.Background(), "OP-1"); err == nil {
		t.Error("no error without a state machine")
	}
}

func TestSucceed(t *testing.T) {
	s := &service{answer: "{}"}
	m := s.machine(t)
	if err := m.Succeed(context.Background(), "token", engine.Answer{Next: engine.NextRun}); err != nil {
		t.Fatal(err)
	}
	if s.body["taskToken"] != "token" || s.body["output"] != `{"next":"run"}` {
		t.Errorf("%s %v", s.action, s.body)
	}
	for answer, gone := range map[string]bool{"!TaskTimedOut": true, "!TaskDoesNotExist": true, "!InvalidToken": true, "!InvalidOutput": false} {
		s.answer = answer
		err := m.Succeed(context.Background(), "token", nil)
		if err == nil || errors.Is(err, engine.ErrNoWait) != gone {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func TestAlive(t *testing.T) {
	s := &service{}
	m := s.machine(t)
	for answer, want := range map[string]bool{
		`{"status":"RUNNING"}`: true, `{"status":"SUCCEEDED"}`: false, `{"status":"FAILED"}`: false, "!ExecutionDoesNotExist": false,
	} {
		s.answer = answer
		if alive, err := m.Alive(context.Background(), "OP-1"); alive != want || err != nil {
			t.Errorf("%s: %v %v", answer, alive, err)
		}
	}
	if s.body["executionArn"] != "arn:aws:states:us-east-1:123456789012:execution:bulkops-bulk-operation:OP-1" {
		t.Errorf("asked for %v", s.body)
	}
	s.answer = "!AccessDeniedException"
	if _, err := m.Alive(context.Background(), "OP-1"); err == nil {
		t.Error("an answer that says nothing was taken as one")
	}
}

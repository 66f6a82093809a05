package lambdastep_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"

	"bulkops/internal/fault"
	"bulkops/internal/lambdastep"
)

type input struct{ Batch int }

// Through the real Lambda handler, because it is the one that names errors.
func invoke(t *testing.T, step func(context.Context, input) (int, error), payload string) (answer, log string) {
	t.Helper()
	var buf bytes.Buffer
	h := lambda.NewHandler(lambdastep.Edge(step, slog.New(slog.NewTextHandler(&buf, nil))))
	out, err := h.Invoke(context.Background(), []byte(payload))
	if err != nil {
		out, _ = json.Marshal(err)
	}
	return string(out), buf.String()
}

func TestAnswerPassesThrough(t *testing.T) {
	answer, _ := invoke(t, func(_ context.Context, in input) (int, error) { return in.Batch * 2, nil }, `{"batch": 21}`)
	if answer != "42" {
		t.Error(answer)
	}
}

// Only a name and a safe sentence may reach the execution history.
func TestErrorsCrossAsNameAndSentence(t *testing.T) {
	secret := errors.New("patient Zqxv in item 7")
	for _, c := range []struct {
		err            error
		name, sentence string
	}{
		{fault.Wrap(secret, fault.Busy, "Try again."), "Busy", "Try again."},
		{fault.Wrap(secret, fault.NotFound, "There is no such operation."), "Refused", "There is no such operation."},
		{fault.Wrap(secret, fault.Internal, "Zqxv"), "Internal", "Something went wrong on our side."},
		{secret, "Internal", "Something went wrong on our side."},
	} {
		answer, log := invoke(t, func(context.Context, input) (int, error) { return 0, c.err }, `{}`)
		var got struct{ ErrorType, ErrorMessage string }
		if err := json.Unmarshal([]byte(answer), &got); err != nil {
			t.Fatal(err)
		}
		if got.ErrorType != c.name || !strings.HasPrefix(got.ErrorMessage, c.sentence) || strings.Contains(answer, "Zqxv") {
			t.Errorf("%v crossed as %s", c.err, answer)
		}
		if !strings.Contains(log, string(fault.CodeOf(c.err))) {
			t.Errorf("%v is not in the log: %s", c.err, log)
		}
	}
}

func TestPanicCrossesAsInternal(t *testing.T) {
	for _, cause := range []any{"patient Zqxv", errors.New("Zqxv")} {
		answer, log := invoke(t, func(context.Context, input) (int, error) { panic(cause) }, `{}`)
		if !strings.Contains(answer, `"Internal"`) || strings.Contains(answer+log, "Zqxv") || !strings.Contains(log, "lambdastep_test.go") {
			t.Errorf("answer %s, log %s", answer, log)
		}
	}
	_, log := invoke(t, func(_ context.Context, in input) (int, error) { return 1 / in.Batch, nil }, `{}`)
	if !strings.Contains(log, "divide by zero") {
		t.Errorf("a runtime error is not named: %s", log)
	}
}

func TestUnreadableInputIsRefusedWithoutQuotingIt(t *testing.T) {
	answer, _ := invoke(t, func(context.Context, input) (int, error) { return 0, nil }, `{"batch": "Zqxv"}`)
	if !strings.Contains(answer, `"Refused"`) || strings.Contains(answer, "Zqxv") {
		t.Error(answer)
	}
}

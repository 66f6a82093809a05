package e2e_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/dynamo"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/ses"
	"bulkops/internal/staff"
	"bulkops/internal/stepfunctions"
	"bulkops/local/stack"
)

// clinic is the stack under test with an administrator's hands on everything
// that it stores.
type clinic struct {
	*stack.Stack
	registry   *dynamo.Registry
	operations *dynamo.Operations
	staff      *dynamo.Staff
	audit      *dynamo.Audit
	machine    *stepfunctions.Machine

	database   *dynamodb.Client
	functions  *lambda.Client
	executions *sfn.Client
}

func newClinic(s *stack.Stack) *clinic {
	cfg := s.AWSConfig()
	client := dynamo.NewClient(cfg)
	return &clinic{
		Stack:      s,
		registry:   dynamo.NewRegistry(client, s.Outputs["RegistryTable"]),
		operations: dynamo.NewOperations(client, s.Outputs["OperationsTable"], s.Outputs["RegistryTable"]),
		staff:      dynamo.NewStaff(client, s.Outputs["AccessTable"]),
		audit:      dynamo.NewAudit(client, s.Outputs["AuditTable"]),
		machine:    stepfunctions.New(cfg, s.Outputs["StateMachineArn"]),
		database:   dynamodb.NewFromConfig(cfg),
		functions:  lambda.NewFromConfig(cfg),
		executions: sfn.NewFromConfig(cfg),
	}
}

// engine returns the use cases on the deployed tables and state machine: what
// portal and API call, for tests that are about what comes after.
func (c *clinic) engine(t *testing.T) *engine.Engine {
	return &engine.Engine{
		Registry: c.registry, Operations: c.operations, Staff: c.staff, Machine: c.machine,
		Mailer: ses.New(c.AWSConfig(), c.Outputs["MailFromAddress"]),
		Now:    func() time.Time { return time.Now().UTC() },
		Pause:  engine.Pause,
		NewID:  bulk.NewID,
		Secret: rand.Text,
		Log: func(_ context.Context, what string, err error, args ...any) {
			t.Log(append([]any{what, err}, args...)...)
		},
		Limits:    engine.DefaultLimits,
		PortalURL: c.PortalURL,
	}
}

// call calls a deployed function and returns what it answered, or the error
// name that a step of the state machine would get.
func (c *clinic) call(t *testing.T, function string, input any) (answer []byte, failure string) {
	t.Helper()
	payload, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.functions.Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(c.physicalName(function)), Payload: payload,
	})
	if err != nil {
		t.Fatalf("call the function %s: %v", function, err)
	}
	if out.FunctionError == nil {
		return out.Payload, ""
	}
	var failed struct {
		ErrorType string `json:"errorType"`
	}
	if err := json.Unmarshal(out.Payload, &failed); err != nil {
		t.Fatalf("the function %s failed with %s: %v", function, out.Payload, err)
	}
	return out.Payload, failed.ErrorType
}

// physicalName is the name of a deployed function, given its folder.
func (c *clinic) physicalName(function string) string {
	return c.Resources[strings.ToUpper(function[:1])+function[1:]+"Function"]
}

// sweep runs the watch now; the schedule runs it only once a minute.
func (c *clinic) sweep(t *testing.T) {
	t.Helper()
	if answer, failure := c.call(t, "watch", struct{}{}); failure != "" {
		t.Fatalf("the watch failed: %s", answer)
	}
}

// person returns somebody of the sample's staff, as the directory has them now.
func (c *clinic) person(t *testing.T, role staff.Role, email string) staff.Person {
	t.Helper()
	people, err := c.staff.People(t.Context(), role)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(people, func(p staff.Person) bool { return p.Email == email })
	if i < 0 {
		t.Fatalf("nobody of the staff has the address %s", email)
	}
	return people[i]
}

// patients reads the profiles with the ids; all must be there.
func (c *clinic) patients(t *testing.T, ids ...string) []registry.Patient {
	t.Helper()
	found, err := c.registry.Patients(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	list := make([]registry.Patient, len(ids))
	for i, id := range ids {
		p, ok := found[id]
		if !ok {
			t.Fatalf("there is no patient %s", id)
		}
		list[i] = p
	}
	return list
}

// collect reads a sequence to its end.
func collect[T any](t *testing.T, values iter.Seq2[T, error]) []T {
	t.Helper()
	var all []T
	for v, err := range values {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// changesOf returns the audit records of an operation's changes.
func (c *clinic) changesOf(t *testing.T, operation string) []audit.Record {
	t.Helper()
	return slices.DeleteFunc(collect(t, c.audit.ForOperation(t.Context(), operation)), func(r audit.Record) bool { return r.Type != audit.Change })
}

// amend changes what is stored of an operation, as time would.
func (c *clinic) amend(t *testing.T, id string, change func(op *bulk.Operation)) {
	t.Helper()
	eventually(t, id+" is amended", func() bool {
		op, err := c.operations.Operation(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		change(&op)
		if err = c.operations.Update(t.Context(), op, bulk.Event{At: time.Now(), What: "amended", Detail: "by the test"}); err != nil && !fault.Is(err, fault.Conflict) {
			t.Fatal(err)
		}
		return err == nil
	})
}

// eventually tries until attempt says yes, and fails the test when patience is
// over. what completes "it did not come true that …".
func eventually(t *testing.T, what string, attempt func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !attempt(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("within %s it did not come true that %s", patience, what)
		}
	}
}

// httpClient finds the portal and follows no redirects.
func (c *clinic) httpClient() *http.Client {
	return &http.Client{
		Transport:     c.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

package browser_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"bulkops/internal/bulk"
	"bulkops/internal/dynamo"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
	"bulkops/internal/staff"
	"bulkops/local/stack"
)

// Facilities of the sample, by the test that may change their patients. Tests
// that only make plans read the others'.
const (
	jobFacility      = "riverside"   // the main job, by people who hold it alone
	noScriptFacility = "lakeside"    // the main job without script
	planFacility     = "harbor-view" // plans only: nobody changes it
	keyboardFacility = "summit"      // the main job with the keyboard
	staleFacility    = "mesa"        // hand edits between plan and run
	decideFacility   = "islands"     // rejected, late, twice submitted
)

// clinic is the stack under test with what is stored about its patients before
// the first test: the tests count for themselves what a page has to say.
type clinic struct {
	*stack.Stack
	access     *dynamo.Access
	registry   *dynamo.Registry
	operations *dynamo.Operations
	staff      *dynamo.Staff
	accounts   *cognitoidentityprovider.Client
	patients   []registry.Patient
}

func newClinic(ctx context.Context, s *stack.Stack) (*clinic, error) {
	client := dynamo.NewClient(s.AWSConfig())
	c := &clinic{
		Stack:      s,
		access:     dynamo.NewAccess(client, s.Outputs["AccessTable"]),
		registry:   dynamo.NewRegistry(client, s.Outputs["RegistryTable"]),
		operations: dynamo.NewOperations(client, s.Outputs["OperationsTable"], s.Outputs["RegistryTable"]),
		staff:      dynamo.NewStaff(client, s.Outputs["AccessTable"]),
		accounts:   cognitoidentityprovider.NewFromConfig(s.AWSConfig()),
	}
	var all []string
	for n := 1; n <= patients; n++ {
		all = append(all, sample.PatientID(n))
	}
	found, err := c.registry.Patients(ctx, all)
	for _, id := range all {
		if p, ok := found[id]; ok {
			c.patients = append(c.patients, p)
		}
	}
	return c, err
}

// email is the sign-in of a person of the sample's staff, or of one hired.
func (c *clinic) email(name string) string {
	for _, p := range sample.People() {
		if p.Name == name {
			return p.Email
		}
	}
	return strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "@example.org"
}

// hire gives somebody an account; with a role, an entry in the staff directory too.
func (c *clinic) hire(t *testing.T, name string, role staff.Role, facilities ...string) {
	t.Helper()
	email, password, pool := c.email(name), sample.Password, c.Outputs["UserPoolId"]
	made, err := c.accounts.AdminCreateUser(t.Context(), &cognitoidentityprovider.AdminCreateUserInput{UserPoolId: &pool, Username: &email,
		TemporaryPassword: &password, MessageAction: types.MessageActionTypeSuppress,
		UserAttributes: []types.AttributeType{{Name: aws.String("email"), Value: &email}, {Name: aws.String("email_verified"), Value: aws.String("true")}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.accounts.AdminSetUserPassword(t.Context(), &cognitoidentityprovider.AdminSetUserPasswordInput{
		UserPoolId: &pool, Username: &email, Password: &password, Permanent: true}); err != nil {
		t.Fatal(err)
	}
	for _, a := range made.User.Attributes {
		if aws.ToString(a.Name) != "sub" || role == "" {
			continue
		}
		p := staff.Person{Sub: aws.ToString(a.Value), Name: name, Email: email, Role: role, Facilities: facilities}
		if err := c.staff.PutPerson(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

// dismiss takes every right away from somebody who was hired.
func (c *clinic) dismiss(t *testing.T, name string) {
	t.Helper()
	people, err := c.staff.People(t.Context(), staff.Staff)
	i := slices.IndexFunc(people, func(p staff.Person) bool { return p.Name == name })
	if err != nil || i < 0 {
		t.Fatalf("%s is not in the staff directory: %v", name, err)
	}
	people[i].Disabled = true
	if err := c.staff.PutPerson(t.Context(), people[i]); err != nil {
		t.Fatal(err)
	}
}

// those returns the sample's patients of a facility, those with one of the
// statuses if any are given.
func (c *clinic) those(facility string, statuses ...registry.Status) []registry.Patient {
	return slices.DeleteFunc(slices.Clone(c.patients), func(p registry.Patient) bool {
		return p.Facility() != facility || len(statuses) > 0 && !slices.Contains(statuses, p.Status())
	})
}

// free drops those whose record is locked.
func free(patients []registry.Patient) []registry.Patient {
	return slices.DeleteFunc(slices.Clone(patients), func(p registry.Patient) bool { return p.LockedBy() != "" })
}

func ids(patients []registry.Patient) []string {
	var all []string
	for _, p := range patients {
		all = append(all, p.ID())
	}
	return all
}

// visitsAhead counts the patients' visits that are still to come.
func visitsAhead(patients []registry.Patient) int {
	n := 0
	for _, p := range patients {
		for _, v := range p.Visits() {
			if v.Start.After(time.Now()) {
				n++
			}
		}
	}
	return n
}

// workers are the processes of a function.
type workers []int

// signal stops them in the middle of what they do, or lets them go on.
func (w workers) signal(s syscall.Signal) {
	for _, pid := range w {
		_ = syscall.Kill(pid, s) // one that has ended meanwhile holds up nobody
	}
}

// hold stops a function, so that a page can be looked at while an operation is
// planned. release lets it go on; the test's end does at the latest.
func (c *clinic) hold(t *testing.T, function string) (release func()) {
	t.Helper()
	pids, err := c.FunctionPIDs(function)
	if err != nil || len(pids) == 0 {
		t.Fatalf("the function %s has no workers that could be held: %v", function, err)
	}
	workers(pids).signal(syscall.SIGSTOP)
	release = func() { workers(pids).signal(syscall.SIGCONT) }
	t.Cleanup(release)
	return release
}

// holdRun lets a run go in slow motion until it has done a part of its work,
// and holds it there. It is called before the approval; held gives the way to
// let it go on.
func (c *clinic) holdRun(t *testing.T, operation string) (held func() (release func())) {
	t.Helper()
	caught := make(chan func(), 1)
	go func() {
		defer close(caught)
		var held workers
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
			held.signal(syscall.SIGSTOP)
			if pids, err := c.FunctionPIDs("execute"); err == nil {
				held = pids // new ones are started when there is work
				held.signal(syscall.SIGSTOP)
			}
			if tally, err := c.operations.Progress(context.Background(), operation); err == nil && tally.Attempted() > 0 {
				if pids, err := c.FunctionPIDs("execute"); err == nil {
					held = pids // the one at work may have been started after the last look
					held.signal(syscall.SIGSTOP)
				}
				caught <- func() { held.signal(syscall.SIGCONT) }
				return
			}
			held.signal(syscall.SIGCONT)
			time.Sleep(4 * time.Millisecond)
		}
	}()
	return func() func() {
		t.Helper()
		release, ok := <-caught
		if !ok {
			t.Fatalf("%s did not begin to run", operation)
		}
		t.Cleanup(release)
		return release
	}
}

// operation reads an operation as it is stored.
func (c *clinic) operation(t *testing.T, id string) bulk.Operation {
	t.Helper()
	op, err := c.operations.Operation(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return op
}

// number reads a number as pages show it: 1,234.
func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	if err != nil {
		t.Fatalf("%q is no number", text)
	}
	return n
}

// shown writes a number as pages show it.
func shown(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

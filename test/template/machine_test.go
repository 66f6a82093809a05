package template_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

const maxState = 256 * 1024 // bytes of a state's input or output (Step Functions quota)

var placeholder = regexp.MustCompile(`\$\{(\w+)\}`)

// machine reads the state machine with the placeholders filled in: functions by
// their names, numbers by the parameters' defaults.
func machine(t *testing.T, x template) object {
	t.Helper()
	text, err := os.ReadFile(root + "statemachines/bulk-operation.asl.json")
	if err != nil {
		t.Fatal(err)
	}
	given := x.properties("BulkOperationMachine")["DefinitionSubstitutions"].(object)
	used := map[string]bool{}
	filled := placeholder.ReplaceAllStringFunc(string(text), func(s string) string {
		name := strings.Trim(s, "${}")
		used[name] = true
		if parameter, ok := get(given, name, "Ref").(string); ok && x.parameters[parameter] != nil {
			number, _ := json.Marshal(get(x.parameters, parameter, "Default"))
			return string(number)
		}
		return name
	})
	if got, want := slices.Sorted(maps.Keys(used)), slices.Sorted(maps.Keys(given)); !slices.Equal(got, want) {
		t.Fatalf("the state machine has placeholders %v, the template fills in %v", got, want)
	}
	var m object
	if err := json.Unmarshal([]byte(filled), &m); err != nil {
		t.Fatalf("not JSON once the placeholders are filled in: %v", err)
	}
	return m
}

// states returns every state by name, those inside the Map too.
func states(m object) map[string]object {
	all := map[string]object{}
	for name, s := range m["States"].(object) {
		all[name] = s.(object)
		if inner, ok := s.(object)["ItemProcessor"].(object); ok {
			maps.Copy(all, states(inner))
		}
	}
	return all
}

func ofKind(m object, kind string) map[string]object {
	found := states(m)
	maps.DeleteFunc(found, func(_ string, s object) bool { return s["Type"] != kind })
	return found
}

func waits(s object) bool { return strings.HasSuffix(s["Resource"].(string), ".waitForTaskToken") }

func TestEverythingEndsInTime(t *testing.T) {
	x := load(t)
	m := machine(t, x)
	total := 0.0
	for name, s := range ofKind(m, "Task") {
		limit, ok := s["TimeoutSeconds"].(float64)
		if !ok || limit <= 0 {
			t.Errorf("%s has no TimeoutSeconds", name)
			continue
		}
		total += limit
		for _, r := range list(s["Retry"]) {
			if slices.Contains(list(get(r, "ErrorEquals")), any("States.Timeout")) {
				total += limit * get(r, "MaxAttempts").(float64)
			}
		}
		if waits(s) {
			continue
		}
		// The function's own limit ends it first, so that its log says why.
		function := strings.TrimSuffix(get(s, "Parameters", "FunctionName").(string), "Arn")
		own := x.properties(function)["Timeout"].(int)
		if limit <= float64(own) || limit > float64(own)+60 {
			t.Errorf("%s waits %v s for a function that ends after %d s", name, limit, own)
		}
	}
	if limit, _ := m["TimeoutSeconds"].(float64); limit < total || limit > 365*24*3600 {
		t.Errorf("the machine's TimeoutSeconds is %v, its tasks may take %v", limit, total)
	}
}

func TestTheWaitsEndWithTheParameters(t *testing.T) {
	x := load(t)
	tasks := ofKind(machine(t, x), "Task")
	for name, parameter := range map[string]string{"Review": "ReviewExpireAfterSeconds", "Approve": "ExpireAfterSeconds"} {
		s := tasks[name]
		if want := get(x.parameters, parameter, "Default").(int); !waits(s) || s["TimeoutSeconds"] != float64(want) {
			t.Errorf("%s ends after %v s, want %d", name, s["TimeoutSeconds"], want)
		}
		first := list(s["Catch"])[0]
		if !slices.Equal(list(get(first, "ErrorEquals")), []any{"States.Timeout"}) || get(first, "Next") != "Close" {
			t.Errorf("%s does not close the operation when nobody answers: %v", name, first)
		}
		delete(tasks, name)
	}
	for name, s := range tasks {
		if waits(s) {
			t.Errorf("%s waits for an answer and is not in this test", name)
		}
	}
}

func TestRetries(t *testing.T) {
	service := []string{"Lambda.ClientExecutionTimeoutException", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException"}
	refused := fault.Name(fault.New(fault.Invalid, ""))
	busy, internal := fault.Name(fault.New(fault.Busy, "")), fault.Name(fault.New(fault.Internal, ""))
	for name, s := range ofKind(machine(t, load(t)), "Task") {
		attempts := map[string]float64{}
		for _, r := range list(s["Retry"]) {
			most := get(r, "MaxAttempts").(float64)
			for _, e := range list(get(r, "ErrorEquals")) {
				if _, twice := attempts[e.(string)]; twice {
					t.Errorf("%s retries %s twice", name, e)
				}
				attempts[e.(string)] = most
			}
			if most > 0 && (get(r, "JitterStrategy") != "FULL" || get(r, "MaxDelaySeconds") == nil || get(r, "BackoffRate").(float64) < 2) {
				t.Errorf("%s retries %v without jitter, a growing delay or an upper limit of it", name, get(r, "ErrorEquals"))
			}
		}
		for _, e := range append(service, "Lambda.Unknown", "Sandbox.Timedout", busy, internal) {
			if attempts[e] < 3 {
				t.Errorf("%s does not retry %s", name, e)
			}
		}
		if most, ok := attempts[refused]; !ok || most != 0 {
			t.Errorf("%s retries what was refused", name)
		}
		// A step that timed out may be run again. A wait that timed out asks once more:
		// what was recorded is delivered, and the rest expires.
		if attempts["States.Timeout"] < 1 {
			t.Errorf("%s: retry of States.Timeout", name)
		}
		if attempts["States.ALL"] > 0 || attempts["States.TaskFailed"] > 0 {
			t.Errorf("%s retries errors that nobody named", name)
		}
	}
}

// Nothing was begun when a function has no call left, since other operations use
// them all: that is waited for, for hours. Even where it happens to every step,
// the history of the execution stays far below its quota.
func TestACallThatIsNotLeftIsWaitedFor(t *testing.T) {
	const perTry, maxHistory = 3, 25_000 // events: scheduled, started, failed (Step Functions quota)
	m := machine(t, load(t))
	events := 0.0
	for name, s := range ofKind(m, "Task") {
		i := slices.IndexFunc(list(s["Retry"]), func(r any) bool {
			return slices.Equal(list(get(r, "ErrorEquals")), []any{"Lambda.TooManyRequestsException"})
		})
		if i < 0 {
			t.Errorf("%s has no retry of its own for calls that are not left", name)
			continue
		}
		r := list(s["Retry"])[i]
		tries, delay := get(r, "MaxAttempts").(float64), get(r, "MaxDelaySeconds").(float64)
		if hours := tries * delay / 2 / 3600; hours < 4 || delay > 60 { // on average half of the delay, with full jitter
			t.Errorf("%s waits %.1f hours for a call, up to %v s between two tries", name, hours, delay)
		}
		if name == "Execute" {
			if tries*perTry > maxHistory/2 {
				t.Errorf("%s may try %v times", name, tries)
			}
			continue // its execution is the batch's own
		}
		events += tries * perTry
	}
	if events > maxHistory*2/3 {
		t.Errorf("waiting for calls may add %v events to a history of at most %d", events, maxHistory)
	}
}

// No error ends in success: the last Catch leads to CloseFailed, which leads to Failed.
func TestCatches(t *testing.T) {
	m := machine(t, load(t))
	all := states(m)
	for name, s := range all {
		if s["Type"] != "Task" && s["Type"] != "Map" || name == "Execute" { // Execute's errors are the Map's
			continue
		}
		catch := list(s["Catch"])
		if name == "Close" || name == "CloseFailed" {
			if len(catch) > 0 {
				t.Errorf("%s catches; the watch sees to what cannot be closed", name)
			}
			continue
		}
		if len(catch) == 0 {
			t.Errorf("%s catches nothing", name)
			continue
		}
		last := catch[len(catch)-1]
		if !slices.Equal(list(get(last, "ErrorEquals")), []any{"States.ALL"}) || get(last, "Next") != "CloseFailed" || get(last, "ResultPath") != "$.failure" {
			t.Errorf("%s: last catch %v", name, last)
		}
		for _, c := range catch[:len(catch)-1] {
			if !waits(s) || !slices.Equal(list(get(c, "ErrorEquals")), []any{"States.Timeout"}) {
				t.Errorf("%s: an error that ends as if all were well: %v", name, c)
			}
		}
	}
	if all["CloseFailed"]["Next"] != "Failed" || all["Failed"]["Type"] != "Fail" {
		t.Error("CloseFailed does not lead to a failed execution")
	}
}

func TestEveryStateIsReachedAndLeadsToAnEnd(t *testing.T) {
	m := machine(t, load(t))
	top := m["States"].(object)
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		s, ok := top[name].(object)
		if !ok {
			t.Fatalf("there is no state %s", name)
		}
		if seen[name] {
			return
		}
		seen[name] = true
		var next []any
		for _, branch := range append(list(s["Choices"]), list(s["Catch"])...) {
			next = append(next, get(branch, "Next"))
		}
		for _, key := range []string{"Next", "Default"} {
			if s[key] != nil {
				next = append(next, s[key])
			}
		}
		if end := s["Type"] == "Succeed" || s["Type"] == "Fail"; end == (len(next) > 0) {
			t.Errorf("%s leads to %v", name, next)
		}
		for _, n := range next {
			visit(n.(string))
		}
	}
	visit(m["StartAt"].(string))
	for name := range top {
		if !seen[name] {
			t.Errorf("%s is never reached", name)
		}
	}
}

// The words that the engine answers are those that the machine understands.
func TestTheMachineUnderstandsTheEngine(t *testing.T) {
	m := machine(t, load(t))
	text, _ := json.Marshal(m["States"])
	for _, want := range []string{
		`{"Next":"Approve","StringEquals":"` + engine.NextApprove + `","Variable":"$.review.next"}`,
		`{"Next":"Verify","StringEquals":"` + engine.NextRun + `","Variable":"$.decision.next"}`,
		`"wait":"` + engine.WaitReview + `"`, `"wait":"` + engine.WaitApprove + `"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("not in the state machine: %s", want)
		}
	}
	all := states(m)
	for _, choice := range []string{"Submitted?", "Approved?"} {
		if all[choice]["Default"] != "Closed" { // NextClose, and whatever else there may be: nothing is run
			t.Errorf("%s goes on by default to %v", choice, all[choice]["Default"])
		}
	}
	if all["Verified?"]["Default"] == "Run" {
		t.Error("runs by default what was not verified")
	}
}

// Ids, numbers and codes only: nothing else of a state's data is passed on.
func TestOnlyIdsNumbersAndCodesAreHandedOver(t *testing.T) {
	allowed := []string{"$.operation", "$.batch", "$$.Task.Token", "$$.Map.Item.Value", "$.failure.Error",
		"$.Payload", "$.Payload.done", "$.Payload.skipped", "$.Payload.failed"}
	for name, s := range states(machine(t, load(t))) {
		for _, field := range []string{"Payload", "ItemSelector", "ResultSelector"} {
			payload := get(s, field)
			if field == "Payload" {
				payload = get(s, "Parameters", "Payload")
			}
			m, _ := payload.(object)
			for key, value := range m {
				if strings.HasSuffix(key, ".$") && !slices.Contains(allowed, value.(string)) {
					t.Errorf("%s hands over %s: %v", name, key, value)
				}
			}
		}
		if s["Type"] == "Task" && s["ResultPath"] == "$" && s["ResultSelector"] == nil {
			t.Errorf("%s passes the whole result of a function on", name)
		}
	}
}

func TestTheMapDropsItsResults(t *testing.T) {
	x := load(t)
	m := machine(t, x)
	run := states(m)["Run"]
	path, present := run["ResultPath"]
	switch {
	case run["ItemsPath"] != "$.verified.answer.batches", !present || path != nil, run["ToleratedFailurePercentage"] != 0.0,
		get(run, "ItemProcessor", "ProcessorConfig", "Mode") != "DISTRIBUTED",
		run["MaxConcurrency"] != float64(get(x.parameters, "BatchConcurrency", "Default").(int)):
		t.Errorf("the Map: %v", run)
	}
	if m["QueryLanguage"] != nil {
		t.Error("the local AWS runs a DISTRIBUTED Map in JSONPath only")
	}
}

// The local AWS has no limit for the size of a state, so it is worked out here
// for the largest operation.
func TestStatesStaySmall(t *testing.T) {
	batches := get(load(t).parameters, "MaxSubjects", "MaxValue").(int) / bulk.BatchSize * 2 // some batches are not full
	answer := engine.Verified{OK: true}
	type done struct{ Done, Skipped, Failed int }
	var results []done
	for n := range batches {
		answer.Batches = append(answer.Batches, n+1)
		results = append(results, done{bulk.BatchSize, 0, 0})
	}
	for name, state := range map[string]any{
		"before the Map": map[string]any{"operation": bulk.NewID(idTime), "review": engine.Answer{Next: engine.NextApprove},
			"decision": engine.Answer{Next: engine.NextRun}, "verified": map[string]any{"answer": answer}},
		"the Map's results": results,
	} {
		text, err := json.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > maxState/2 {
			t.Errorf("%s: %d bytes, half of the limit is %d", name, len(text), maxState/2)
		}
	}
}

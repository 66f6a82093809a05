package template_test

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestOneFunctionAFolder(t *testing.T) {
	x := load(t)
	entries, err := os.ReadDir(root + "functions")
	if err != nil {
		t.Fatal(err)
	}
	var folders, want []string
	for _, e := range entries {
		folders = append(folders, e.Name())
	}
	for _, f := range functions {
		want = append(want, strings.ToLower(f))
		p := x.properties(f + "Function")
		if p["CodeUri"] != "functions/"+strings.ToLower(f)+"/" || get(x.resources, f+"Function", "Metadata", "BuildMethod") != "go1.x" {
			t.Errorf("%sFunction is built from %v", f, p["CodeUri"])
		}
		if _, err := os.Stat(root + "events/" + strings.ToLower(f) + ".json"); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(want)
	if !slices.Equal(folders, want) {
		t.Errorf("folders %v, functions %v", folders, want)
	}
	if got := len(x.ofType("AWS::Serverless::Function")); got != len(functions) {
		t.Errorf("%d functions in the template", got)
	}
}

// main.go reads the configuration, makes what the function needs, and starts:
// what it does is elsewhere.
func TestMainsAreShort(t *testing.T) {
	for _, f := range functions {
		text, err := os.ReadFile(root + "functions/" + strings.ToLower(f) + "/main.go")
		if err != nil {
			t.Error(err)
			continue
		}
		if n := strings.Count(string(text), "\n"); n > 40 {
			t.Errorf("functions/%s/main.go has %d lines", strings.ToLower(f), n)
		}
	}
}

// A function is told no more than it needs, and no secret.
func TestVariables(t *testing.T) {
	x := load(t)
	if get(x.globals, "Function", "Environment") != nil {
		t.Error("variables for all functions")
	}
	if text(get(x.globals, "Function", "KmsKeyArn")) != "${Key.Arn}" {
		t.Error("the variables are not encrypted with our key")
	}
	name := regexp.MustCompile(`^[A-Z][A-Z_]*[A-Z]$`)
	for _, f := range functions {
		variables, _ := get(x.properties(f+"Function"), "Environment", "Variables").(object)
		role := f + "Role"
		for _, v := range slices.Sorted(maps.Keys(variables)) {
			if !name.MatchString(v) || strings.Contains(v, "SECRET") || strings.Contains(v, "PASSWORD") || strings.Contains(v, "KEY") && !strings.HasSuffix(v, "_URL") {
				t.Errorf("%s has the variable %s", f, v)
			}
			// A table that it is told about is one that it may use, and the other way round.
			if table, ok := strings.CutSuffix(v, "_TABLE"); ok && !maySee(t, x, role, table) {
				t.Errorf("%s is told about the table %s and may not use it", f, table)
			}
		}
		for _, table := range []string{"REGISTRY", "OPERATIONS", "AUDIT", "ACCESS"} {
			if maySee(t, x, role, table) && variables[table+"_TABLE"] == nil {
				t.Errorf("%s may use the table %s and is not told about it", f, table)
			}
		}
	}
}

// Started without any variables, a function names all that it misses: exactly
// those that the template gives it.
func TestVariablesAreThoseThatAreRead(t *testing.T) {
	x := load(t)
	named := regexp.MustCompile(`environment variable ([A-Z_]+) is missing`)
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin+"/", "./functions/...")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-tags=lambda.norpc -ldflags=-s -trimpath")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, f := range functions {
		start := exec.Command(bin + "/" + strings.ToLower(f))
		start.Env = []string{"HOME=" + bin}
		out, err := start.CombinedOutput()
		if err == nil {
			t.Errorf("%s starts without variables", f)
		}
		var read []string
		for _, m := range named.FindAllStringSubmatch(string(out), -1) {
			read = append(read, m[1])
		}
		slices.Sort(read)
		variables, _ := get(x.properties(f+"Function"), "Environment", "Variables").(object)
		if given := slices.Sorted(maps.Keys(variables)); !slices.Equal(slices.Compact(read), given) {
			t.Errorf("%s reads %v, the template gives %v\n%s", f, read, given, out)
		}
	}
}

func maySee(t *testing.T, x template, role, table string) bool {
	arn := "${" + table[:1] + strings.ToLower(table[1:]) + "Table.Arn}"
	return slices.ContainsFunc(permissions(t, x), func(p permission) bool {
		return p.role == role && (p.resource == arn || strings.HasPrefix(p.resource, arn+"/index/"))
	})
}

// One operation may not take the places of the portal, nor be throttled by itself.
func TestConcurrency(t *testing.T) {
	x := load(t)
	reserved := func(f string) int {
		condition := list(get(x.properties(f+"Function"), "ReservedConcurrentExecutions", "Fn::If"))
		if len(condition) != 3 || condition[0] != "Reserves" {
			t.Fatalf("%s reserves %v", f, condition)
		}
		return condition[1].(int)
	}
	sum := 0
	for _, f := range functions {
		sum += reserved(f)
	}
	if sum > 300 {
		t.Errorf("%d places are reserved, the parameter speaks of 400, of which Lambda wants 100 free", sum)
	}
	if reserved("Execute") < get(x.parameters, "BatchConcurrency", "Default").(int) {
		t.Error("one operation is throttled by itself")
	}
	if reserved("Watch") != 1 {
		t.Error("two sweeps at the same time")
	}
}

// A new alarm is cheap, a missing one is found too late.
func TestAlarms(t *testing.T) {
	x := load(t)
	watched := map[string]bool{}
	for _, name := range x.ofType("AWS::CloudWatch::Alarm") {
		p := x.properties(name)
		for _, d := range list(p["Dimensions"]) {
			watched[p["MetricName"].(string)+" "+text(get(d, "Value"))] = true
		}
		if !slices.Equal([]string{text(list(p["AlarmActions"])[0])}, []string{"${AlarmTopic}"}) || p["AlarmDescription"] == nil {
			t.Errorf("%s tells nobody", name)
		}
	}
	want := []string{"IteratorAge ${AuditFunction}", "DestinationDeliveryFailures ${AuditFunction}", "ApproximateNumberOfMessagesVisible ${DeadLetters.QueueName}",
		"ExecutionsFailed ${BulkOperationMachine}", "ExecutionsTimedOut ${BulkOperationMachine}", "Throttles ${PortalFunction}", "Throttles ${AuditFunction}", "5xx ${HttpApi}"}
	for _, f := range functions {
		want = append(want, "Errors ${"+f+"Function}")
	}
	for _, w := range want {
		if !watched[w] {
			t.Errorf("no alarm for %s", w)
		}
	}
}

// What SES reports of a mail has its recipient and subject: a function reads it,
// no mailbox does, and an alarm says that there is something to read.
func TestReportsOfMailsReachNoMailbox(t *testing.T) {
	x := load(t)
	to := text(get(x.properties("MailBounces"), "EventDestination", "SnsDestination", "TopicARN"))
	if heard := text(get(x.properties("BounceFunction"), "Events", "MailCameBack", "Properties", "Topic")); to != heard {
		t.Errorf("reports go to %s, and the function listens at %s", to, heard)
	}
	for _, name := range x.ofType("AWS::SNS::Subscription") {
		if text(x.properties(name)["TopicArn"]) == to {
			t.Errorf("%s reads the reports", name)
		}
	}
	var told []string
	for _, name := range x.ofType("AWS::CloudWatch::Alarm") {
		if p := x.properties(name); text(p["Namespace"]) == "AWS/SES" {
			told = append(told, text(p["MetricName"]))
		}
	}
	if slices.Sort(told); !slices.Equal(told, []string{"Bounce", "Complaint"}) {
		t.Errorf("alarms ring for %q", told)
	}
}

// A delivery of which single changes failed is no error of the function, so what
// its log says of each is counted.
func TestAnAlarmForSingleChangesThatCannotBeAudited(t *testing.T) {
	x := load(t)
	filter, alarm := x.properties("AuditFailedRecords"), x.properties("AuditFailedRecordsAlarm")
	source, err := os.ReadFile("../../internal/audit/recorder.go")
	if err != nil {
		t.Fatal(err)
	}
	if log := `"a change could not be audited; it is delivered again", "sequence_number", `; !strings.Contains(string(source), log) {
		t.Errorf("the function does not log %s", log)
	}
	counted := list(filter["MetricTransformations"])[0]
	if text(filter["LogGroupName"]) != "${AuditLog}" || filter["FilterPattern"] != `{ $.sequence_number = "*" }` || get(counted, "MetricValue") != "1" {
		t.Errorf("counted is %v", filter)
	}
	if text(get(counted, "MetricNamespace")) != text(alarm["Namespace"]) || get(counted, "MetricName") != alarm["MetricName"] || alarm["Threshold"] != 1 || alarm["Statistic"] != "Sum" {
		t.Errorf("the alarm watches %v of %v, counted are %v", alarm["MetricName"], alarm["Namespace"], counted)
	}
}

package template_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/permissions.txt anew")

// permission is one action that a role may do on one resource.
type permission struct{ role, action, resource, condition string }

// otherwise returns the last branch of an !If: what holds when no parameter says
// something else.
func otherwise(v any) any {
	if branches, ok := get(v, "Fn::If").([]any); ok {
		return branches[2]
	}
	return v
}

// permissions returns what every role may do, the policies that it shares included.
func permissions(t *testing.T, x template) []permission {
	t.Helper()
	var all []permission
	add := func(role string, document any) {
		for _, s := range list(get(document, "Statement")) {
			if get(s, "Effect") != "Allow" {
				t.Errorf("%s: a statement that does not allow: %v", role, s)
			}
			condition := ""
			if c, ok := get(s, "Condition").(object); ok {
				condition = "if"
				for _, operator := range slices.Sorted(maps.Keys(c)) {
					for key, values := range c[operator].(object) {
						condition += " " + key
						for _, v := range list(values) {
							condition += " " + text(v)
						}
					}
				}
			}
			for _, a := range list(get(s, "Action")) {
				for _, r := range list(otherwise(get(s, "Resource"))) {
					all = append(all, permission{role, a.(string), text(r), condition})
				}
			}
		}
	}
	for _, role := range x.ofType("AWS::IAM::Role") {
		for _, p := range list(x.properties(role)["Policies"]) {
			add(role, get(p, "PolicyDocument"))
		}
		for _, p := range list(x.properties(role)["ManagedPolicyArns"]) {
			name := strings.Trim(text(p), "${}")
			if x.properties(name) == nil {
				t.Errorf("%s has a policy from elsewhere: %v", role, p)
			}
			add(role, x.properties(name)["PolicyDocument"])
		}
	}
	slices.SortFunc(all, func(a, b permission) int {
		return cmp.Or(cmp.Compare(a.role, b.role), cmp.Compare(a.resource, b.resource), cmp.Compare(a.action, b.action))
	})
	return all
}

// A right is added or taken away on purpose, in a table that a reviewer can read.
func TestWhoMayDoWhat(t *testing.T) {
	may := map[string][]string{}
	for _, p := range permissions(t, load(t)) {
		key := fmt.Sprintf("%-17s %s %s", p.role, p.resource, p.condition)
		may[key] = append(may[key], p.action)
	}
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(may)) {
		fmt.Fprintf(&b, "%s: %s\n", strings.TrimSpace(key), strings.Join(may[key], " "))
	}
	const file = "testdata/permissions.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, got := lines(string(golden)), lines(b.String())
	for line := range got {
		if !want[line] {
			t.Errorf("new: %s", line)
		}
	}
	for line := range want {
		if !got[line] {
			t.Errorf("gone: %s", line)
		}
	}
	if t.Failed() {
		t.Log("If this is meant, write the table anew: go test ./test/template -update")
	}
}

func lines(s string) map[string]bool {
	m := map[string]bool{}
	for line := range strings.Lines(s) {
		m[strings.TrimSpace(line)] = true
	}
	return m
}

func TestNoStars(t *testing.T) {
	// AWS defines no resource for these, or the resource is everything by nature.
	anywhere := map[string]bool{
		"xray:PutTraceSegments": true, "xray:PutTelemetryRecords": true, "xray:GetSamplingRules": true, "xray:GetSamplingTargets": true,
		"states:SendTaskSuccess": true, "dynamodb:ListStreams": true,
		"logs:CreateLogDelivery": true, "logs:GetLogDelivery": true, "logs:UpdateLogDelivery": true, "logs:DeleteLogDelivery": true,
		"logs:ListLogDeliveries": true, "logs:PutResourcePolicy": true, "logs:DescribeResourcePolicies": true, "logs:DescribeLogGroups": true,
	}
	for _, p := range permissions(t, load(t)) {
		if strings.Contains(p.action, "*") {
			t.Errorf("%s may do %s", p.role, p.action)
		}
		if p.resource == "*" && !anywhere[p.action] {
			t.Errorf("%s may do %s on everything", p.role, p.action)
		}
	}
	// The reason stands beside each. In the key's policy "*" means the key.
	lines, resource := strings.Split(load(t).text, "\n"), ""
	for i, line := range lines {
		if len(line) > 2 && strings.HasPrefix(line, "  ") && line[2] != ' ' && line[2] != '#' {
			resource = strings.TrimSpace(line)
		}
		if strings.TrimSpace(line) != `Resource: "*"` || resource == "Key:" || resource == "SealKey:" {
			continue
		}
		above := strings.Join(lines[max(0, i-14):i], "\n")
		if !strings.Contains(above, `"*" is the only choice`) && !strings.Contains(above, "Sid: Trace") {
			t.Errorf("line %d: %q without a reason above it", i+1, line)
		}
	}
}

func TestEveryFunctionHasARoleOfItsOwn(t *testing.T) {
	x := load(t)
	for _, f := range functions {
		if got := text(x.properties(f + "Function")["Role"]); got != "${"+f+"Role.Arn}" {
			t.Errorf("%sFunction has the role %s", f, got)
		}
		if trust := get(list(get(x.properties(f + "Role")["AssumeRolePolicyDocument"], "Statement"))[0], "Principal", "Service"); trust != "lambda.amazonaws.com" {
			t.Errorf("%sRole trusts %v", f, trust)
		}
	}
}

// Who may write what, said once more without the golden table, because these are
// the promises of the product.
func TestOnlyExecuteWritesPatientsAndNobodyRewritesTheAudit(t *testing.T) {
	write := func(action string) bool {
		return slices.Contains([]string{"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}, action)
	}
	places := "if dynamodb:LeadingKeys FACILITY PROVIDER"      // which are the keys of no patient
	auditors := []string{"ApiRole", "AuditRole", "PortalRole"} // who may add to the audit
	for _, p := range permissions(t, load(t)) {
		switch {
		case strings.HasPrefix(p.resource, "${RegistryTable.Arn}") && write(p.action) && p.role != "ExecuteRole" &&
			(p.role != "PortalRole" || p.action != "dynamodb:PutItem" || strings.TrimSpace(p.condition) != places):
			t.Errorf("%s may write patients: %s", p.role, p.action)
		case p.resource == "${RegistryTable.Arn}" && p.action == "dynamodb:DeleteItem":
			t.Errorf("%s may delete patients", p.role)
		case strings.HasPrefix(p.resource, "${AuditTable.Arn}") && write(p.action) && (p.action != "dynamodb:PutItem" || !slices.Contains(auditors, p.role)):
			t.Errorf("%s may do %s on the audit", p.role, p.action)
		case strings.HasPrefix(p.action, "dynamodb:Scan"), strings.HasPrefix(p.action, "dynamodb:PartiQL"):
			t.Errorf("%s may do %s", p.role, p.action)
		}
	}
}

func TestTheMachineMayDoWhatADistributedMapNeeds(t *testing.T) {
	has := map[string]bool{}
	for _, p := range permissions(t, load(t)) {
		if p.role == "MachineRole" {
			has[p.action+" "+p.resource] = true
		}
	}
	for _, f := range []string{"Plan", "Ask", "Verify", "Execute", "Export", "Finish"} {
		if !has["lambda:InvokeFunction ${"+f+"Function.Arn}"] {
			t.Errorf("the machine may not call %s", f)
		}
	}
	for _, want := range []string{
		"states:StartExecution arn:aws:states:stateMachine:${AWS::StackName}-bulk-operation",
		"states:DescribeExecution arn:aws:states:execution:${AWS::StackName}-bulk-operation:*",
		"states:StopExecution arn:aws:states:execution:${AWS::StackName}-bulk-operation:*",
	} {
		if !has[want] {
			t.Errorf("the machine may not do %s", want)
		}
	}
	if got := text(load(t).properties("BulkOperationMachine")["Name"]); got != "${AWS::StackName}-bulk-operation" {
		t.Errorf("the machine is named %s, its role names another", got)
	}
}

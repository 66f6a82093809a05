package template_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/audit"
)

var idTime = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

// What holds data outlives a deleted or replaced stack.
func TestDataIsRetained(t *testing.T) {
	x := load(t)
	found := 0
	for _, kind := range []string{"AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::Cognito::UserPool"} {
		for _, name := range x.ofType(kind) {
			found++
			for _, policy := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
				if got := get(x.resources, name, policy); got != "Retain" {
					t.Errorf("%s: %s is %v", name, policy, got)
				}
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d resources hold data", found)
	}
}

func TestTablesAreProtected(t *testing.T) {
	x := load(t)
	tables := x.ofType("AWS::DynamoDB::Table")
	if want := []string{"AccessTable", "AuditTable", "OperationsTable", "RegistryTable"}; !slices.Equal(tables, want) {
		t.Errorf("tables %v", tables)
	}
	for _, name := range tables {
		p := x.properties(name)
		protection := list(get(p, "DeletionProtectionEnabled", "Fn::If"))
		switch {
		case get(p, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") != true,
			get(p, "SSESpecification", "SSEEnabled") != true, get(p, "SSESpecification", "SSEType") != "KMS",
			text(get(p, "SSESpecification", "KMSMasterKeyId")) != "${Key}",
			p["BillingMode"] != "PAY_PER_REQUEST", p["TableName"] != nil,
			len(protection) != 3 || protection[0] != "Protected" || protection[1] != true:
			t.Errorf("%s: %v", name, p)
		}
	}
	if get(x.parameters, "DeletionProtection", "Default") != "true" {
		t.Error("tables can be deleted unless somebody says otherwise")
	}
	if get(x.properties("Key"), "EnableKeyRotation") != true {
		t.Error("the key is not rotated")
	}
}

// The key can be used through the services that keep our data, and never directly.
func TestTheKeyPolicyIsNarrow(t *testing.T) {
	for _, s := range list(get(load(t).properties("Key"), "KeyPolicy", "Statement")) {
		sid, condition := get(s, "Sid"), get(s, "Condition")
		opens := false
		for _, a := range list(get(s, "Action")) {
			action := a.(string)
			if strings.Contains(action, "*") {
				t.Errorf("%v allows %s", sid, action)
			}
			opens = opens || slices.Contains([]string{"kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant", "kms:ReEncryptFrom"}, action)
		}
		if principal := get(s, "Principal"); principal == "*" || get(principal, "AWS") == "*" {
			t.Errorf("%v is for everybody", sid)
		}
		if opens && condition == nil {
			t.Errorf("%v opens data without a condition", sid)
		}
	}
}

func TestEveryLogIsKeptForATimeAndEncrypted(t *testing.T) {
	x := load(t)
	logs := x.ofType("AWS::Logs::LogGroup")
	if len(logs) != len(functions)+2 {
		t.Errorf("log groups %v", logs)
	}
	for _, name := range logs {
		p := x.properties(name)
		if text(p["RetentionInDays"]) != "${LogRetentionDays}" || text(p["KmsKeyId"]) != "${Key.Arn}" {
			t.Errorf("%s: %v", name, p)
		}
	}
	for _, f := range functions {
		if got := text(get(x.properties(f+"Function"), "LoggingConfig", "LogGroup")); got != "${"+f+"Log}" {
			t.Errorf("%s logs to %s", f, got)
		}
	}
	logging := x.properties("BulkOperationMachine")["Logging"]
	if level := get(logging, "Level"); get(logging, "IncludeExecutionData") != false || level != "ERROR" && level != "ALL" {
		t.Errorf("the machine's log: %v", logging)
	}
}

func TestTheBucketsAreClosed(t *testing.T) {
	x := load(t)
	for _, name := range x.ofType("AWS::S3::Bucket") {
		p := x.properties(name)
		for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			if get(p, "PublicAccessBlockConfiguration", block) != true {
				t.Errorf("%s: %s", name, block)
			}
		}
		// An older version of an export's file would outlive its deletion.
		if versions := get(p, "VersioningConfiguration", "Status") == "Enabled"; p["BucketEncryption"] == nil || versions == (name == "ExportsBucket") {
			t.Errorf("%s: %v", name, p)
		}
		if !slices.ContainsFunc(list(get(x.properties(name+"Policy"), "PolicyDocument", "Statement")), func(s any) bool { return refusesPlainHTTP(s, name) }) {
			t.Errorf("%s takes requests without TLS", name)
		}
	}
}

// refusesPlainHTTP reports whether the statement refuses everybody everything
// that comes without TLS, unless a stand-in for AWS has none.
func refusesPlainHTTP(statement any, bucket string) bool {
	branches := list(get(statement, "Fn::If"))
	if len(branches) != 3 || branches[0] != "TlsRequired" {
		return false
	}
	s := branches[1]
	var on []string
	for _, resource := range list(get(s, "Resource")) {
		on = append(on, text(resource))
	}
	condition, _ := get(s, "Condition").(object)
	unless, _ := condition["Bool"].(object)
	return get(s, "Effect") == "Deny" && get(s, "Principal") == "*" && get(s, "Action") == "s3:*" &&
		slices.Equal(on, []string{"${" + bucket + ".Arn}", "${" + bucket + ".Arn}/*"}) &&
		len(condition) == 1 && len(unless) == 1 && unless["aws:SecureTransport"] == "false"
}

// Files of exports are encrypted with our key only, open by no old link, and go
// by themselves where nobody deletes them, after the time that any is kept.
func TestFilesOfExportsAreEncryptedAndGo(t *testing.T) {
	x := load(t)
	p := x.properties("ExportsBucket")
	encryption := get(list(get(p, "BucketEncryption", "ServerSideEncryptionConfiguration"))[0], "ServerSideEncryptionByDefault")
	if get(encryption, "SSEAlgorithm") != "aws:kms" || text(get(encryption, "KMSMasterKeyID")) != "${Key.Arn}" {
		t.Errorf("encrypted by %v", encryption)
	}
	rule := list(get(p, "LifecycleConfiguration", "Rules"))[0]
	longest, _ := get(x.parameters, "KeepExportDays", "MaxValue").(int)
	if get(rule, "Status") != "Enabled" || get(rule, "ExpirationInDays") != longest+1 ||
		get(rule, "AbortIncompleteMultipartUpload", "DaysAfterInitiation") != 1 {
		t.Errorf("lifecycle %v", rule)
	}
	denied, theirKey, oldLinks := map[string]string{}, false, false
	for _, s := range list(get(x.properties("ExportsBucketPolicy"), "PolicyDocument", "Statement")) {
		if branches, conditional := get(s, "Fn::If").([]any); conditional {
			if branches[0] != "TlsRequired" {
				t.Errorf("a statement hangs on %v", branches[0])
			}
			s = branches[1]
		}
		if get(s, "Effect") != "Deny" || get(s, "Principal") != "*" {
			t.Errorf("%v does not deny everybody", get(s, "Sid"))
		}
		if condition, _ := get(s, "Condition").(object); len(condition) == 1 && get(condition, "Null", "s3:x-amz-server-side-encryption-customer-algorithm") == "false" {
			theirKey = get(s, "Action") == "s3:PutObject" && text(get(s, "Resource")) == "${ExportsBucket.Arn}/*"
		}
		if condition, _ := get(s, "Condition").(object); len(condition) == 1 && get(condition, "NumericGreaterThan", "s3:signatureAge") == "300000" {
			oldLinks = get(s, "Action") == "s3:GetObject" && text(get(s, "Resource")) == "${ExportsBucket.Arn}/*"
		}
		unless, _ := get(s, "Condition", "StringNotEquals").(object)
		for key, value := range unless {
			if get(s, "Condition", "Null", "s3:x-amz-server-side-encryption") != "false" {
				t.Errorf("%v refuses what leaves the encryption to the bucket", get(s, "Sid"))
			}
			denied[key] = text(value)
		}
	}
	if denied["s3:x-amz-server-side-encryption"] != "aws:kms" || denied["s3:x-amz-server-side-encryption-aws-kms-key-id"] != "${Key.Arn}" {
		t.Errorf("refuses all but %v", denied)
	}
	if !theirKey {
		t.Error("takes what is encrypted with a key of its sender")
	}
	if !oldLinks {
		t.Error("opens files by links of more than five minutes")
	}
	if get(x.parameters, "RequireTls", "Default") != "true" {
		t.Error("plain HTTP is not refused unless somebody says so")
	}
}

// A passphrase is sealed by one function and opened by one other.
func TestWhoSealsAndWhoOpensPassphrases(t *testing.T) {
	var direct []string
	for _, p := range permissions(t, load(t)) {
		if strings.HasPrefix(p.action, "kms:") && strings.Contains(p.condition, "export-passphrase") {
			direct = append(direct, p.role+" "+p.action)
		} else if strings.HasPrefix(p.action, "kms:") && strings.HasPrefix(p.resource, "${Key") && !strings.Contains(p.condition, "kms:ViaService") {
			t.Errorf("%s may do %s directly", p.role, p.action)
		}
	}
	if want := []string{"ExportRole kms:Encrypt", "PortalRole kms:Decrypt"}; !slices.Equal(direct, want) {
		t.Errorf("got %v, want %v", direct, want)
	}
	var policy []string
	for _, s := range list(get(load(t).properties("Key"), "KeyPolicy", "Statement")) {
		if get(s, "Condition", "StringEqualsIfExists", "kms:EncryptionContext:purpose") == "export-passphrase" {
			for _, arn := range list(get(s, "Condition", "ArnLike", "aws:PrincipalArn")) {
				role := text(arn)
				policy = append(policy, role[strings.LastIndex(role, "/")+1:]+" "+get(s, "Action").(string))
			}
			if keys := list(get(s, "Condition", "ForAllValues:StringEquals", "kms:EncryptionContextKeys")); !slices.Equal(keys, []any{"purpose", "operation"}) {
				t.Errorf("%v may be used with the context %v", get(s, "Sid"), keys)
			}
		}
	}
	if want := []string{"${AWS::StackName}-ExportRole-* kms:Encrypt", "${AWS::StackName}-PortalRole-* kms:Decrypt"}; !slices.Equal(slices.Compact(policy), want) {
		t.Errorf("the key's policy says %v, want %v", policy, want)
	}
}

// What was sealed stays sealed.
func TestTheSealsAreLocked(t *testing.T) {
	p := load(t).properties("SealsBucket")
	retention := get(p, "ObjectLockConfiguration", "Rule", "DefaultRetention")
	if p["ObjectLockEnabled"] != true || get(p, "ObjectLockConfiguration", "ObjectLockEnabled") != "Enabled" ||
		text(get(retention, "Mode")) != "${SealRetentionMode}" || text(get(retention, "Years")) != "${SealRetentionYears}" {
		t.Errorf("the bucket of the seals: %v", p)
	}
	if x := load(t).parameters; get(x, "SealRetentionMode", "Default") != "COMPLIANCE" || get(x, "SealRetentionYears", "Default") != 6 {
		t.Error("seals are locked by less than HIPAA asks for, unless somebody says otherwise")
	}
	for _, p := range permissions(t, load(t)) {
		sealing := strings.Contains(p.resource, "SealsBucket") || strings.Contains(p.resource, "SealKey")
		if sealing && (p.role != "SealRole" || !slices.Contains([]string{"s3:PutObject", "s3:GetObject", "s3:ListBucket", "kms:GetPublicKey", "kms:Sign"}, p.action)) {
			t.Errorf("%s may do %s on the seals", p.role, p.action)
		}
	}
	key := load(t).properties("SealKey")
	if key["KeySpec"] != "ECC_NIST_P256" || key["KeyUsage"] != "SIGN_VERIFY" {
		t.Errorf("the key of the seals: %v", key)
	}
	for _, s := range list(get(key, "KeyPolicy", "Statement")) {
		if slices.Contains(list(get(s, "Action")), any("kms:Sign")) && get(s, "Condition", "ArnLike", "aws:PrincipalArn") == nil {
			t.Errorf("%v lets others sign", get(s, "Sid"))
		}
	}
}

// All streams reach the audit, and a bad record can neither stop it nor be lost.
func TestTheAuditReadsEveryStream(t *testing.T) {
	x := load(t)
	sources := get(x.properties("AuditFunction"), "Events").(object)
	for name, table := range map[string]string{"Registry": "RegistryTable", "Operations": "OperationsTable", "Access": "AccessTable"} {
		p := get(sources, name, "Properties")
		tries, _ := get(p, "MaximumRetryAttempts").(int)
		switch {
		case text(get(p, "Stream")) != "${"+table+".StreamArn}", get(p, "StartingPosition") != "TRIM_HORIZON",
			get(p, "BisectBatchOnFunctionError") != true, !slices.Equal(list(get(p, "FunctionResponseTypes")), []any{"ReportBatchItemFailures"}),
			tries < 1, get(p, "DestinationConfig", "OnFailure", "Type") != "S3",
			text(get(p, "DestinationConfig", "OnFailure", "Destination")) != "${AuditFailuresBucket.Arn}":
			t.Errorf("%s: %v", name, p)
		}
		if got := get(x.properties(table), "StreamSpecification", "StreamViewType"); got != "NEW_AND_OLD_IMAGES" {
			t.Errorf("%s streams %v", table, got)
		}
	}
	if get(sources, "Registry", "Properties", "FilterCriteria") != nil {
		t.Error("a change of a patient may be left out of the audit")
	}
	if filters := list(get(sources, "Access", "Properties", "FilterCriteria", "Filters")); len(filters) != 1 ||
		get(filters[0], "Pattern") != `{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"STAFF#"}]}}}}` {
		t.Errorf("of the Access table the audit gets %v, not the staff directory", filters)
	}
}

// What the filter lets through is what the audit has a record for.
func TestTheFilterOfTheOperationsStream(t *testing.T) {
	x := load(t)
	var filters []object
	for _, f := range list(get(x.properties("AuditFunction"), "Events", "Operations", "Properties", "FilterCriteria", "Filters")) {
		var pattern object
		if err := json.Unmarshal([]byte(get(f, "Pattern").(string)), &pattern); err != nil {
			t.Fatal(err)
		}
		filters = append(filters, pattern)
	}
	passes := func(event, sk string) bool {
		return slices.ContainsFunc(filters, func(f object) bool {
			if names := list(f["eventName"]); names != nil && !slices.Contains(names, any(event)) {
				return false
			}
			return slices.ContainsFunc(list(get(f, "dynamodb", "Keys", "sk", "S")), func(p any) bool {
				return strings.HasPrefix(sk, get(p, "prefix").(string))
			})
		})
	}
	for _, sk := range []string{"HEADER", "SELECTION#0001", "PLAN#r#BATCH#00001", "PLAN#r#EXCLUDED#00001", "RESULT#00001#01", "TALLY#00001#01", "TOKEN#review", "MAIL#ask", "EVENT#000001"} {
		for _, event := range []string{"INSERT", "MODIFY", "REMOVE"} {
			r := events.DynamoDBEventRecord{EventID: "e-1", EventName: event}
			r.Change.ApproximateCreationDateTime = events.SecondsEpochTime{Time: idTime}
			r.Change.Keys = map[string]events.DynamoDBAttributeValue{"pk": events.NewStringAttribute("OP#OP-1"), "sk": events.NewStringAttribute(sk)}
			_, recorded, err := audit.FromStream(r)
			if wanted := recorded || err != nil; wanted != passes(event, sk) {
				t.Errorf("%s of %s: the audit wants it %v, the filter passes it %v", event, sk, wanted, passes(event, sk))
			}
		}
	}
}

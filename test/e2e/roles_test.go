package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// everyFunction are the folders under functions/.
var everyFunction = []string{"api", "ask", "audit", "bounce", "execute", "export", "finish", "plan", "portal", "seal", "verify", "watch"}

// attempts are calls that would do harm. Each is refused by a condition that
// nothing fulfils, after the access check: so one who may call it gets another
// error than one who may not, and nothing is written.
var attempts = map[string]func(ctx context.Context, as *dynamodb.Client, table string) error{
	"PutItem": func(ctx context.Context, as *dynamodb.Client, table string) error {
		_, err := as.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: nothing(), ConditionExpression: exists})
		return err
	},
	"UpdateItem": func(ctx context.Context, as *dynamodb.Client, table string) error {
		_, err := as.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &table, Key: nothing(), ConditionExpression: exists,
			UpdateExpression: aws.String("SET x = :x"), ExpressionAttributeValues: map[string]types.AttributeValue{":x": &types.AttributeValueMemberS{Value: "x"}}})
		return err
	},
	"DeleteItem": func(ctx context.Context, as *dynamodb.Client, table string) error {
		_, err := as.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: nothing(), ConditionExpression: exists})
		return err
	},
	"UpdateItem in a transaction": func(ctx context.Context, as *dynamodb.Client, table string) error {
		_, err := as.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{Update: &types.Update{
			TableName: &table, Key: nothing(), ConditionExpression: exists,
			UpdateExpression: aws.String("SET x = :x"), ExpressionAttributeValues: map[string]types.AttributeValue{":x": &types.AttributeValueMemberS{Value: "x"}}}}}})
		return err
	},
	"PutItem in a batch": func(ctx context.Context, as *dynamodb.Client, table string) error {
		_, err := as.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: {{PutRequest: &types.PutRequest{Item: nothing()}}}}})
		return err
	},
	"Scan": func(ctx context.Context, as *dynamodb.Client, table string) error {
		_, err := as.Scan(ctx, &dynamodb.ScanInput{TableName: &table, Limit: aws.Int32(1)})
		return err
	},
	"DeleteTable": func(ctx context.Context, as *dynamodb.Client, table string) error {
		// Never with a name that exists: there is no condition that could hold it back.
		_, err := as.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String(table + "-x")})
		return err
	},
}

var exists = aws.String("attribute_exists(pk)")

func nothing() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "NOTHING"}, "sk": &types.AttributeValueMemberS{Value: "NOTHING"},
	}
}

// Whoever takes over a function can do what its role may do and nothing else.
// The calls are made with the credentials that the running function has.
func TestAFunctionMayDoNothingButItsWork(t *testing.T) {
	t.Parallel()
	// Who may write what; everything that is not listed is refused.
	may := map[string][]string{
		"Registry PutItem":                     {"portal"}, // AWS also looks at the key (test/template): facilities and providers only
		"Registry UpdateItem":                  {"execute"},
		"Registry UpdateItem in a transaction": {"execute"},
		"Registry DeleteItem":                  nil,
		"Registry PutItem in a batch":          nil,
		"Registry Scan":                        nil,
		"Registry DeleteTable":                 nil,
		"Operations UpdateItem":                nil,
		"Operations PutItem":                   {"api", "ask", "bounce", "execute", "export", "finish", "plan", "portal", "verify", "watch"},
		"Operations DeleteItem":                {"api", "ask", "finish", "portal", "watch"}, // used tokens, and what attempts at a deleted file have stored
		"Operations Scan":                      nil,
		"Audit PutItem":                        {"api", "audit", "portal"}, // AWS also looks at the key (test/template): api and portal may add accesses only
		"Audit UpdateItem":                     nil,
		"Audit DeleteItem":                     nil,
		"Audit PutItem in a batch":             nil,
		"Audit Scan":                           nil,
		"Audit DeleteTable":                    nil,
		"Access UpdateItem":                    nil,
		"Access PutItem":                       {"api", "ask", "portal", "watch"}, // sessions, references in mails, absences
		"Access DeleteItem":                    {"portal"},
		"Access Scan":                          nil,
	}
	for _, function := range everyFunction {
		as := dynamodb.NewFromConfig(configOf(t, function), func(o *dynamodb.Options) { o.RetryMaxAttempts = 1 })
		for what, who := range may {
			var table, action string
			if n, err := fmt.Sscan(what, &table); n != 1 || err != nil {
				t.Fatal(what)
			}
			action = what[len(table)+1:]
			err := attempts[action](t.Context(), as, live.Outputs[table+"Table"])
			if denied := isDenied(err); denied == slices.Contains(who, function) {
				t.Errorf("%s, %s: %v", function, what, err)
			}
			if err == nil {
				t.Errorf("%s, %s: it was done", function, what)
			}
		}
	}
}

func isDenied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && (api.ErrorCode() == "AccessDeniedException" || api.ErrorCode() == "AccessDenied")
}

// configOf is the AWS configuration that a running worker of the function has:
// the temporary credentials of its role.
func configOf(t *testing.T, function string) aws.Config {
	t.Helper()
	live.call(t, function, "no event at all") // starts a worker, and is refused
	pids, err := live.FunctionPIDs(function)
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			continue // it has ended
		}
		variables := map[string]string{}
		for variable := range bytes.SplitSeq(environment, []byte{0}) {
			name, value, _ := bytes.Cut(variable, []byte("="))
			variables[string(name)] = string(value)
		}
		cfg := live.AWSConfig()
		cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID: variables["AWS_ACCESS_KEY_ID"], SecretAccessKey: variables["AWS_SECRET_ACCESS_KEY"], SessionToken: variables["AWS_SESSION_TOKEN"],
			}, nil
		})
		return cfg
	}
	t.Fatalf("no worker of the function %s runs", function)
	return aws.Config{}
}

package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Tables are the names of an installation's tables.
type Tables struct{ Registry, Operations, Audit, Access string }

// An index of a table: its name, the attributes that are its partition and
// sort key, and whether it holds whole items.
type index struct {
	name, partition, sort string
	whole                 bool
}

// Keys of the indexes, as template.yaml declares them; a test compares the two.
var (
	registryIndexes = []index{
		{"patients-by-facility", "facility", "name", false},
		{"patients-by-provider", "provider", "name", false},
		{"visits-by-provider", "provider", "start", false},
	}
	operationsIndexes = []index{
		{"open", "waits_for", "waits_since", false},
		{"by-requester", "requester", "created", false},
		{"by-day", "day", "created", false},
	}
	auditIndexes = []index{
		{"by-patient", "patient", "sk", true},
		{"by-day", "day", "sk", true},
		{"by-hour", "hour", "sk", true},
	}
	accessIndexes = []index{
		{"by-role", "role", "name", true},
	}
)

// Create makes the tables that do not exist in a DynamoDB that knows no template: DynamoDB
// Local, for tests and measurements.
func (t Tables) Create(ctx context.Context, c *Client) error {
	for _, table := range []struct {
		name    string
		indexes []index
	}{{t.Registry, registryIndexes}, {t.Operations, operationsIndexes}, {t.Audit, auditIndexes}, {t.Access, accessIndexes}} {
		_, err := c.api.CreateTable(ctx, definition(table.name, table.indexes))
		if exists := (*types.ResourceInUseException)(nil); err != nil && !errors.As(err, &exists) {
			return fmt.Errorf("create the table %s: %w", table.name, err)
		}
		there := dynamodb.NewTableExistsWaiter(c.api, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 20 * time.Millisecond })
		if err := there.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &table.name}, time.Minute); err != nil {
			return fmt.Errorf("wait for the table %s: %w", table.name, err)
		}
	}
	return nil
}

func definition(name string, indexes []index) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest, KeySchema: keySchema("pk", "sk")}
	attributes := []string{"pk", "sk"}
	for _, i := range indexes {
		projection := types.ProjectionTypeKeysOnly
		if i.whole {
			projection = types.ProjectionTypeAll
		}
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: &i.name, KeySchema: keySchema(i.partition, i.sort), Projection: &types.Projection{ProjectionType: projection},
		})
		attributes = append(attributes, i.partition, i.sort)
	}
	slices.Sort(attributes)
	for _, a := range slices.Compact(attributes) {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: &a, AttributeType: types.ScalarAttributeTypeS})
	}
	return in
}

func keySchema(partition, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: &partition, KeyType: types.KeyTypeHash},
		{AttributeName: &sort, KeyType: types.KeyTypeRange},
	}
}

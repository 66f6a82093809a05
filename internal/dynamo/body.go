package dynamo

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/packed"
)

// plainBody is the longest JSON that is stored as readable text: below it,
// compressing saves no capacity unit.
const plainBody = 512

// maxBody is the most bytes a body may have: an item takes 400 KB with
// everything (AWS, DynamoDB quotas), and a body's neighbours are short.
const maxBody = 390_000

// pack makes a body: JSON as text when short, else packed.
func pack(v any) (types.AttributeValue, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(plain) <= plainBody {
		return text(string(plain)), nil
	}
	return &types.AttributeValueMemberB{Value: packed.Deflate(plain)}, nil
}

// unpack reads a body into v.
func unpack(body types.AttributeValue, v any) error {
	switch b := body.(type) {
	case *types.AttributeValueMemberS:
		return json.Unmarshal([]byte(b.Value), v)
	case *types.AttributeValueMemberB:
		return packed.Inflate(b.Value, v)
	}
	return fmt.Errorf("an item without a body")
}

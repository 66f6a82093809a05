package dynamo

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// plainBody is the longest JSON that is stored as readable text: below it,
// compressing saves no capacity unit.
const plainBody = 512

// maxBody is the most bytes a body may have: an item takes 400 KB with
// everything (AWS, DynamoDB quotas), and a body's neighbours are short.
const maxBody = 390_000

// pack makes a body: JSON as text when short, else compressed (RFC 1951).
func pack(v any) (types.AttributeValue, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(plain) <= plainBody {
		return text(string(plain)), nil
	}
	return &types.AttributeValueMemberB{Value: deflate(plain)}, nil
}

// unpack reads a body into v.
func unpack(body types.AttributeValue, v any) error {
	switch b := body.(type) {
	case *types.AttributeValueMemberS:
		return json.Unmarshal([]byte(b.Value), v)
	case *types.AttributeValueMemberB:
		return inflate(b.Value, v)
	}
	return fmt.Errorf("an item without a body")
}

// A writer takes almost a megabyte, so writers are used again.
var writers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // only for a level that does not exist
	}
	return w
}}

func deflate(plain []byte) []byte {
	var packed bytes.Buffer
	w := writers.Get().(*flate.Writer)
	defer writers.Put(w)
	w.Reset(&packed)
	_, err := w.Write(plain)
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err) // a buffer takes everything
	}
	return packed.Bytes()
}

func inflate(packed []byte, v any) error {
	plain, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}

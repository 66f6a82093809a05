package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"bulkops/internal/dynamo"
	"bulkops/internal/storetest"
	"bulkops/local/stack"
	"bulkops/local/tools"
)

// The two that stand in for DynamoDB here: Amazon's own, which refuses what
// AWS refuses, and the local AWS, on which everything else is tested.
var dynamoDBLocal, localAWS string

func TestMain(m *testing.M) {
	code, err := withServers(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func withServers(run func() int) (code int, err error) {
	ctx := context.Background()
	root, err := stack.Root()
	if err != nil {
		return 0, err
	}
	if err := tools.Ensure(ctx, root, os.Stderr, tools.Python); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "bulkops-dynamo-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stack.Halt(dir), os.RemoveAll(dir)) }()
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	awsStarted := make(chan error, 1)
	go func() { awsStarted <- stack.StartMiniStack(ctx, root, dir, port, 1, false) }() // no mail is sent, so to no server
	url, stop, err := stack.StartDynamoDBLocal(ctx)
	if err := errors.Join(err, <-awsStarted); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	dynamoDBLocal, localAWS = url, fmt.Sprintf("http://127.0.0.1:%d", port)
	return run(), nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

var installations atomic.Int32

// open returns a client and new, empty tables.
func open(t *testing.T, endpoint string, options ...func(*aws.Config)) (*dynamo.Client, dynamo.Tables) {
	t.Helper()
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	for _, o := range options {
		o(&cfg)
	}
	n := installations.Add(1)
	tables := dynamo.Tables{
		Registry: fmt.Sprintf("registry-%d", n), Operations: fmt.Sprintf("operations-%d", n),
		Audit: fmt.Sprintf("audit-%d", n), Access: fmt.Sprintf("access-%d", n),
	}
	client := dynamo.NewClient(cfg)
	if err := tables.Create(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	return client, tables
}

func stores(client *dynamo.Client, tables dynamo.Tables) storetest.Stores {
	return storetest.Stores{
		Registry:   dynamo.NewRegistry(client, tables.Registry),
		Operations: dynamo.NewOperations(client, tables.Operations, tables.Registry),
		Staff:      dynamo.NewStaff(client, tables.Access),
		Access:     dynamo.NewAccess(client, tables.Access),
		Audit:      dynamo.NewAudit(client, tables.Audit),
	}
}

func TestStoreOnDynamoDBLocal(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Stores { return stores(open(t, dynamoDBLocal)) })
}

func TestStoreOnLocalAWS(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Stores { return stores(open(t, localAWS)) })
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/middleware"

	"bulkops/local/stack"
	"bulkops/local/tools"
)

// bench is one run of this program: where it writes, and the servers that it has started so far.
type bench struct {
	out     io.Writer
	closers []func() error

	dynamoDBLocal, miniStack *database
	stack                    *stack.Stack
	built                    string // folder of the built functions
}

// database is a DynamoDB to measure on.
type database struct {
	name  string
	url   string
	pid   int           // of its server
	calls atomic.Int64  // that clients have sent to it, repeats included
	away  time.Duration // added to each call, as a network between client and store does
}

// config is for a client that may do everything, and whose calls are counted.
func (d *database) config() aws.Config {
	count := middleware.FinalizeMiddlewareFunc("CountCalls", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		d.calls.Add(1)
		time.Sleep(d.away)
		return next.HandleFinalize(ctx, in)
	})
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &d.url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		APIOptions: []func(*middleware.Stack) error{func(s *middleware.Stack) error { return s.Finalize.Add(count, middleware.After) }},
	}
}

// close stops the servers, the last one first.
func (b *bench) close() error {
	var all error
	for i := len(b.closers) - 1; i >= 0; i-- {
		all = errors.Join(all, b.closers[i]())
	}
	return all
}

// onDynamoDBLocal returns Amazon's own DynamoDB for one machine, which counts capacity as AWS does.
func (b *bench) onDynamoDBLocal(ctx context.Context) (*database, error) {
	if b.dynamoDBLocal == nil {
		started := &database{name: "DynamoDB Local"}
		var err error
		if started.pid, err = childOf(func() error {
			url, stop, err := stack.StartDynamoDBLocal(ctx)
			if err == nil {
				started.url = url
				b.closers = append(b.closers, stop)
			}
			return err
		}); err != nil {
			return nil, err
		}
		b.dynamoDBLocal = started
	}
	return b.dynamoDBLocal, nil
}

// onMiniStack returns the DynamoDB of the local AWS, without the rest of the project's stack.
func (b *bench) onMiniStack(ctx context.Context) (*database, error) {
	if b.miniStack != nil {
		return b.miniStack, nil
	}
	root, err := stack.Root()
	if err != nil {
		return nil, err
	}
	if err := tools.Ensure(ctx, root, os.Stderr, tools.Python); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bulkops-bench-")
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, func() error { return errors.Join(stack.Halt(dir), os.RemoveAll(dir)) })
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	pid, err := childOf(func() error {
		return stack.StartMiniStack(ctx, root, dir, port, 1, false) // no mail is sent, so to no server
	})
	if err != nil {
		return nil, err
	}
	b.miniStack = &database{name: "the local AWS", url: fmt.Sprintf("http://127.0.0.1:%d", port), pid: pid}
	return b.miniStack, nil
}

// functions builds the functions as they are deployed and returns the folder with a folder for each.
func (b *bench) functions(ctx context.Context) (string, error) {
	if b.built != "" {
		return b.built, nil
	}
	root, err := stack.Root()
	if err != nil {
		return "", err
	}
	if err := stack.Prepare(ctx, root, os.Stderr); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "bulkops-bench-build-")
	if err != nil {
		return "", err
	}
	b.closers = append(b.closers, func() error { return os.RemoveAll(dir) })
	if err := stack.Build(ctx, root, dir); err != nil {
		return "", err
	}
	b.built = dir
	return dir, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

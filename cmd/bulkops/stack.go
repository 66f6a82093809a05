package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go/logging"

	"bulkops/internal/dynamo"
)

// stack is a deployed stack, reached with the operator's AWS credentials.
type stack struct {
	name    string
	aws     aws.Config
	outputs map[string]string

	ahead time.Duration // of this computer's clock before that of AWS
	timed bool          // AWS has said the time
}

// clockAgrees refuses where this computer's clock is not that of AWS: a record
// is sealed with the hour of its writing, and one that came into an hour which is
// sealed already would look as if somebody had added it.
func (s *stack) clockAgrees() error {
	const most = time.Minute
	switch {
	case !s.timed:
		return fmt.Errorf("AWS did not say what time it is, so this computer's clock cannot be compared with it; try again")
	case s.ahead > most:
		return fmt.Errorf("this computer's clock is %s ahead of that of AWS; set it right, and run the command again", s.ahead.Round(time.Second))
	case s.ahead < -most:
		return fmt.Errorf("this computer's clock is %s behind that of AWS; set it right, and run the command again", -s.ahead.Round(time.Second))
	}
	return nil
}

// openStack reads the outputs of the CloudFormation stack.
func (t *terminal) openStack() (*stack, error) {
	// What goes wrong comes back as an error; the SDK's own remarks on connections
	// would only stand between the lines for the person.
	cfg, err := awsconfig.LoadDefaultConfig(t.ctx, awsconfig.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	found, err := cloudformation.NewFromConfig(cfg).DescribeStacks(t.ctx, &cloudformation.DescribeStacksInput{StackName: &t.stack})
	if err != nil || len(found.Stacks) == 0 {
		return nil, fmt.Errorf("the stack %s cannot be read; set BULKOPS_STACK to its name, and AWS credentials (or AWS_ENDPOINT_URL for the local AWS): %w", t.stack, err)
	}
	s := &stack{name: t.stack, aws: cfg, outputs: map[string]string{}}
	skew, timed := middleware.GetAttemptSkew(found.ResultMetadata)
	s.ahead, s.timed = -skew, timed
	for _, o := range found.Stacks[0].Outputs {
		s.outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return s, nil
}

// output returns what the stack says under a name.
func (s *stack) output(name string) (string, error) {
	if v := s.outputs[name]; v != "" {
		return v, nil
	}
	return "", fmt.Errorf("the stack %s has no output %s: deploy the present template first", s.name, name)
}

func (s *stack) registry() (*dynamo.Registry, error) {
	table, err := s.output("RegistryTable")
	return dynamo.NewRegistry(dynamo.NewClient(s.aws), table), err
}

func (s *stack) staff() (*dynamo.Staff, error) {
	table, err := s.output("AccessTable")
	return dynamo.NewStaff(dynamo.NewClient(s.aws), table), err
}

// local reports whether the stack is on this machine: made-up patients and
// known passwords have no place anywhere else.
func (s *stack) local() bool {
	endpoint := aws.ToString(s.aws.BaseEndpoint)
	if endpoint == "" {
		endpoint = os.Getenv("AWS_ENDPOINT_URL")
	}
	address, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(address.Hostname())
	return address.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

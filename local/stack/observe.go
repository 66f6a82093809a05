package stack

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// FunctionLogs returns every line that the functions have logged, by log group. The group of a
// function is /aws/lambda/ and its physical name; Resources has that name. A line arrives when the
// call that wrote it ends.
func (s *Stack) FunctionLogs(ctx context.Context) (map[string][]string, error) {
	client := cloudwatchlogs.NewFromConfig(s.AWSConfig())
	lines := map[string][]string{}
	groups := cloudwatchlogs.NewDescribeLogGroupsPaginator(client, &cloudwatchlogs.DescribeLogGroupsInput{})
	for groups.HasMorePages() {
		page, err := groups.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the log groups: %w", err)
		}
		for _, group := range page.LogGroups {
			name := aws.ToString(group.LogGroupName)
			events := cloudwatchlogs.NewFilterLogEventsPaginator(client, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &name})
			for events.HasMorePages() {
				found, err := events.NextPage(ctx)
				if err != nil {
					return nil, fmt.Errorf("read the log group %s: %w", name, err)
				}
				for _, event := range found.Events {
					lines[name] = append(lines[name], aws.ToString(event.Message))
				}
			}
		}
	}
	return lines, nil
}

// FunctionPIDs returns the processes that at this moment are workers of a function, busy or idle,
// by the name of its folder under functions/. A test that kills one sees what a lost machine does.
func (s *Stack) FunctionPIDs(function string) ([]int, error) {
	physical, err := s.physicalName(function)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list the running processes: %w", err)
	}
	gateway := s.gateway().pid()
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		// Workers are children in the gateway's own process group; nothing else is looked at.
		if group, err := syscall.Getpgid(pid); err != nil || group != gateway {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if err != nil {
			continue
		}
		if slices.ContainsFunc(bytes.Split(env, []byte{0}), func(v []byte) bool {
			return string(v) == "AWS_LAMBDA_FUNCTION_NAME="+physical
		}) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Transport finds the portal from a Go program: browsers know that every name under localhost is
// this machine, Go asks the name service, which does not.
func (s *Stack) Transport() *http.Transport {
	dialer := &net.Dialer{}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return dialer.DialContext(ctx, network, address)
	}
	return transport
}

// logicalID is a function's name in the template: functions/execute is ExecuteFunction.
func logicalID(function string) string {
	return strings.ToUpper(function[:1]) + function[1:] + "Function"
}

func (s *Stack) physicalName(function string) (string, error) {
	if function != "" {
		if physical := s.Resources[logicalID(function)]; physical != "" {
			return physical, nil
		}
	}
	return "", fmt.Errorf("the deployed stack has no function %q: name a folder under functions/", function)
}

// Package stack runs bulkops on a local AWS: it installs the pinned tools, builds the functions,
// starts MiniStack and a mailbox, deploys template.yaml and stops what it started.
//
// "make start" uses it for the stack a person works with; tests start stacks of their own beside it,
// on free ports and with a state folder of their own.
package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bulkops/local/progress"
)

// Options say how to start a stack. The zero value is right for a test.
type Options struct {
	Dir         string            // state: logs, process ids, built functions; empty: a new folder that Stop removes
	GatewayPort int               // 0: any free port
	MailPort    int               // 0: any free port
	SMTPPort    int               // 0: any free port
	Params      map[string]string // further parameters of the template, or other values for the local ones
	Detach      bool              // the stack lives on when this process ends; else it dies with it
	Log         io.Writer         // gets one line a step; nil: os.Stderr
}

// Stack is a running local AWS with the project's template deployed to it.
type Stack struct {
	GatewayURL string            // every AWS service, as the SDKs want it
	PortalURL  string            // browsers find it, Go programs need Transport
	MailURL    string            // the mailbox's page; MailURL/api/email lists its mails as JSON
	Region     string            // as in AWSConfig
	Outputs    map[string]string // of the CloudFormation stack
	Resources  map[string]string // logical id in the template → physical id

	dir        string
	root       string
	temporary  bool
	engineLock *os.File // held while a Docker engine of this stack runs
}

// state is what a later command needs to know about a detached stack.
type state struct {
	GatewayPort, MailPort, SMTPPort int
	Outputs, Resources              map[string]string
}

const stateFile = "stack.json"

// Start installs what is missing, builds, starts and deploys, and returns when the portal can be
// used. With Detach, a stack that already runs from the same folder is built and deployed again and
// keeps its data; fresh tells whether it was started anew and so is empty. When a step fails,
// everything that this call started is stopped.
func Start(ctx context.Context, options Options) (started *Stack, fresh bool, err error) {
	root, err := Root()
	if err != nil {
		return nil, false, err
	}
	log := options.Log
	if log == nil {
		log = os.Stderr
	}
	if err := Prepare(ctx, root, log); err != nil {
		return nil, false, err
	}
	temporary := options.Dir == ""
	if temporary {
		if options.Dir, err = os.MkdirTemp("", "bulkops-stack-"); err != nil {
			return nil, false, fmt.Errorf("make the state folder: %w", err)
		}
	}
	s := &Stack{dir: options.Dir, root: root, temporary: temporary}
	defer func() {
		if err != nil && (fresh || temporary) {
			err = errors.Join(err, s.Stop())
		}
	}()
	if err := progress.Step(log, "package the functions (sam build)", func() error { return Build(ctx, root, s.buildDir()) }); err != nil {
		return nil, false, err
	}
	ports, fresh, err := s.startServers(ctx, options, log)
	if err != nil {
		return nil, fresh, err
	}
	params := localParameters(ports.GatewayPort)
	for name, value := range options.Params {
		params[name] = value
	}
	if err := progress.Step(log, "deploy the stack (sam deploy)", func() error {
		return Deploy(ctx, root, s.buildDir(), gatewayURL(ports.GatewayPort), params)
	}); err != nil {
		return nil, fresh, err
	}
	s.describedBy(ports)
	if ports.Outputs, ports.Resources, err = describe(ctx, s.AWSConfig(), options.Params); err != nil {
		return nil, fresh, err
	}
	s.describedBy(ports)
	return s, fresh, s.save(ports)
}

// startServers starts the gateway and the mailbox, unless both already run from this folder.
func (s *Stack) startServers(ctx context.Context, options Options, log io.Writer) (ports state, fresh bool, err error) {
	if running, err := readState(s.dir); err == nil && s.gateway().pid() != 0 && s.mailbox().pid() != 0 {
		if (options.GatewayPort != 0 && options.GatewayPort != running.GatewayPort) || (options.MailPort != 0 && options.MailPort != running.MailPort) {
			return state{}, false, fmt.Errorf("the stack already runs with port %d and mail port %d: run make stop before starting it with others", running.GatewayPort, running.MailPort)
		}
		return running, false, nil
	}
	if err := errors.Join(s.gateway().stop(), s.mailbox().stop()); err != nil {
		return state{}, false, err
	}
	if ports.GatewayPort, err = choosePort(options.GatewayPort, "local AWS and the portal", "PORT"); err != nil {
		return state{}, false, err
	}
	if ports.MailPort, err = choosePort(options.MailPort, "mailbox's page", "MAIL_PORT"); err != nil {
		return state{}, false, err
	}
	if ports.SMTPPort, err = choosePort(options.SMTPPort, "mailbox's mail server", "SMTP_PORT"); err != nil {
		return state{}, false, err
	}
	err = progress.Step(log, fmt.Sprintf("start the local AWS on port %d", ports.GatewayPort), func() error {
		return StartMiniStack(ctx, s.root, s.dir, ports.GatewayPort, ports.SMTPPort, options.Detach)
	})
	if err != nil {
		return state{}, true, err
	}
	err = progress.Step(log, fmt.Sprintf("start the mailbox on port %d", ports.MailPort), func() error {
		return StartMailbox(ctx, s.root, s.dir, ports.MailPort, ports.SMTPPort, options.Detach)
	})
	return ports, true, err
}

// Open returns the stack that runs from a state folder.
func Open(dir string) (*Stack, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	s := &Stack{dir: dir, root: root}
	saved, err := readState(dir)
	if err != nil || s.gateway().pid() == 0 {
		return nil, errors.New("the local stack is not running: start it with make start")
	}
	s.describedBy(saved)
	return s, nil
}

// Stop ends the servers and, when the state folder was made by Start, removes it.
func (s *Stack) Stop() error {
	if err := errors.Join(s.gateway().stop(), s.mailbox().stop(), s.StopEngine()); err != nil {
		return err
	}
	if s.temporary {
		return os.RemoveAll(s.dir)
	}
	return nil
}

// Halt ends whatever runs from a state folder, also when it is only half there.
func Halt(dir string) error {
	return (&Stack{dir: dir}).Stop()
}

// AWSConfig is the configuration of an SDK client with the rights of an administrator.
func (s *Stack) AWSConfig() aws.Config {
	return aws.Config{
		Region:       s.Region,
		BaseEndpoint: aws.String(s.GatewayURL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: adminKey, SecretAccessKey: adminKey}, nil
		}),
	}
}

// Env is the environment for a program that works on the stack as an administrator, such as
// cmd/bulkops: this process's own, with the gateway in place of any AWS account.
func (s *Stack) Env() []string { return environment(s.variables()...) }

// EnvFile is what a shell reads to work on the stack as Env does.
func (s *Stack) EnvFile() string { return filepath.Join(s.dir, "env") }

func (s *Stack) variables() []string {
	return append(credentials(s.GatewayURL), "BULKOPS_STACK="+StackName)
}

// Dir is the state folder; gateway.log and mailbox.log are in it.
func (s *Stack) Dir() string { return s.dir }

func (s *Stack) gateway() process { return process{gatewayName, s.dir} }
func (s *Stack) mailbox() process { return process{mailboxName, s.dir} }
func (s *Stack) buildDir() string { return filepath.Join(s.dir, "build") }

func (s *Stack) describedBy(saved state) {
	s.GatewayURL, s.PortalURL = gatewayURL(saved.GatewayPort), portalURL(saved.GatewayPort)
	s.MailURL = fmt.Sprintf("http://localhost:%d", saved.MailPort)
	s.Region, s.Outputs, s.Resources = region, saved.Outputs, saved.Resources
}

func (s *Stack) save(now state) error {
	text, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the stack's state: %w", err)
	}
	env := "export " + strings.Join(s.variables(), "\nexport ") + "\n"
	return errors.Join(os.WriteFile(filepath.Join(s.dir, stateFile), text, 0o644), os.WriteFile(s.EnvFile(), []byte(env), 0o644))
}

func readState(dir string) (saved state, err error) {
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return state{}, err
	}
	return saved, json.Unmarshal(text, &saved)
}

// Command local starts, stops and looks at the local AWS; the Makefile has a target for each verb.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"bulkops/internal/sample"
	"bulkops/local/stack"
	"bulkops/local/tools"
)

// verbs are what one can ask for. root is the project's folder.
var verbs = map[string]func(ctx context.Context, root string, args []string) error{
	"start":  start,
	"stop":   func(_ context.Context, root string, _ []string) error { return stack.Halt(stateDir(root)) },
	"status": status,
	"assets": func(ctx context.Context, root string, _ []string) error {
		return stack.PrepareAssets(ctx, root, os.Stdout)
	},
	"build":  build,
	"clean":  clean,
	"invoke": invoke,
	"check":  func(ctx context.Context, root string, _ []string) error { return tools.Check(ctx, root, os.Stdout) },
	"tools":  install,
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "local: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	root, err := stack.Root()
	if err != nil {
		return err
	}
	if len(args) == 0 || verbs[args[0]] == nil {
		return errors.New("say what to do: start, stop, status, assets, build, clean, invoke FUNCTION, check, tools test|check")
	}
	return verbs[args[0]](ctx, root, args[1:])
}

func stateDir(root string) string { return filepath.Join(root, ".local") }

func start(ctx context.Context, root string, _ []string) error {
	options := stack.Options{Dir: stateDir(root), Detach: true, Log: os.Stdout}
	_, stopped := stack.Open(options.Dir)
	for variable, port := range map[string]*int{"PORT": &options.GatewayPort, "MAIL_PORT": &options.MailPort, "SMTP_PORT": &options.SMTPPort} {
		text := os.Getenv(variable)
		switch {
		case text == "" && stopped == nil:
			continue // whatever port the running stack has
		case text == "":
			text = defaultPorts[variable]
		}
		number, err := strconv.Atoi(text)
		if err != nil || number < 1 || number > 65535 {
			return fmt.Errorf("%s=%s is not a port: give a number from 1 to 65535", variable, text)
		}
		*port = number
	}
	running, fresh, err := stack.Start(ctx, options)
	if err != nil {
		return err
	}
	if fresh {
		// Without its sample the stack would look started, and the next start would not fill it.
		if err := running.LoadSample(ctx, os.Stdout); err != nil {
			return errors.Join(err, running.Stop())
		}
	}
	if !fresh { // the sample has said them
		signIns()
	}
	return addresses(running)
}

var defaultPorts = map[string]string{"PORT": "4566", "MAIL_PORT": "1080", "SMTP_PORT": "1025"}

func status(_ context.Context, root string, _ []string) error {
	running, err := stack.Open(stateDir(root))
	if err != nil {
		return err
	}
	signIns()
	return addresses(running)
}

func signIns() {
	fmt.Printf("\nSign-ins, all with the password %s\n", sample.Password)
	for _, p := range sample.People() {
		fmt.Printf("  %-26s %s, %s\n", p.Email, p.Name, p.Role.Title())
	}
}

func addresses(s *stack.Stack) error {
	_, err := fmt.Printf("\nPortal    %s\nMailbox   %s\nAWS       %s (key and secret: test, region %s)\nTerminal  . %s && go run ./cmd/bulkops --help\nLogs      %s\n",
		s.PortalURL, s.MailURL, s.GatewayURL, s.Region, s.EnvFile(), s.Dir())
	return err
}

// build makes the functions ready for a deployment to AWS.
func build(ctx context.Context, root string, _ []string) error {
	if err := stack.Prepare(ctx, root, os.Stdout); err != nil {
		return err
	}
	return stack.Build(ctx, root, filepath.Join(root, ".aws-sam", "build"))
}

func clean(_ context.Context, root string, _ []string) error {
	if err := stack.Halt(stateDir(root)); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(stateDir(root)), os.RemoveAll(filepath.Join(root, ".aws-sam")))
}

func invoke(ctx context.Context, root string, args []string) error {
	if len(args) != 1 {
		return errors.New("name the function to run by its folder under functions/, for example: make invoke FUNCTION=execute")
	}
	running, err := stack.Open(stateDir(root))
	if err != nil {
		return err
	}
	answer, err := running.InvokeLocal(ctx, args[0], filepath.Join(root, "events", args[0]+".json"), os.Stderr)
	if err == nil {
		fmt.Printf("%s\n", answer)
	}
	return errors.Join(err, running.StopEngine())
}

// install installs the tools that only tests or only checks need.
func install(ctx context.Context, root string, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "test":
		// Debian's packages first: Maven, one of them, fetches DynamoDB Local.
		if err := tools.EnsureDebian(ctx, root, os.Stdout, tools.Maven, tools.Chromium, tools.Docker, tools.StaticBusybox, tools.LibreOffice, tools.UNO, tools.SevenZip); err != nil {
			return err
		}
		return tools.Ensure(ctx, root, os.Stdout, tools.Python, tools.Node, tools.DynamoDBLocal, tools.Readers)
	case len(args) == 1 && args[0] == "check":
		return tools.Ensure(ctx, root, os.Stdout, tools.Python, tools.Node, tools.Checkov, tools.Go)
	}
	return errors.New("say for what to install tools: test or check")
}

package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"bulkops/local/progress"
	"bulkops/local/tools"
)

// StackName is the name of the CloudFormation stack on the local AWS.
const StackName = "bulkops"

// Flags of the compiler for functions: static binaries, the same from the same source, without the
// parts of Lambda's library that only the retired go1.x runtime used.
var buildFlags = []string{
	"CGO_ENABLED=0",
	"GOFLAGS=-tags=lambda.norpc -ldflags=-s -trimpath",
}

// Prepare installs what building and starting need, puts the portal's styles in place and compiles
// the functions, as far as that is not done. After it, Build only links.
func Prepare(ctx context.Context, root string, log io.Writer) error {
	var python, compiled error
	var both sync.WaitGroup
	both.Go(func() { python = tools.Ensure(ctx, root, log, tools.Python) })
	both.Go(func() {
		// The portal's function embeds the styles.
		if compiled = PrepareAssets(ctx, root, log); compiled == nil {
			compiled = progress.Step(log, "compile the functions", func() error { return compile(ctx, root) })
		}
	})
	both.Wait()
	return errors.Join(python, compiled)
}

// PrepareAssets installs the Node packages and puts the portal's styles in place.
func PrepareAssets(ctx context.Context, root string, log io.Writer) error {
	if err := tools.Ensure(ctx, root, log, tools.Node); err != nil {
		return err
	}
	return tools.CopyStyles(root)
}

// compile compiles once what the functions share; sam build alone would compile it for each
// function at the same time.
func compile(ctx context.Context, root string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "./functions/...")
	cmd.Dir, cmd.Env = root, environment(buildFlags...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile the functions: %w\n%s", err, out)
	}
	return nil
}

// Build writes the functions, with the template that names them, to dir.
func Build(ctx context.Context, root, dir string) error {
	// Never --cached: it looks only at a function's own folder and would keep a binary whose
	// packages under internal/ have changed.
	return sam(ctx, root, buildFlags, "build", "--parallel", "--template-file", filepath.Join(root, "template.yaml"), "--build-dir", dir)
}

// Deploy creates or updates the stack on the gateway from what Build wrote to dir.
func Deploy(ctx context.Context, root, dir, gatewayURL string, params map[string]string) error {
	args := []string{
		"deploy", "--template-file", filepath.Join(dir, "template.yaml"), "--stack-name", StackName, "--resolve-s3",
		"--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND",
		"--no-confirm-changeset", "--no-fail-on-empty-changeset", "--parameter-overrides",
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		args = append(args, name+"="+params[name])
	}
	return sam(ctx, root, append(credentials(gatewayURL), "SAM_CLI_POLL_DELAY=0.2"), args...)
}

// localParameters are the template's parameters that differ between this machine and AWS.
func localParameters(gatewayPort int) map[string]string {
	identity := fmt.Sprintf("http://localhost:%d", gatewayPort)
	return map[string]string{
		"PortalUrl":    portalURL(gatewayPort),
		"PortalDomain": portalDomain,
		"MailFrom":     "bulkops@clinic.example",
		// MiniStack serves the sign-in pages, the tokens and the keys itself.
		"IdentityUrl":      identity,
		"IdentityTokenUrl": identity,
		"IdentityKeysUrl":  identity,
		"Mfa":              "OFF",   // its sign-in pages do not ask for a second factor
		"MailResource":     "*",     // its access check knows no identities or configuration sets
		"RequireTls":       "false", // it serves plain HTTP
		// A person who tries the system does not wait a quarter of an hour, and throws it away after.
		"WatchEvery":         "rate(1 minute)",
		"DeletionProtection": "false",
	}
}

const portalDomain = "portal.localhost"

func portalURL(gatewayPort int) string { return fmt.Sprintf("http://%s:%d", portalDomain, gatewayPort) }

// sam runs the SAM command line at the project's root. Settings kept for a deployment to AWS
// (samconfig.toml, the user's home) do not reach it.
func sam(ctx context.Context, root string, env []string, args ...string) error {
	cmd := samCommand(ctx, root, env, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("sam %s: %w\n%s", args[0], err, out)
	}
	return nil
}

func samCommand(ctx context.Context, root string, env []string, args ...string) *exec.Cmd {
	bin := filepath.Join(tools.Python.Dir(root), "bin")
	args = append(args, "--config-file", filepath.Join(root, "local", "samconfig.toml"))
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "sam"), args...)
	cmd.Dir = root
	cmd.Env = environment(append(slices.Clone(env),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"__SAM_CLI_APP_DIR="+filepath.Join(tools.Python.Dir(root), "sam"),
		"SAM_CLI_TELEMETRY=0",
		"SAM_CLI_NO_COLOR=1",
	)...)
	return cmd
}

// describe reads the outputs and the resources of the deployed stack. wanted are parameters that
// the template must have: the SAM command line drops those that it does not have in silence.
func describe(ctx context.Context, cfg aws.Config, wanted map[string]string) (outputs, resources map[string]string, err error) {
	client := cloudformation.NewFromConfig(cfg)
	stacks, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(StackName)})
	if err != nil {
		return nil, nil, fmt.Errorf("read the deployed stack %s: %w", StackName, err)
	}
	deployed := stacks.Stacks[0]
	have := map[string]bool{}
	for _, parameter := range deployed.Parameters {
		have[aws.ToString(parameter.ParameterKey)] = true
	}
	for name := range wanted {
		if !have[name] {
			return nil, nil, fmt.Errorf("template.yaml has no parameter %s: correct the name given to stack.Start", name)
		}
	}
	outputs = map[string]string{}
	for _, output := range deployed.Outputs {
		outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	resources = map[string]string{}
	pages := cloudformation.NewListStackResourcesPaginator(client, &cloudformation.ListStackResourcesInput{StackName: aws.String(StackName)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("list the resources of the stack %s: %w", StackName, err)
		}
		for _, resource := range page.StackResourceSummaries {
			resources[aws.ToString(resource.LogicalResourceId)] = aws.ToString(resource.PhysicalResourceId)
		}
	}
	return outputs, resources, nil
}

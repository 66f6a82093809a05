package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"bulkops/local/progress"
)

// Check runs every checker over the project at root and returns what they found, all of it.
func Check(ctx context.Context, root string, log io.Writer) error {
	checks := []struct {
		what string
		run  func(ctx context.Context, root string) error
	}{
		{"vet Go code (go vet)", func(ctx context.Context, root string) error { return run(ctx, root, nil, "go", "vet", "./...") }},
		{"lint Go code (golangci-lint)", lintGo},
		{"draw inputs for " + fuzzTime + " each (go test -fuzz)", fuzz},
		{"lint the template (sam validate --lint)", lintTemplate},
		{"check the deployed template's safety (checkov)", checkov},
		{"look for known weaknesses in modules (govulncheck)", func(ctx context.Context, root string) error { return vulnerabilities(ctx, root, log) }},
	}
	var errs []error
	for _, check := range checks {
		errs = append(errs, progress.Step(log, check.what, func() error { return check.run(ctx, root) }))
	}
	return errors.Join(errs...)
}

func lintGo(ctx context.Context, root string) error {
	return run(ctx, root, nil, filepath.Join(Go.Dir(root), "bin", "golangci-lint"), "run",
		"--config", filepath.Join(root, "local", "tools", "golangci.yml"), "./...")
}

func lintTemplate(ctx context.Context, root string) error {
	return run(ctx, root, []string{"AWS_DEFAULT_REGION=us-east-1", "SAM_CLI_TELEMETRY=0"},
		filepath.Join(Python.Dir(root), "bin", "sam"), "validate", "--lint", "--template-file", filepath.Join(root, "template.yaml"))
}

// checkov looks at the template that SAM makes of ours, with the roles and permissions it adds.
func checkov(ctx context.Context, root string) error {
	dir, err := os.MkdirTemp("", "bulkops-check-")
	if err != nil {
		return fmt.Errorf("make a folder for the transformed template: %w", err)
	}
	defer os.RemoveAll(dir)
	transform := exec.CommandContext(ctx, filepath.Join(Python.Dir(root), "bin", "python"),
		filepath.Join(root, "local", "tools", "transform.py"), filepath.Join(root, "template.yaml"))
	transformed, err := transform.Output()
	if err != nil {
		return fmt.Errorf("transform template.yaml as AWS would: %w\n%s", err, stderr(err))
	}
	file := filepath.Join(dir, "template.yaml")
	if err := os.WriteFile(file, transformed, 0o644); err != nil {
		return err
	}
	return run(ctx, dir, nil, filepath.Join(Checkov.Dir(root), "bin", "checkov"), "--file", file,
		"--framework", "cloudformation", "--compact", "--quiet", "--skip-download")
}

// vulnerabilities asks a public database. Where that cannot be reached, the answer is unknown: it
// says so and lets the other checks count.
func vulnerabilities(ctx context.Context, root string, log io.Writer) error {
	err := run(ctx, root, nil, filepath.Join(Go.Dir(root), "bin", "govulncheck"), "./...")
	if err != nil && strings.Contains(err.Error(), "fetching vulnerabilities") {
		fmt.Fprintln(log, "        NOT CHECKED for known weaknesses: their database cannot be reached from here")
		return nil
	}
	return err
}

func stderr(err error) []byte {
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return failed.Stderr
	}
	return nil
}

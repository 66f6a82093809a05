// Package tools installs the pinned programs that build, start and check the project, inside the
// project's own folder .tools. The files beside this one say which versions.
package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"bulkops/local/progress"
)

// Tool is a set of programs with one list of pinned versions.
type Tool struct {
	name     string
	what     string // for the line that says what is installed
	manifest []string
	install  func(ctx context.Context, place place) error
}

// place says where things are while one tool is installed.
type place struct {
	manifests string // the folder that holds the lists of versions
	dir       string // the folder to install into; empty when install begins
	log       io.Writer
}

// The tools. Each is installed into .tools/<name>.
var (
	// Python has MiniStack (the local AWS), the SAM command line and cfn-lint.
	Python = Tool{"python", "install MiniStack and the SAM command line", []string{"requirements.txt"}, virtualEnv("requirements.txt")}
	// Checkov needs versions that Python cannot have, so it lives apart.
	Checkov = Tool{"checkov", "install checkov", []string{"requirements-checkov.txt"}, virtualEnv("requirements-checkov.txt")}
	// Readers has the libraries that open exported files for the tests, and the one to compare with.
	Readers = Tool{"readers", "install readers of exported files", []string{"requirements-readers.txt"}, virtualEnv("requirements-readers.txt")}
	// Node has the mailbox, the assets of the portal and the checkers of its pages.
	Node = Tool{"node", "install the mailbox and the portal's styles", nodeManifest, nodePackages}
	// DynamoDBLocal is Amazon's own DynamoDB for one machine.
	DynamoDBLocal = Tool{"dynamodb-local", "install DynamoDB Local", []string{"pom.xml"}, jars}
	// Go has the checkers of Go code.
	Go = Tool{"go", "install golangci-lint and govulncheck", []string{"go.txt"}, goPrograms}
)

var nodeManifest = []string{"package.json", "package-lock.json", ".npmrc"}

// Dir returns the folder a tool is installed in, for the project at root.
func (t Tool) Dir(root string) string { return filepath.Join(root, ".tools", t.name) }

// Ensure installs those of the tools that are missing or whose list of versions has changed, side
// by side. Several processes may call it at once: one installs, the others wait for it.
func Ensure(ctx context.Context, root string, log io.Writer, want ...Tool) error {
	if err := os.MkdirAll(filepath.Join(root, ".tools"), 0o755); err != nil {
		return fmt.Errorf("make the folder for tools: %w", err)
	}
	errs := make([]error, len(want))
	var wait sync.WaitGroup
	for i, tool := range want {
		wait.Go(func() { errs[i] = tool.ensure(ctx, root, log) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

func (t Tool) ensure(ctx context.Context, root string, log io.Writer) error {
	manifests := filepath.Join(root, "local", "tools")
	want, err := fingerprint(manifests, t.manifest)
	if err != nil {
		return err
	}
	dir := t.Dir(root)
	unlock, err := lock(dir + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	stamp := filepath.Join(dir, "installed")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return nil
	}
	return progress.Step(log, t.what, func() error {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("clear %s before installing into it: %w", dir, err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make %s to install into: %w", dir, err)
		}
		if err := t.install(ctx, place{manifests, dir, log}); err != nil {
			return fmt.Errorf("%s into %s: %w", t.what, dir, err)
		}
		return os.WriteFile(stamp, []byte(want), 0o644)
	})
}

// fingerprint is the hash of the lists of versions: when it changes, the tool is installed again.
func fingerprint(dir string, files []string) (string, error) {
	hash := sha256.New()
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", fmt.Errorf("read the list of pinned versions: %w", err)
		}
		fmt.Fprintf(hash, "%s %d\n", name, len(text))
		hash.Write(text)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// lock waits until no other process holds the file's lock. The lock ends with the process at the
// latest, so a killed installation blocks nobody.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the tools: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		file.Close()
		return nil, fmt.Errorf("wait for the lock of the tools %s: %w", path, err)
	}
	return func() { file.Close() }, nil
}

func virtualEnv(requirements string) func(context.Context, place) error {
	return func(ctx context.Context, p place) error {
		if err := run(ctx, p.dir, nil, "python3", "-m", "venv", p.dir); err != nil {
			return err
		}
		// The list names every package, so pip has nothing to work out.
		return run(ctx, p.dir, nil, filepath.Join(p.dir, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "--no-compile",
			"--no-deps", "--requirement", filepath.Join(p.manifests, requirements))
	}
}

func nodePackages(ctx context.Context, p place) error {
	for _, name := range nodeManifest {
		text, err := os.ReadFile(filepath.Join(p.manifests, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(p.dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return run(ctx, p.dir, nil, "npm", "ci", "--ignore-scripts", "--no-progress", "--loglevel=error")
}

func jars(ctx context.Context, p place) error {
	return run(ctx, p.dir, nil, "mvn", "--quiet", "--batch-mode", "--file", filepath.Join(p.manifests, "pom.xml"),
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+p.dir)
}

func goPrograms(ctx context.Context, p place) error {
	list, err := os.ReadFile(filepath.Join(p.manifests, "go.txt"))
	if err != nil {
		return err
	}
	for _, program := range strings.Fields(string(list)) {
		if err := run(ctx, p.dir, []string{"GOBIN=" + filepath.Join(p.dir, "bin")}, "go", "install", program); err != nil {
			return err
		}
	}
	return nil
}

// run runs a program of an installation in dir. What it printed is part of the error.
func run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	if _, err := exec.LookPath(name); err != nil {
		return fmt.Errorf("the program %s is needed and was not found: install Go 1.26, Python 3.11, Node.js 20 and, for tests, Java 17 with Maven", name)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return nil
}

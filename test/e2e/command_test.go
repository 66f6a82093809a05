package e2e_test

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// buildCommand compiles cmd/bulkops once, into the folder of the stack.
var buildCommand = sync.OnceValues(func() (path string, err error) {
	path = filepath.Join(live.Dir(), "bulkops")
	build := exec.Command("go", "build", "-o", path, "bulkops/cmd/bulkops")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// command is the command line as an operator at the stack runs it. home is
// where it keeps the sign-in.
func command(t *testing.T, home string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := buildCommand()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(live.Env(), "XDG_CONFIG_HOME="+home, "HOME="+home)
	return cmd
}

// bulkops runs the command and returns what it said. code is its exit code.
func bulkops(t *testing.T, home string, args ...string) (said, problems string, code int) {
	t.Helper()
	cmd := command(t, home, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("bulkops %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), complaints.String(), cmd.ProcessState.ExitCode()
}

package stack

import (
	"context"
	"fmt"
	"io"
	"os/exec"
)

// LoadSample fills an empty stack with the sample clinic and its staff. What the command says, the
// sign-ins among it, goes to out.
func (s *Stack) LoadSample(ctx context.Context, out io.Writer) error {
	cmd := exec.CommandContext(ctx, "go", "run", "./cmd/bulkops", "sample")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.root, s.Env(), out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("load the sample clinic (go run ./cmd/bulkops sample): %w", err)
	}
	return nil
}

package tools

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// fuzzTime is how long each fuzz test draws new inputs. "make test" runs them with
// their seeds only.
const fuzzTime = "10s"

var fuzzTest = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// fuzz runs every fuzz test of the project. Go allows one at a time. What one
// finds, Go writes into the test's testdata, where it is a seed from then on.
func fuzz(ctx context.Context, root string) error {
	found := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, match := range fuzzTest.FindAllSubmatch(source, -1) {
			found++
			name := string(match[1])
			if err := run(ctx, filepath.Dir(path), nil, "go", "test", "-run", "^$", "-fuzz", "^"+name+"$", "-fuzztime", fuzzTime, "."); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
	if err == nil && found == 0 {
		err = fmt.Errorf("there is no fuzz test under %s", root)
	}
	return err
}

package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Root returns the project's folder: the working directory or the nearest folder above it that
// holds template.yaml's neighbour go.mod. Tests run in their package's folder, commands at the top.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the project's folder: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if text, err := os.ReadFile(filepath.Join(at, "go.mod")); err == nil && strings.HasPrefix(string(text), "module bulkops\n") {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", errors.New("the project's folder was not found above " + dir + ": run this inside a clone of bulkops")
		}
	}
}

// The local AWS knows one account and lets the key "test" do everything in it. The key is no
// secret: the gateway listens on this machine only and takes it as it is.
const (
	region   = "us-east-1"
	adminKey = "test"
)

// environment is this process's environment without anything that would lead a program to a real
// AWS account, plus the extra variables.
func environment(extra ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "AWS_") })
	return append(env, extra...)
}

// credentials leads a program to the gateway as its administrator, and away from the profiles and
// the instance role that the machine may have.
func credentials(gatewayURL string) []string {
	return []string{
		"AWS_ENDPOINT_URL=" + gatewayURL,
		"AWS_REGION=" + region,
		"AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + adminKey,
		"AWS_SECRET_ACCESS_KEY=" + adminKey,
		"AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

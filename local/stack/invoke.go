package stack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"gopkg.in/yaml.v3"
)

// InvokeLocal runs a function, named by its folder under functions/, once in a container by sam
// local invoke, with the event of a file, against this stack's tables. It returns what the function
// answered; what the function logged goes to log.
func (s *Stack) InvokeLocal(ctx context.Context, function, eventFile string, log io.Writer) ([]byte, error) {
	eventFile, err := filepath.Abs(eventFile) // the SAM command line runs in another folder
	if err == nil {
		_, err = os.Stat(eventFile)
	}
	if err != nil {
		return nil, fmt.Errorf("read the event for the function %s: %w", function, err)
	}
	docker, err := s.findEngine(ctx, log)
	if err != nil {
		return nil, err
	}
	gateway, closeGateway, err := s.gatewayForContainers(ctx, docker)
	if err != nil {
		return nil, err
	}
	defer closeGateway()
	variables, err := s.functionEnvironment(ctx, function)
	if err != nil {
		return nil, err
	}
	variables["AWS_ENDPOINT_URL"] = gateway
	template, err := s.templateForContainer(function, variables)
	if err != nil {
		return nil, err
	}
	args := []string{"local", "invoke", logicalID(function), "--template-file", template, "--event", eventFile}
	if docker.own {
		args = append(args, "--invoke-image", localImage, "--skip-pull-image")
	}
	env := append(credentials(gateway), "DOCKER_HOST="+docker.host)
	for name, value := range variables {
		env = append(env, name+"="+value) // of the same name, the environment wins over the template
	}
	cmd := samCommand(ctx, s.root, env, args...)
	var answer bytes.Buffer
	cmd.Stdout, cmd.Stderr = &answer, log
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("sam local invoke %s with %s: %w", logicalID(function), eventFile, err)
	}
	return bytes.TrimSpace(answer.Bytes()), nil
}

// functionEnvironment returns the variables of a deployed function, with real names of tables.
func (s *Stack) functionEnvironment(ctx context.Context, function string) (map[string]string, error) {
	physical, err := s.physicalName(function)
	if err != nil {
		return nil, err
	}
	deployed, err := lambda.NewFromConfig(s.AWSConfig()).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &physical})
	if err != nil {
		return nil, fmt.Errorf("read the environment of the deployed function %s: %w", function, err)
	}
	variables := map[string]string{}
	if deployed.Environment != nil {
		maps.Copy(variables, deployed.Environment.Variables)
	}
	return variables, nil
}

// templateForContainer writes a copy of the built template in which the function has these
// variables. The SAM command line passes no variable that the template does not have.
func (s *Stack) templateForContainer(function string, variables map[string]string) (string, error) {
	text, err := os.ReadFile(filepath.Join(s.buildDir(), "template.yaml"))
	if err != nil {
		return "", fmt.Errorf("read the built template: %w", err)
	}
	var template yaml.Node
	if err := yaml.Unmarshal(text, &template); err != nil {
		return "", fmt.Errorf("read the built template: %w", err)
	}
	properties := member(&template, "Resources", logicalID(function), "Properties")
	environment := &yaml.Node{}
	if err := environment.Encode(map[string]any{"Variables": variables}); err != nil {
		return "", fmt.Errorf("write the environment of %s: %w", function, err)
	}
	set(properties, "Environment", environment)
	if text, err = yaml.Marshal(&template); err != nil {
		return "", fmt.Errorf("write the template for the container: %w", err)
	}
	// Beside the built one, because it names the binaries relative to itself.
	file := filepath.Join(s.buildDir(), "container-"+function+".yaml")
	return file, os.WriteFile(file, text, 0o644)
}

// member walks down the mappings of a YAML document; it returns an empty mapping where a key is
// missing.
func member(node *yaml.Node, keys ...string) *yaml.Node {
	if node.Kind == yaml.DocumentNode {
		node = node.Content[0]
	}
	for _, key := range keys {
		at := keyIndex(node, key)
		if at < 0 {
			return &yaml.Node{Kind: yaml.MappingNode}
		}
		node = node.Content[at+1]
	}
	return node
}

func set(mapping *yaml.Node, key string, value *yaml.Node) {
	if at := keyIndex(mapping, key); at >= 0 {
		mapping.Content[at+1] = value
		return
	}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
}

// keyIndex finds a key in a mapping, whose content is key, value, key, value.
func keyIndex(mapping *yaml.Node, key string) int {
	return slices.IndexFunc(mapping.Content, func(n *yaml.Node) bool { return n.Value == key })
}

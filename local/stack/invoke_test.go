package stack

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestTheContainersTemplateHasTheDeployedEnvironment(t *testing.T) {
	const built = `
Resources:
  ExecuteFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ExecuteFunction
      Role: !GetAtt ExecuteRole.Arn
      Environment:
        Variables: {TABLE: !Ref Table, GONE: x}
  PlanFunction:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: PlanFunction}
`
	for _, c := range []struct{ function, logicalID string }{{"execute", "ExecuteFunction"}, {"plan", "PlanFunction"}} {
		s := &Stack{dir: t.TempDir()}
		if err := os.MkdirAll(s.buildDir(), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.buildDir(), "template.yaml"), []byte(built), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := s.templateForContainer(c.function, map[string]string{"TABLE": "bulkops-Table-1"})
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var tree yaml.Node
		if err := yaml.Unmarshal(text, &tree); err != nil {
			t.Fatalf("%s: %v in\n%s", c.function, err, text)
		}
		table := member(&tree, "Resources", c.logicalID, "Properties", "Environment", "Variables", "TABLE")
		if table.Value != "bulkops-Table-1" {
			t.Errorf("%s: TABLE is %q in\n%s", c.function, table.Value, text)
		}
		if gone := member(&tree, "Resources", c.logicalID, "Properties", "Environment", "Variables", "GONE"); gone.Kind != yaml.MappingNode {
			t.Errorf("%s: a variable that the deployed function does not have is there", c.function)
		}
		if role := member(&tree, "Resources", "ExecuteFunction", "Properties", "Role"); role.Tag != "!GetAtt" {
			t.Errorf("%s: the tag of an intrinsic function is lost: %q", c.function, role.Tag)
		}
	}
}

func TestForwardPassesBothWays(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(append([]byte("heard "), body...))
	}))
	defer server.Close()
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go forward(listener, target.Host)
	response, err := http.Post("http://"+listener.Addr().String(), "text/plain", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "heard " {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestFunctionNamesFollowTheirFolders(t *testing.T) {
	s := &Stack{Resources: map[string]string{"ExecuteFunction": "bulkops-execute"}}
	if name, err := s.physicalName("execute"); err != nil || name != "bulkops-execute" {
		t.Errorf("got %q, %v", name, err)
	}
	for _, missing := range []string{"", "nothing"} {
		if name, err := s.physicalName(missing); err == nil {
			t.Errorf("%q has the name %q; it must be refused", missing, name)
		}
	}
}

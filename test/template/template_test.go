// Package template_test reads template.yaml and the state machine as they are
// in the repository and checks what a deployment would only show too late: the
// local AWS does not enforce the state machine's own rights, for example.
package template_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const root = "../../"

// functions are the folders under functions/.
var functions = []string{"Api", "Ask", "Audit", "Bounce", "Execute", "Export", "Finish", "Plan", "Portal", "Seal", "Verify", "Watch"}

// object is a mapping of the template; !Ref X is {"Ref": X}, !GetAtt A.B is
// {"Fn::GetAtt": "A.B"}, and so on.
type object = map[string]any

type template struct {
	resources, parameters, outputs, conditions, globals object
	text                                                string
}

func load(t *testing.T) template {
	t.Helper()
	text, err := os.ReadFile(root + "template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		t.Fatal(err)
	}
	all := plain(t, node.Content[0]).(object)
	return template{
		resources: all["Resources"].(object), parameters: all["Parameters"].(object), outputs: all["Outputs"].(object),
		conditions: all["Conditions"].(object), globals: all["Globals"].(object), text: string(text),
	}
}

// plain turns YAML with CloudFormation's short forms into plain values.
func plain(t *testing.T, n *yaml.Node) any {
	var value any
	switch n.Kind {
	case yaml.MappingNode:
		m := object{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(t, n.Content[i+1])
		}
		value = m
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			list = append(list, plain(t, c))
		}
		value = list
	default:
		if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
			value = n.Value
		} else if err := n.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	switch name := strings.TrimPrefix(n.Tag, "!"); {
	case strings.HasPrefix(name, "!"):
	case name == "Ref", name == "Condition":
		value = object{name: value}
	case name != "":
		value = object{"Fn::" + name: value}
	}
	return value
}

// properties returns the properties of a resource.
func (x template) properties(name string) object {
	r, _ := x.resources[name].(object)
	p, _ := r["Properties"].(object)
	return p
}

// ofType returns the names of the resources of a type, sorted.
func (x template) ofType(kind string) []string {
	var names []string
	for name, r := range x.resources {
		if r.(object)["Type"] == kind {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// get walks down mappings; nil where there is nothing.
func get(v any, keys ...string) any {
	for _, k := range keys {
		m, _ := v.(object)
		v = m[k]
	}
	return v
}

// list makes one value or a list of values a list.
func list(v any) []any {
	if v == nil {
		return nil
	}
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

// text makes a value of the template short and readable: ${X} for a reference.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case object:
		for _, k := range []string{"Ref", "Fn::GetAtt"} {
			if name, ok := v[k].(string); ok {
				return "${" + name + "}"
			}
		}
		if s, ok := v["Fn::Sub"].(string); ok {
			s = strings.ReplaceAll(s, "${AWS::Partition}:", "aws:")
			return strings.ReplaceAll(s, "${AWS::Region}:${AWS::AccountId}:", "")
		}
	}
	return "?"
}

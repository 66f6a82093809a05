package dynamo

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"
)

// declared is what template.yaml says of a table's keys.
type declared struct {
	AttributeDefinitions []attribute `yaml:"AttributeDefinitions"`
	KeySchema            []keyPart   `yaml:"KeySchema"`

	GlobalSecondaryIndexes []struct {
		IndexName  string    `yaml:"IndexName"`
		KeySchema  []keyPart `yaml:"KeySchema"`
		Projection struct {
			ProjectionType string `yaml:"ProjectionType"`
		} `yaml:"Projection"`
	} `yaml:"GlobalSecondaryIndexes"`

	TimeToLiveSpecification struct {
		AttributeName string `yaml:"AttributeName"`
	} `yaml:"TimeToLiveSpecification"`
}

type attribute struct {
	AttributeName string `yaml:"AttributeName"`
	AttributeType string `yaml:"AttributeType"`
}

type keyPart struct {
	AttributeName string `yaml:"AttributeName"`
	KeyType       string `yaml:"KeyType"`
}

func TestTablesAreThoseOfTheTemplate(t *testing.T) {
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	here := map[string][]index{
		"RegistryTable": registryIndexes, "OperationsTable": operationsIndexes, "AuditTable": auditIndexes, "AccessTable": accessIndexes,
	}
	for name, resource := range template.Resources {
		if _, known := here[name]; resource.Type == "AWS::DynamoDB::Table" && !known {
			t.Errorf("the template has the table %s, tables.go does not", name)
		}
	}
	for name, indexes := range here {
		resource, ok := template.Resources[name]
		if !ok {
			t.Errorf("tables.go has the table %s, the template does not", name)
			continue
		}
		var there declared
		if err := resource.Properties.Decode(&there); err != nil {
			t.Fatal(err)
		}
		if got, want := there.lines(), declaredHere(t, indexes).lines(); !slices.Equal(got, want) {
			t.Errorf("%s:\nin the template %v\nin tables.go    %v", name, got, want)
		}
		if expires := there.TimeToLiveSpecification.AttributeName; (name == "AccessTable") != (expires == "expires") {
			t.Errorf("%s expires by %q", name, expires)
		}
	}
}

// lines describes a table's keys, in no matter which order they are declared.
func (d declared) lines() []string {
	var lines []string
	for _, a := range d.AttributeDefinitions {
		lines = append(lines, fmt.Sprint("attribute ", a))
	}
	lines = append(lines, fmt.Sprint("key ", d.KeySchema))
	for _, i := range d.GlobalSecondaryIndexes {
		lines = append(lines, fmt.Sprint("index ", i))
	}
	slices.Sort(lines)
	return lines
}

// declaredHere is a table's definition in the template's words.
func declaredHere(t *testing.T, indexes []index) declared {
	t.Helper()
	text, err := json.Marshal(definition("any", indexes))
	if err != nil {
		t.Fatal(err)
	}
	var d declared
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

package dynamo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/registry"
)

// expression builds the condition and the update of one item. Names and values
// always go in as placeholders: a field may have the name of a reserved word,
// and a value may be anything.
type expression struct {
	names        map[string]string
	values       item
	placeholders map[string]string
	conditions   []string
	sets         []string
	removes      []string
}

func newExpression() *expression {
	return &expression{names: map[string]string{}, values: item{}, placeholders: map[string]string{}}
}

func (e *expression) name(attribute string) string {
	p, ok := e.placeholders[attribute]
	if !ok {
		p = fmt.Sprintf("#n%d", len(e.names))
		e.placeholders[attribute] = p
		e.names[p] = attribute
	}
	return p
}

func (e *expression) value(v types.AttributeValue) string {
	p := fmt.Sprintf(":v%d", len(e.values))
	e.values[p] = v
	return p
}

// exists asks that the item is there: an update would make it otherwise.
func (e *expression) exists() { e.conditions = append(e.conditions, "attribute_exists(pk)") }

// absent asks that the item has no such attribute.
func (e *expression) absent(attribute string) {
	e.conditions = append(e.conditions, "attribute_not_exists("+e.name(attribute)+")")
}

// holds asks that the fields have these values.
func (e *expression) holds(fields registry.Fields) {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if fields[field] == "" {
			e.absent(field)
			continue
		}
		e.conditions = append(e.conditions, e.name(field)+" = "+e.value(text(fields[field])))
	}
}

// setFields gives the fields these values; an empty one is removed.
func (e *expression) setFields(fields registry.Fields) {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if fields[field] == "" {
			e.set(field, nil)
			continue
		}
		e.set(field, text(fields[field]))
	}
}

// stamp replaces the whole stamp.
func (e *expression) stamp(s registry.Stamp) {
	attributes := stampAttributes(s)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		e.set(name, attributes[name])
	}
}

// set gives an attribute a value; nil removes it.
func (e *expression) set(attribute string, v types.AttributeValue) {
	if v == nil {
		e.removes = append(e.removes, e.name(attribute))
		return
	}
	e.sets = append(e.sets, e.name(attribute)+" = "+e.value(v))
}

func (e *expression) condition() string { return strings.Join(e.conditions, " AND ") }

func (e *expression) update() string {
	var clauses []string
	if len(e.sets) > 0 {
		clauses = append(clauses, "SET "+strings.Join(e.sets, ", "))
	}
	if len(e.removes) > 0 {
		clauses = append(clauses, "REMOVE "+strings.Join(e.removes, ", "))
	}
	return strings.Join(clauses, " ")
}

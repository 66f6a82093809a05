package fhir

import (
	"slices"
	"strings"
)

// bestName is the official name, or else the usual one, or else the first that
// is not a former one, as people say it: given names, family name. Titles are
// part of a clinician's name only.
func bestName(names []humanName, titled bool) string {
	n, ok := best(names, []string{"official", "usual", ""}, []string{"old", "maiden"}, func(n humanName) string { return n.Use })
	if !ok {
		return ""
	}
	var parts []string
	if titled {
		parts = append(parts, n.Prefix...)
	}
	parts = append(parts, n.Given...)
	parts = append(parts, n.Family)
	if strings.TrimSpace(strings.Join(parts, "")) == "" {
		return n.Text
	}
	return strings.Join(append(parts, n.Suffix...), " ")
}

// The uses of a contact in the order in which they are taken: of somebody in
// private, and of a clinician or an organization.
var (
	inPrivate = []string{"mobile", "home", "", "work"}
	atWork    = []string{"work", "", "mobile", "home"}
)

// contact is the value by which somebody is reached in the system (phone or
// email).
func contact(points []contactPoint, system string, uses []string) string {
	var of []contactPoint
	for _, p := range points {
		if p.System == system && p.Value != "" {
			of = append(of, p)
		}
	}
	p, _ := best(of, uses, []string{"old"}, func(p contactPoint) string { return p.Use })
	return p.Value
}

// postal is the address in one line.
func postal(addresses []address) string {
	a, _ := best(addresses, []string{"home", "", "temp", "work"}, []string{"old", "billing"}, func(a address) string { return a.Use })
	var parts []string
	for _, part := range append(slices.Clone(a.Line), a.City, strings.TrimSpace(a.State+" "+a.PostalCode), a.Country) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return a.Text
	}
	return strings.Join(parts, ", ")
}

// best takes the first entry of the use that stands first in order, then one
// of any other use, and one of the last uses only if there is nothing else.
func best[T any](entries []T, order, last []string, use func(T) string) (found T, ok bool) {
	rank := func(e T) int {
		if i := slices.Index(order, use(e)); i >= 0 {
			return i
		}
		if slices.Contains(last, use(e)) {
			return len(order) + 1
		}
		return len(order)
	}
	for _, e := range entries {
		if !ok || rank(e) < rank(found) {
			found, ok = e, true
		}
	}
	return found, ok
}

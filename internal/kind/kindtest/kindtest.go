// Package kindtest draws what operations of every kind are asked with, for
// property tests of planners, plans and runs.
package kindtest

import (
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// asked has, for each kind that somebody can begin with, a way to draw answers
// that its Check accepts.
var asked = map[string]func(*rapid.T) bulk.Params{
	kind.StatusChange.Name:    statusChange,
	kind.Tags.Name:            tags,
	kind.InsuranceChange.Name: insuranceChange,
}

// Draw draws a kind and answers to its questions.
func Draw(t *rapid.T) (kind.Kind, bulk.Params) {
	k, _ := kind.Find(rapid.SampledFrom(slices.Sorted(maps.Keys(asked))).Draw(t, "kind"))
	params := asked[k.Name](t)
	if problems := k.Check(params, registry.Directory{}); len(problems) > 0 {
		t.Fatalf("%s with %q: %v", k.Name, params, problems)
	}
	return k, params
}

// Drawn reports whether Draw can draw the kind.
func Drawn(k kind.Kind) bool { return asked[k.Name] != nil }

// DrawFields draws a profile's fields that are no one's identity: status, tags
// and insurance, also untidy ones that a hand or an import has written.
func DrawFields(t *rapid.T) registry.Fields {
	fields := registry.Fields{registry.StatusField: string(rapid.SampledFrom(registry.Statuses).Draw(t, "status"))}
	some := func(field string, values ...string) {
		if value := rapid.SampledFrom(append([]string{""}, values...)).Draw(t, field); value != "" {
			fields[field] = value
		}
	}
	some(registry.HoldReason, append([]string{"of old"}, kind.HoldReasons...)...)
	some(registry.Tags, "fall-risk vip", "vip  fall-risk", "vip vip", " ", "Old_Style")
	some(registry.InsurancePlan, "Medicare", "Aetna", "medicare")
	some(registry.InsuranceID, "ME1", "0012")
	some(registry.InsuranceFrom, "2026-01-01", "not a date")
	return fields
}

func statusChange(t *rapid.T) bulk.Params {
	to := rapid.SampledFrom(registry.Statuses).Filter(func(s registry.Status) bool { return s != registry.Pending }).Draw(t, "to")
	params := bulk.Params{kind.StatusTo: string(to)}
	if to == registry.OnHold {
		params[kind.HoldReason] = rapid.SampledFrom(kind.HoldReasons).Draw(t, "hold reason")
		params[kind.CancelVisits] = rapid.SampledFrom([]string{"", "yes"}).Draw(t, "cancel visits")
	}
	return params
}

func tags(t *rapid.T) bulk.Params {
	names := rapid.Permutation([]string{"Fall Risk", "VIP", "diabetes", "Old-Style", "2nd floor"}).Draw(t, "tags")
	some := rapid.IntRange(1, len(names)).Draw(t, "some")
	more := rapid.IntRange(some, len(names)).Draw(t, "more")
	params := bulk.Params{kind.AddTags: strings.Join(names[:some], ", "), kind.RemoveTags: strings.Join(names[some:more], "\n")}
	if rapid.Bool().Draw(t, "the other way round") {
		params[kind.AddTags], params[kind.RemoveTags] = params[kind.RemoveTags], params[kind.AddTags]
	}
	return params
}

func insuranceChange(t *rapid.T) bulk.Params {
	return bulk.Params{
		kind.InsurancePlan: rapid.SampledFrom([]string{"Medicare", " Blue  Shield "}).Draw(t, "plan"),
		kind.MemberIDs:     rapid.SampledFrom([]string{kind.KeepMemberIDs, kind.ClearMemberIDs}).Draw(t, "member ids"),
		kind.EffectiveDate: rapid.SampledFrom([]string{"2026-01-01", "2027-02-28"}).Draw(t, "effective"),
		kind.PlanEnded:     rapid.SampledFrom([]string{"", "yes"}).Draw(t, "ended"),
	}
}

package kind_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// numberedTags are n tags from t01, as a record holds them.
func numberedTags(n int) string {
	tags := make([]string, n)
	for i := range tags {
		tags[i] = fmt.Sprintf("t%02d", i+1)
	}
	return strings.Join(tags, " ")
}

func TestATagIsStoredInOneWay(t *testing.T) {
	for typed, want := range map[string]string{
		"vip": "vip", "VIP": "vip", "Fall Risk": "fall-risk", "  fall   risk ": "fall-risk", "fall-risk": "fall-risk",
		"-a - b-": "a-b", "2nd\u00a0Floor": "2nd-floor", "-": "", "": "",
	} {
		if got := kind.TagName(typed); got != want {
			t.Errorf("%q becomes %q, want %q", typed, got, want)
		}
	}
}

func TestTagsAreAddedAndRemovedTogether(t *testing.T) {
	tests := []struct {
		name, had, add, remove string
		want                   string // the new tags; the reason where there are none
		code                   bulk.ExclusionCode
	}{
		{"added to none", "", "VIP", "", "vip", ""},
		{"added in its place", "a c", "b", "", "a b c", ""},
		{"several, typed in several ways", "m", "Z; a,\r\nFall Risk", "", "a fall-risk m z", ""},
		{"removed", "a b c", "", "b", "a c", ""},
		{"the last one removed", "a", "", "a", "", ""},
		{"both", "a b", "c", "a", "b c", ""},
		{"what is there already is not added again", "a b", "a, c", "x", "a b c", ""},
		{"an untidy list is put in order", "c a a", "b", "", "a b c", ""},
		{"nothing to add", "a b", "B", "x", "The tags are already as asked.", bulk.AlreadySo},
		{"nothing to remove", "", "", "x", "The tags are already as asked.", bulk.AlreadySo},
		{"an untidy list alone is no reason", "b a a", "a", "", "The tags are already as asked.", bulk.AlreadySo},
		{"as many as fit", numberedTags(19), "a", "", "a " + numberedTags(19), ""},
		{"one too many", numberedTags(20), "a", "", "The patient has 20 tags and would have 21; at most 20 are allowed.", bulk.TooManyTags},
		{"many too many", numberedTags(18), "a,b,c,d,e", "t01", "The patient has 18 tags and would have 22; at most 20 are allowed.", bulk.TooManyTags},
		{"one in the place of another", numberedTags(20), "a", "t01", strings.Replace(numberedTags(20), "t01", "a", 1), ""},
		{"fewer than before, and still many", numberedTags(23), "", "t23", numberedTags(22), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			who := patient(registry.Active)
			who.Fields[registry.Tags] = test.had
			change, exclusion := kind.Tags.New(bulk.Params{kind.AddTags: test.add, kind.RemoveTags: test.remove}, kind.World{At: noon}).Plan(kind.Subject{Patient: who})
			if exclusion != nil {
				if exclusion.Code != test.code || exclusion.Sentence != test.want {
					t.Errorf("left out: %+v", exclusion)
				}
				return
			}
			e := change.Edits[0]
			if test.code != "" || len(change.Edits) != 1 || !maps.Equal(e.Before, registry.Fields{registry.Tags: test.had}) ||
				!maps.Equal(e.After, registry.Fields{registry.Tags: test.want}) || !maps.Equal(e.Reads, registry.Fields{registry.FacilityField: "fac-1"}) {
				t.Errorf("%v → %v, relying on %v", e.Before, e.After, e.Reads)
			}
		})
	}
}

func TestAnyTagsStaySortedAndWithinTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tag := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("t%02d", rapid.IntRange(1, 40).Draw(t, "n")) })
		draw := func(what string, most int) []string { return rapid.SliceOfN(tag, 0, most).Draw(t, what) }
		had, add, remove := draw("had", 30), draw("add", 20), draw("remove", 20)
		who := patient(registry.Active)
		who.Fields[registry.Tags] = strings.Join(had, " ")
		params := bulk.Params{kind.AddTags: strings.Join(add, ","), kind.RemoveTags: strings.Join(remove, ",")}
		if len(kind.Tags.Check(params, registry.Directory{})) > 0 {
			return
		}
		change, exclusion := kind.Tags.New(params, kind.World{At: noon}).Plan(kind.Subject{Patient: who})
		if exclusion != nil {
			return
		}
		got := strings.Fields(change.Edits[0].After[registry.Tags])
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Fatalf("%q is not sorted, or holds a tag twice", got)
		}
		was := slices.Compact(slices.Sorted(slices.Values(had)))
		if len(got) > kind.MaxTags && len(got) > len(was) {
			t.Fatalf("%d tags became %d", len(was), len(got))
		}
		for _, tag := range slices.Concat(was, add, remove) {
			want := slices.Contains(add, tag) || slices.Contains(was, tag) && !slices.Contains(remove, tag)
			if slices.Contains(got, tag) != want {
				t.Fatalf("%s: there %v, want %v", tag, !want, want)
			}
		}
	})
}

func TestTheSummaryOfTagsSaysWhatANameBecomes(t *testing.T) {
	for want, params := range map[string]bulk.Params{
		"Add tags fall-risk, vip": {kind.AddTags: "vip, fall-risk"},
		"Remove tag vip":          {kind.RemoveTags: "vip"},
		`Add tag fall-risk; remove tag vip ("Fall Risk" becomes fall-risk)`: {kind.AddTags: "Fall Risk", kind.RemoveTags: "vip"},
		`Add tag a; remove tag b ("A" becomes a, "B" becomes b)`:            {kind.AddTags: "A\nA", kind.RemoveTags: "B"},
	} {
		if got := kind.Tags.Summary(params, registry.Directory{}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCheckOfTagsNamesEachWrongAnswer(t *testing.T) {
	many := strings.ReplaceAll(numberedTags(21), " ", ",")
	tests := []struct {
		name   string
		params bulk.Params
		want   []string // field: a part of the sentence
	}{
		{"nothing", nil, []string{"add: Name a tag"}},
		{"only separators", bulk.Params{"add": " ,;\n"}, []string{"add: Name a tag"}},
		{"the same tag twice", bulk.Params{"add": "VIP, a", "remove": "vip"}, []string{"remove: The tag vip is to be added and to be removed."}},
		{"a character that no tag has", bulk.Params{"add": "vip!, ok", "remove": "ñ"},
			[]string{`add: "vip!" cannot be a tag`, `remove: "ñ" cannot be a tag`}},
		{"only hyphens", bulk.Params{"add": "--"}, []string{`add: "--" cannot be a tag`}},
		{"too long", bulk.Params{"add": strings.Repeat("a b", 11)}, []string{"add: \"" + strings.Repeat("a b", 11) + "\" is too long: as a tag it has 33 characters"}},
		{"as long as it may be", bulk.Params{"add": strings.Repeat("a", 30)}, nil},
		{"far too long", bulk.Params{"add": strings.Repeat("a", 1000)}, []string{"add: \"" + strings.Repeat("a", 40) + "…\" is too long"}},
		{"too many", bulk.Params{"remove": many}, []string{"remove: Name at most 20 tags; these are 21."}},
		{"a question of another kind", bulk.Params{"add": "a", "to": "Active"}, []string{`to: A change of tags has no question "to".`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { complains(t, kind.Tags.Check(test.params, registry.Directory{}), test.want) })
	}
}

// complains checks the problems: each is "field: the beginning of the sentence".
func complains(t *testing.T, problems []kind.Problem, want []string) {
	t.Helper()
	if len(problems) != len(want) {
		t.Fatalf("complains %q, want %q", problems, want)
	}
	for i, p := range problems {
		if got := p.Field + ": " + p.Sentence; !strings.HasPrefix(got, want[i]) || !strings.HasSuffix(got, ".") {
			t.Errorf("complains %q, want %q", got, want[i])
		}
	}
}

package fhir

import (
	"crypto/sha256"
	"net/url"
	"strings"

	"bulkops/internal/registry"
)

// key stands for a resource or one of its names. At 16 bytes two different
// ones never meet in practice, and a long identifier costs no more than a short one.
type key [16]byte

func hash(parts ...string) key {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return key(sum[:16])
}

// index finds organizations, practitioners and patients by everything that
// references use: Type/id, an identifier, a Bundle's fullUrl.
type index struct {
	named         map[key]string // type and identifier, or type and fullUrl → id; "" where several have it
	organizations map[string]*organization
	practitioners map[string]*practitioner
	roles         map[string]reference // of a PractitionerRole to its practitioner
}

// newIndex knows the directory too: an import may refer to what an earlier one brought.
func newIndex(d registry.Directory) *index {
	x := &index{
		named:         map[key]string{},
		organizations: map[string]*organization{},
		practitioners: map[string]*practitioner{},
		roles:         map[string]reference{},
	}
	for _, f := range d.Facilities {
		x.organizations[f.ID] = &organization{name: f.Name}
	}
	for _, p := range d.Providers {
		x.practitioners[p.ID] = &practitioner{}
	}
	return x
}

// add notes the names of a resource.
func (x *index) add(it item, identifiers []identifier) {
	if it.fullURL != "" {
		x.named[hash(it.kind, "url", it.fullURL)] = it.id
	}
	for _, i := range identifiers {
		if i.Value == "" {
			continue
		}
		k := hash(it.kind, "identifier", i.System, i.Value)
		if other, taken := x.named[k]; taken && other != it.id {
			x.named[k] = ""
			continue
		}
		x.named[k] = it.id
	}
}

// id of the resource of the kind that the reference means. For a patient it
// may be unknown here: the store is asked.
func (x *index) id(kind string, r reference) (id string, ok bool) {
	if r.Reference == "" {
		return x.byIdentifier(kind, r.Identifier.System, r.Identifier.Value)
	}
	if id := x.named[hash(kind, "url", r.Reference)]; id != "" {
		return id, true
	}
	if query, found := strings.CutPrefix(r.Reference, kind+"?identifier="); found {
		if plain, err := url.PathUnescape(query); err == nil {
			query = plain
		}
		system, value, parted := strings.Cut(query, "|")
		if !parted {
			system, value = "", query
		}
		return x.byIdentifier(kind, system, value)
	}
	path, _, _ := strings.Cut(r.Reference, "/_history/")
	segments := strings.Split(path, "/") // the last two, if it is a whole address
	if n := len(segments); n >= 2 && segments[n-2] == kind && x.exists(kind, segments[n-1]) {
		return segments[n-1], true
	}
	return "", false
}

func (x *index) byIdentifier(kind, system, value string) (string, bool) {
	if value == "" {
		return "", false
	}
	id := x.named[hash(kind, "identifier", system, value)]
	return id, id != ""
}

func (x *index) exists(kind, id string) bool {
	switch kind {
	case kindOrganization:
		return x.organizations[id] != nil
	case kindPractitioner:
		return x.practitioners[id] != nil
	case kindRole:
		_, ok := x.roles[id]
		return ok
	}
	return fhirID.MatchString(id)
}

// practitioner that a reference means, through a role where it names one.
func (x *index) practitioner(r reference) (string, bool) {
	if role, ok := x.id(kindRole, r); ok {
		r = x.roles[role]
	}
	return x.id(kindPractitioner, r)
}

package fhir

import (
	"cmp"
	"strings"

	"bulkops/internal/registry"
)

// clinicalKinds are the parts under which clinical notes are kept.
var clinicalKinds = map[string]string{
	kindCondition: "condition", kindMedication: "medication", kindAllergy: "allergy",
}

// clinicalResource is a Condition, a MedicationRequest or an
// AllergyIntolerance: their fields do not collide.
type clinicalResource struct {
	Subject             reference `json:"subject"`
	Patient             reference `json:"patient"` // of an allergy
	Code                concept   `json:"code"`
	ClinicalStatus      concept   `json:"clinicalStatus"`
	VerificationStatus  concept   `json:"verificationStatus"`
	Status              string    `json:"status"` // of a medication request
	Medication          concept   `json:"medicationCodeableConcept"`
	MedicationReference reference `json:"medicationReference"`
	RecordedDate        string    `json:"recordedDate"`
	OnsetDateTime       string    `json:"onsetDateTime"`
	AuthoredOn          string    `json:"authoredOn"`
	Contained           []struct {
		ID   string  `json:"id"`
		Code concept `json:"code"`
	} `json:"contained"`
}

// note is a clinical resource as the registry keeps it.
type note struct {
	it      item
	ref     registry.Ref
	fields  registry.Fields
	inError bool // the source takes it back
}

// readClinical writes conditions, medications and allergies.
func (im *importer) readClinical() error {
	var batch []note
	flush := func() error {
		defer func() { batch = batch[:0] }()
		return im.writeNotes(batch)
	}
	err := im.each([]string{kindCondition, kindMedication, kindAllergy}, nil, func(it item) error {
		if why := it.checkID(); why != "" {
			im.refuse(it, why)
			return nil
		}
		if !im.first(it) {
			return nil
		}
		n, why := im.note(it)
		if why != "" {
			im.refuse(it, why)
			return nil
		}
		if batch = append(batch, n); len(batch) < chunk {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

func (im *importer) note(it item) (n note, why string) {
	var r clinicalResource
	if why := it.decode(&r); why != "" {
		return note{}, why
	}
	about := r.Subject
	if it.kind == kindAllergy {
		about = r.Patient
	}
	patient, ok := im.id(kindPatient, about)
	if !ok {
		return note{}, noPatient
	}
	what, status := r.Code, r.ClinicalStatus.code()
	if it.kind == kindMedication {
		what, status = r.medication(), r.Status
	}
	if what.words() == "" {
		return note{}, "It does not say what it is about: it has neither code nor text."
	}
	part := clinicalKinds[it.kind]
	n = note{it: it, ref: registry.Ref{Patient: patient, Part: "CLINICAL#" + part + "#" + it.id}}
	n.it.raw = nil
	if n.inError = r.Status == enteredInError || r.VerificationStatus.code() == enteredInError; n.inError {
		status = enteredInError
	}
	n.fields = registry.Fields{
		registry.ClinicalKind:  part,
		registry.ClinicalCode:  im.text(it, what.code()),
		registry.ClinicalText:  im.text(it, what.words()),
		registry.ClinicalState: im.text(it, status),
		registry.ClinicalDate:  cmp.Or(date(r.RecordedDate), date(r.AuthoredOn), date(r.OnsetDateTime)),
	}
	return n, ""
}

const enteredInError = "entered-in-error"

// medication is the concept of a request, or what its reference shows.
func (r clinicalResource) medication() concept {
	if r.Medication.words() != "" {
		return r.Medication
	}
	if inside, ok := strings.CutPrefix(r.MedicationReference.Reference, "#"); ok {
		for _, c := range r.Contained {
			if c.ID == inside {
				return c.Code
			}
		}
	}
	return concept{Text: r.MedicationReference.Display}
}

func (im *importer) writeNotes(batch []note) error {
	var refs []registry.Ref
	asked := map[string]struct{}{}
	for _, n := range batch {
		refs = append(refs, n.ref)
		if _, ok := asked[n.ref.Patient]; !ok && im.patients[n.ref.Patient] == nil {
			asked[n.ref.Patient] = struct{}{}
			refs = append(refs, registry.ProfileRef(n.ref.Patient))
		}
	}
	stored, err := im.stored(refs)
	if err != nil {
		return err
	}
	var puts []registry.Record
	for _, n := range batch {
		_, inStore := stored[registry.ProfileRef(n.ref.Patient)]
		_, exists := stored[n.ref]
		switch {
		case im.patients[n.ref.Patient] == nil && !inStore:
			im.refuse(n.it, noPatient)
		case n.inError && !exists:
			im.report.count(n.it.kind).Ignored++
		default:
			im.settle(n.it.kind, stored, im.record(n.ref, n.fields), &puts)
		}
	}
	return im.put(puts)
}

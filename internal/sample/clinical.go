package sample

import (
	"fmt"

	"bulkops/internal/registry"
)

// note is what a clinical note says; codes are ICD-10 for conditions, RxNorm
// for medications, SNOMED CT for allergies.
type note struct{ code, text string }

var conditions = []note{
	{"I10", "Essential hypertension"}, {"E11.9", "Type 2 diabetes"}, {"J44.9", "Chronic obstructive pulmonary disease"},
	{"M17.9", "Osteoarthritis of knee"}, {"F32.9", "Depressive episode"}, {"N18.3", "Chronic kidney disease, stage 3"},
	{"I48.91", "Atrial fibrillation"}, {"L89.90", "Pressure ulcer"},
}

var medications = []note{
	{"314076", "Lisinopril 10 mg tablet"}, {"860975", "Metformin 500 mg tablet"}, {"197361", "Amlodipine 5 mg tablet"},
	{"617312", "Atorvastatin 20 mg tablet"}, {"312938", "Sertraline 50 mg tablet"}, {"855332", "Warfarin 5 mg tablet"},
}

var allergies = []note{
	{"91936005", "Penicillin"}, {"91935009", "Peanut"}, {"1003755004", "Latex"}, {"294505008", "Aspirin"},
}

// clinical writes notes for four patients in ten.
func (p *patient) clinical() {
	if !p.percent(40) {
		return
	}
	p.note("condition", conditions, p.between(1, 3), []share[string]{{"active", 80}, {"resolved", 20}})
	p.note("medication", medications, p.between(0, 3), []share[string]{{"active", 70}, {"stopped", 20}, {"completed", 10}})
	p.note("allergy", allergies, p.between(0, 1), []share[string]{{"active", 90}, {"inactive", 10}})
}

func (p *patient) note(what string, from []note, count int, states []share[string]) {
	for _, i := range p.Perm(len(from))[:count] {
		id := fmt.Sprintf("N%s-%d", p.id, len(p.parts)+1)
		p.parts = append(p.parts, registry.Record{
			Ref: registry.Ref{Patient: p.id, Part: "CLINICAL#" + what + "#" + id},
			Fields: registry.Fields{
				registry.ClinicalKind:  what,
				registry.ClinicalCode:  from[i].code,
				registry.ClinicalText:  from[i].text,
				registry.ClinicalState: draw(p.dice, states),
				registry.ClinicalDate:  p.day(-p.between(1, 2000)),
			},
		})
	}
}

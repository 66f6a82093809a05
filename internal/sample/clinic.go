// Package sample makes up a clinic: facilities, providers, staff and any
// number of patients with visits and clinical notes. The same arguments give
// the same clinic to the byte, and patient 000123 is the same person in a
// clinic of 200 and in one of 100,000, so figures can be compared. Nobody in
// it exists: names are drawn from lists, phone numbers from the range 555-01xx
// that is kept for fiction, and mail goes to example.org.
package sample

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// By is the name that stamps every record of the sample.
const By = "sample data"

// Clinic is a whole sample. Patients yields one patient after the other, each
// with the profile first, then visits and clinical notes; only one is in
// memory at a time.
type Clinic struct {
	Directory registry.Directory
	Staff     []staff.Person // without Sub: the identity provider gives it
	Patients  iter.Seq[[]registry.Record]

	at time.Time
}

// Generate makes up a clinic with n patients as it stands at the given moment:
// visits before it have taken place, those after it are planned.
func Generate(n int, at time.Time) Clinic {
	at = at.UTC().Truncate(time.Minute)
	directory := places(at)
	c := Clinic{Directory: directory, Staff: People(), at: at}
	c.Patients = func(yield func([]registry.Record) bool) {
		for i := 1; i <= n; i++ {
			if !yield(c.Patient(i)) {
				return
			}
		}
	}
	return c
}

// Patient returns the n-th patient, counted from 1, as Patients yields them. The
// clinic need not have so many.
func (c Clinic) Patient(n int) []registry.Record { return newPatient(n, c.at, c.Directory).records() }

// seed is the first half of every patient's seed; the number is the second.
const seed = 0x0b17_c0de

// PatientID is the id of the n-th patient, counted from 1: 000123.
func PatientID(n int) string { return fmt.Sprintf("%06d", n) }

// dice draws what makes one patient.
type dice struct{ *rand.Rand }

func roll(n int) dice { return dice{rand.New(rand.NewPCG(seed, uint64(n)))} }

// percent is true p times in a hundred.
func (d dice) percent(p int) bool { return d.IntN(100) < p }

// between draws from lowest to highest, both included.
func (d dice) between(lowest, highest int) int { return lowest + d.IntN(highest-lowest+1) }

func pick[T any](d dice, from []T) T { return from[d.IntN(len(from))] }

// share is an outcome and how many times in the sum of shares it comes.
type share[T any] struct {
	of     T
	weight int
}

func draw[T any](d dice, shares []share[T]) T {
	sum := 0
	for _, s := range shares {
		sum += s.weight
	}
	at := d.IntN(sum)
	for _, s := range shares {
		if at -= s.weight; at < 0 {
			return s.of
		}
	}
	panic("unreachable: the weights sum to more than at")
}

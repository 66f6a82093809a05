package registry

import (
	"strings"
	"time"
)

const slotPrefix = "SLOT#"

// SlotRef names the record that says for which visit a provider's quarter of an
// hour is held. It is no patient's. Whoever books a visit holds its slots in the
// same transaction, so that of two who book the same time one is refused.
func SlotRef(provider string, start time.Time) Ref {
	return Ref{Part: slotPrefix + provider + "#" + start.UTC().Format(VisitTime)}
}

// IsSlot reports whether the record is a slot.
func (r Ref) IsSlot() bool {
	_, _, ok := r.Slot()
	return ok
}

// Slot is whose slot it is, and when; ok is false for another record.
func (r Ref) Slot() (provider string, start time.Time, ok bool) {
	rest, ok := strings.CutPrefix(r.Part, slotPrefix)
	at := strings.LastIndexByte(rest, '#')
	if !ok || r.Patient != "" || at < 0 {
		return "", time.Time{}, false
	}
	start, err := time.Parse(VisitTime, rest[at+1:])
	return rest[:at], start, err == nil
}

// Held is what a slot's record holds for a visit.
func Held(visit Ref) Fields { return Fields{HeldFor: visit.Patient, HeldVisit: visit.Part} }

// Holder is the visit for which a slot is held. It may have been cancelled, or
// given to somebody else, without the slot being let go.
func (r Record) Holder() Ref { return Ref{r.Get(HeldFor), r.Get(HeldVisit)} }

// usualMinutes is how long a visit takes whose record does not say it.
const usualMinutes = 30

// LongestVisit is the most that a visit is taken to last.
const LongestVisit = 8 * time.Hour

// Minutes is how long a visit takes.
func (r Record) Minutes() int {
	if n := minutes(r.Get(VisitMinutes)); n > 0 {
		return n
	}
	return usualMinutes
}

func minutes(text string) int {
	n := 0
	for _, digit := range text {
		if digit < '0' || digit > '9' || n > 10_000 {
			return 0
		}
		n = n*10 + int(digit-'0')
	}
	return min(n, int(LongestVisit/time.Minute))
}

// Start is when a visit starts; the zero time where the record does not say it.
func (r Record) Start() time.Time {
	at, err := time.Parse(VisitTime, r.Get(VisitStart))
	if err != nil {
		return time.Time{}
	}
	return at
}

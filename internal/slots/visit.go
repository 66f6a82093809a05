package slots

import (
	"time"

	"bulkops/internal/registry"
)

// Cell is what a visit takes the next whole number of.
const Cell = 15 * time.Minute

// Cells are the beginnings of the cells that a visit takes.
func Cells(start time.Time, minutes int) []time.Time {
	first, after := cellsOf(start, minutes)
	cells := make([]time.Time, 0, after-first)
	for c := first; c < after; c++ {
		cells = append(cells, timeOf(c))
	}
	return cells
}

// cell counts quarters of an hour since 1970.
type cell int64

func timeOf(c cell) time.Time { return time.Unix(int64(c)*int64(Cell/time.Second), 0).UTC() }

func cellsOf(start time.Time, minutes int) (first, after cell) {
	seconds := int64(Cell / time.Second)
	from, to := start.Unix(), start.Unix()+int64(max(minutes, 1))*60
	return cell(from / seconds), cell((to + seconds - 1) / seconds)
}

// Visit is a visit that is booked or could be.
type Visit struct {
	Provider, Facility string
	Start              time.Time
	Minutes            int
}

// VisitOf is a visit's record, or as much of it as an edit says.
func VisitOf(r registry.Record) Visit {
	start := r.Start()
	if start.IsZero() { // of an edit that leaves it as it is
		start, _ = r.Ref.VisitStart()
	}
	return Visit{Provider: r.Get(registry.ProviderField), Facility: r.Get(registry.FacilityField), Start: start, Minutes: r.Minutes()}
}

// Meets reports whether two visits cannot have the same provider or patient.
func (v Visit) Meets(w Visit) bool {
	first, after := cellsOf(v.Start, v.Minutes)
	from, to := cellsOf(w.Start, w.Minutes)
	return first < to && from < after
}

package seal

import (
	"context"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/fault"
)

// late is how long after it happened something may still be written: streams
// keep changes for a day, and the schedule of the seals adds to that.
const late = 26 * time.Hour

// look reads the whole table, because no index has an item that lacks its key.
// It returns the hours to verify, and what no seal would ever miss: items that
// are not bulkops' own or that belong to an hour outside of all seals.
func (v Verifier) look(ctx context.Context, from, to, first audit.Hour, sealed bool) (hours []audit.Hour, beside []Finding, err error) {
	verify, due := map[audit.Hour]bool{}, v.Due()
	for hour := from; hour <= to; hour = hour.Next() {
		verify[hour] = true
	}
	for i, err := range v.Log.All(ctx) {
		if err != nil {
			return nil, nil, err
		}
		hour := i.Hour()
		switch {
		case !i.Genuine():
			if hour.Start().IsZero() {
				hour = from
			}
			beside = append(beside, Finding{hour, Added, i.Name(), "It was not written by bulkops, or was changed since: its parts do not belong together."})
		case sealed && hour < first:
			beside = append(beside, Finding{hour, Added, i.Name(), "It says that it was written before anything was sealed."})
		case hour > audit.HourOf(v.Now().Add(Grace)): // clocks differ a little
			beside = append(beside, Finding{hour, Added, i.Name(), "It says that it was written in an hour that is still to come."})
		case hour <= due && from <= i.Dated() && i.Dated() <= to:
			verify[hour] = true
		}
	}
	for hour := to.Next(); hour <= min(due, audit.HourOf(to.Start().Add(late))); hour = hour.Next() {
		if !verify[hour] {
			if verify[hour], err = v.sealedWith(ctx, hour, from, to); err != nil {
				return nil, nil, err
			}
		}
	}
	maps.DeleteFunc(verify, func(_ audit.Hour, wanted bool) bool { return !wanted })
	return slices.Sorted(maps.Keys(verify)), beside, nil
}

// sealedWith reports whether a record dated from one hour to another was sealed
// with an hour; also where its seal or its list does not say.
func (v Verifier) sealedWith(ctx context.Context, hour, from, to audit.Hour) (bool, error) {
	stored, err := v.Files.Get(ctx, sealName(hour))
	if fault.Is(err, fault.NotFound) {
		return false, nil // that an hour has none, who asks for it is told
	}
	if err != nil {
		return false, err
	}
	seal, signed, err := parse(stored)
	if err != nil || !signed.by(v.Key) {
		return true, nil
	}
	sealed, err := v.list(ctx, hour, seal)
	if err != nil || hex.EncodeToString(sealed.root()) != seal.Root {
		return true, err
	}
	return slices.ContainsFunc(sealed, func(l leaf) bool {
		dated := audit.Item{audit.ItemSort: l.sort}.Dated()
		return from <= dated && dated <= to
	}), nil
}

// First returns the hour of the first seal of all that the key has signed; ok is
// false where there is none.
func (v Verifier) First(ctx context.Context) (first audit.Hour, ok bool, err error) {
	first, ok, _, err = v.start(ctx)
	return first, ok, err
}

// Limit returns those of the hours from one to another, either of which may be
// empty, that there are to verify: from the first seal to the last hour that has
// its seal or must have it by now.
func (v Verifier) Limit(ctx context.Context, from, to audit.Hour) (audit.Hour, audit.Hour, error) {
	first, sealed, err := v.First(ctx)
	if err != nil {
		return "", "", err
	}
	if !sealed {
		return "", "", fault.New(fault.NotFound, "Nothing was sealed yet: the first seal is made a quarter past the hour.")
	}
	last, ended := v.Due(), audit.HourOf(v.Now()).Before()
	for name, err := range v.Files.Names(ctx, sealPrefix, sealName(last)) {
		if err != nil {
			return "", "", err
		}
		if hour, named := hourOfName(name); named && hour <= ended {
			last = max(last, hour)
		}
	}
	if to == "" {
		to = last
	}
	if from, to = max(from, first), min(to, last); from > to {
		return "", "", fault.New(fault.Invalid, "There is nothing to verify: the first hour that was sealed is %s, the last that is or must be by now %s. An hour is sealed a quarter past the next one.", first, last)
	}
	return from, to, nil
}

// start also returns the hours before it of which there is something that is no
// seal of that hour: whoever may put a file there could else move the beginning,
// before which nothing can have been written. One that was a seal once belongs to
// the chain: the next seal names one before it.
func (v Verifier) start(ctx context.Context) (first audit.Hour, ok bool, forged []audit.Hour, err error) {
	for name, err := range v.Files.Names(ctx, sealPrefix, "") {
		if err != nil {
			return "", false, nil, err
		}
		hour, named := hourOfName(name)
		if !named {
			continue
		}
		stored, err := v.Files.Get(ctx, name)
		if err != nil {
			return "", false, nil, err
		}
		if seal, signed, err := parse(stored); err == nil && signed.by(v.Key) && seal.Hour == hour {
			for n := len(forged) - 1; n >= 0 && seal.Previous != "" && forged[n] == hour.Before(); n-- {
				hour, forged = forged[n], forged[:n]
			}
			return hour, true, forged, nil
		}
		forged = append(forged, hour)
	}
	return "", false, forged, nil
}

// before returns the digest that the first seal must name.
func (v Verifier) before(ctx context.Context, from audit.Hour) (previous string, known bool, err error) {
	stored, err := v.Files.Get(ctx, sealName(from.Before()))
	switch {
	case err == nil:
		return digest(stored), true, nil
	case !fault.Is(err, fault.NotFound):
		return "", false, err
	}
	// There is none before: right only where from is the first of all.
	first, ok, err := v.First(ctx)
	return "", ok && first >= from, err
}

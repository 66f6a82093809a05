package seal

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/fault"
)

// Wrong is what can be wrong with the audit log. A contract: the command prints it.
type Wrong string

const (
	Changed  Wrong = "changed"  // a record is not as it was sealed
	Deleted  Wrong = "deleted"  // a sealed record is no longer there
	Added    Wrong = "added"    // a record was put into an hour after it was sealed, or where no hour is sealed with it
	Moved    Wrong = "moved"    // a sealed record has another time or another place
	NoSeal   Wrong = "no-seal"  // an hour has no seal
	BadSeal  Wrong = "bad-seal" // a seal is not one that the key signed, or of another hour
	Unlinked Wrong = "unlinked" // a seal does not follow the one before it
	BadList  Wrong = "bad-list" // the list of sealed records is not what was sealed
	Rewrite  Wrong = "rewrite"  // a seal was written a second time
)

// Finding is one thing that is wrong.
type Finding struct {
	Hour   audit.Hour
	Wrong  Wrong
	Record string // its name; empty where it is about the hour
	Detail string
}

func (f Finding) String() string {
	text := fmt.Sprintf("%s  %-8s", f.Hour, f.Wrong)
	if f.Record != "" {
		text += "  " + f.Record
	}
	return text + "  " + f.Detail
}

// Report is what a verification found.
type Report struct {
	Hours, Records int
	Findings       []Finding
}

// Verifier compares the audit log with its seals.
type Verifier struct {
	Log   audit.Written
	Files Files
	Key   *ecdsa.PublicKey
	Now   func() time.Time
}

// sealedBy is how long after its end an hour must have its seal: the schedule
// seals it a quarter past.
const sealedBy = 20 * time.Minute

// Due is the last hour that must have its seal by now.
func (v Verifier) Due() audit.Hour { return audit.HourOf(v.Now().Add(-sealedBy)).Before() }

// Verify looks at every hour from one to another, both included; at each other
// one in which something was written that is dated in these; at those after them
// with which such a record was sealed that is no longer there, as late as streams
// may be; and at whatever the table holds that belongs to no hour.
func (v Verifier) Verify(ctx context.Context, from, to audit.Hour) (Report, error) {
	var r Report
	first, sealed, forged, err := v.start(ctx)
	if err != nil {
		return r, err
	}
	hours, beside, err := v.look(ctx, from, to, first, sealed)
	if err != nil {
		return r, err
	}
	for _, hour := range forged {
		if _, verified := slices.BinarySearch(hours, hour); !verified {
			r.add(hour, BadSeal, "", "It lies before the first seal that the installation's key has signed.")
		}
	}
	strays := map[string]leaf{} // sealed records that are gone, by their unique part
	var added []int             // findings that say so
	var previous string
	var known bool
	for n, hour := range hours {
		r.Hours++
		if n == 0 || hours[n-1] != hour.Before() {
			if previous, known, err = v.before(ctx, hour); err != nil {
				return r, err
			}
		}
		stored, err := v.Files.Get(ctx, sealName(hour))
		if fault.Is(err, fault.NotFound) {
			r.add(hour, NoSeal, "", "This hour has no seal.")
			known = false
			continue
		}
		if err != nil {
			return r, err
		}
		seal, signed, err := parse(stored)
		trusted := false
		switch {
		case err != nil:
			r.add(hour, BadSeal, "", "The seal cannot be read.")
		case !signed.by(v.Key):
			r.add(hour, BadSeal, "", "The seal is not signed with the installation's key.")
		case seal.Hour != hour:
			r.add(hour, BadSeal, "", "The seal is that of "+string(seal.Hour)+".")
		default:
			trusted = true
			if known && seal.Previous != previous {
				r.add(hour, Unlinked, "", "The seal does not follow the one of the hour before.")
			}
		}
		previous, known = digest(stored), true
		if !trusted {
			continue // what it says of the records counts for nothing
		}
		if err := v.hour(ctx, hour, seal, &r, strays, &added); err != nil {
			return r, err
		}
	}
	r.nameMoved(strays, added)
	if err := v.rewritten(ctx, hours, &r); err != nil {
		return r, err
	}
	r.addUnnamed(beside)
	return r, v.early(ctx, to, &r)
}

// rewritten finds seals of which there is more than one version: whoever may use
// the key could sign another one.
func (v Verifier) rewritten(ctx context.Context, hours []audit.Hour, r *Report) error {
	for name, err := range v.Files.Rewritten(ctx, sealPrefix) {
		if err != nil {
			return err
		}
		h, ok := hourOfName(name)
		if _, verified := slices.BinarySearch(hours, h); ok && verified {
			r.add(h, Rewrite, "", "The seal was written more than once; the first version is the true one.")
		}
	}
	return nil
}

// early finds seals after the hours of the range that nobody could make yet.
func (v Verifier) early(ctx context.Context, to audit.Hour, r *Report) error {
	ended := audit.HourOf(v.Now()).Before()
	for name, err := range v.Files.Names(ctx, sealPrefix, sealName(max(ended, to))) {
		if err != nil {
			return err
		}
		if h, ok := hourOfName(name); ok {
			r.add(h, BadSeal, "", "The seal is of an hour that has not ended.")
		}
	}
	return nil
}

func (r *Report) add(hour audit.Hour, wrong Wrong, record, detail string) {
	r.Findings = append(r.Findings, Finding{hour, wrong, record, detail})
}

// hour compares what is stored for an hour with what was sealed.
func (v Verifier) hour(ctx context.Context, hour audit.Hour, seal Seal, r *Report, strays map[string]leaf, added *[]int) error {
	now, err := treeOf(v.Log.InHour(ctx, hour))
	if err != nil {
		return err
	}
	r.Records += len(now)
	root, err := hex.DecodeString(seal.Root)
	if err != nil {
		r.add(hour, BadSeal, "", "The seal has no root.")
		return nil
	}
	if bytes.Equal(now.root(), root) && len(now) == seal.Records {
		return nil
	}
	sealed, err := v.list(ctx, hour, seal)
	if err != nil {
		return err
	}
	if !bytes.Equal(sealed.root(), root) || len(sealed) != seal.Records {
		r.add(hour, BadList, "", "The records are not as they were sealed, and the list of sealed records is missing or was changed, so they cannot be named.")
		return nil
	}
	left := make(map[string]leaf, len(sealed))
	for _, l := range sealed {
		left[l.name()] = l
	}
	for _, l := range now {
		was, ok := left[l.name()]
		delete(left, l.name())
		switch {
		case !ok:
			*added = append(*added, len(r.Findings))
			r.add(hour, Added, l.name(), "It was put into this hour after the hour was sealed.")
		case !bytes.Equal(was.hash, l.hash):
			r.add(hour, Changed, l.name(), "It is not as it was sealed.")
		}
	}
	for _, l := range sealed {
		if _, gone := left[l.name()]; gone {
			strays[uniqueOf(l.sort)] = l
			r.add(hour, Deleted, l.name(), "It was sealed with this hour and is no longer in it.")
		}
	}
	return nil
}

func (v Verifier) list(ctx context.Context, hour audit.Hour, seal Seal) (tree, error) {
	content, err := v.Files.Get(ctx, listName(hour, seal.Root))
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := unpacked(content)
	if err != nil {
		return nil, nil // what cannot be unpacked is not what was sealed
	}
	t, err := readLines(text)
	if err != nil {
		return nil, nil // likewise
	}
	return t, nil
}

// uniqueOf is the part of a sort key that tells a record from all others, with
// its type: what stays when somebody gives the record another time.
func uniqueOf(sort string) string {
	_, unique, _ := strings.Cut(sort, "#")
	return unique
}

// nameMoved says of records that were added whether they are those that are gone.
func (r *Report) nameMoved(strays map[string]leaf, added []int) {
	moved := map[string]bool{}
	for _, at := range added {
		f := &r.Findings[at]
		_, sort, _ := strings.Cut(f.Record, "/")
		if was, ok := strays[uniqueOf(sort)]; ok {
			f.Wrong, f.Detail = Moved, "It was sealed as "+was.name()+"."
			moved[was.name()] = true
		}
	}
	kept := r.Findings[:0]
	for _, f := range r.Findings {
		if f.Wrong != Deleted || !moved[f.Record] {
			kept = append(kept, f)
		}
	}
	r.Findings = kept
}

// addUnnamed adds the findings about records that no other finding names.
func (r *Report) addUnnamed(beside []Finding) {
	named := map[string]bool{}
	for _, f := range r.Findings {
		named[f.Record] = true
	}
	for _, f := range beside {
		if !named[f.Record] {
			r.Findings = append(r.Findings, f)
		}
	}
}

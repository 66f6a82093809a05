package engine

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/export"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/staff"
)

// linkLasts is how long the address of a file can be used; a download that has
// begun goes on.
const linkLasts = time.Minute

// HandedOut is a file on its way to its requester.
type HandedOut struct {
	Link string // an address that works for a minute
	Name string
	File bulk.File
}

// FileName is the name under which an export's file is downloaded.
func FileName(op bulk.Operation) string { return op.ID + formatOf(op).Extension() }

func formatOf(op bulk.Operation) export.Format { return export.Format(op.Params[kind.ExportFormat]) }

// Download hands the file of an export to its requester, by an address that
// works for a minute. Each is recorded before it is given.
func (e *Engine) Download(ctx context.Context, actor staff.Person, id string) (HandedOut, error) {
	op, err := e.Visible(ctx, actor, id)
	if err != nil {
		return HandedOut{}, err
	}
	if err := e.mayHaveFile(actor, op); err != nil {
		return HandedOut{}, err
	}
	link, err := e.Files.Link(ctx, op.ID, Download{FileName(op), formatOf(op).MediaType(), linkLasts})
	if err != nil {
		return HandedOut{}, err
	}
	op, err = e.update(ctx, op.ID, func(op *bulk.Operation) (bulk.Event, error) {
		if err := e.mayHaveFile(actor, *op); err != nil {
			return bulk.Event{}, err
		}
		return bulk.Event{Actor: person(actor), What: "downloaded", Detail: own(e)}, nil
	})
	if err != nil {
		return HandedOut{}, err
	}
	return HandedOut{link, FileName(op), *op.File}, nil
}

// Passphrase returns the passphrase of an export's file to its requester, once:
// the operation says that it was shown before anybody sees it, and of several
// calls at the same time one gets it. The operation comes back as it stands.
func (e *Engine) Passphrase(ctx context.Context, actor staff.Person, id string) (passphrase string, op bulk.Operation, err error) {
	if op, err = e.Visible(ctx, actor, id); err != nil {
		return "", op, err
	}
	if err := e.mayHaveFile(actor, op); err != nil {
		return "", op, err
	}
	if err := notShown(op); err != nil {
		return "", op, err
	}
	sealed, there, err := e.Operations.Sealed(ctx, op.ID, op.File.Attempt)
	if err == nil && !there {
		err = fault.New(fault.Conflict, "The passphrase of %s was shown just now, and is shown only once.", op.ID)
	}
	if err != nil {
		return "", op, err
	}
	if passphrase, err = e.Sealer.Open(ctx, op.ID, sealed); err != nil {
		return "", op, err
	}
	op, err = e.update(ctx, op.ID, func(op *bulk.Operation) (bulk.Event, error) {
		if err := e.mayHaveFile(actor, *op); err != nil {
			return bulk.Event{}, err
		}
		if err := notShown(*op); err != nil {
			return bulk.Event{}, err
		}
		file := *op.File
		file.Shown = e.Now()
		op.File = &file
		return bulk.Event{Actor: person(actor), What: "passphrase shown", Detail: own(e)}, nil
	})
	if err != nil {
		return "", op, err
	}
	if err := e.Operations.DeleteSealed(ctx, op.ID, op.File.Attempt); err != nil {
		e.Log(ctx, "a sealed passphrase that was shown could not be deleted; it goes with the file", err, "operation", op.ID)
	}
	return passphrase, op, nil
}

// own tells an event from that of another call of the same person at the same
// time: update takes an equal one for its own.
func own(e *Engine) string { return "reference " + bulk.Speak(e.Secret()) }

func notShown(op bulk.Operation) error {
	if op.File.Shown.IsZero() {
		return nil
	}
	return fault.New(fault.Conflict, "The passphrase of %s was shown to you at %s, and is shown only once. If it is lost, the file cannot be opened: ask for a new export.",
		op.ID, english.At(op.File.Shown))
}

// mayHaveFile refuses everybody but the requester of an export whose file is
// there, who may still ask for one and holds every facility in it.
func (e *Engine) mayHaveFile(actor staff.Person, op bulk.Operation) error {
	switch {
	case actor.Sub != op.Requester.Sub:
		return fault.New(fault.Forbidden, "Only %s, who asked for this export, can have its file and passphrase. If you need the data too, ask for an export yourself.", op.Requester.Name)
	case op.File == nil:
		return fault.New(fault.NotFound, "%s has no file to download.", op.ID)
	case !op.File.Deleted.IsZero() || !e.Now().Before(op.File.Expires):
		return fault.New(fault.Gone, "The file of %s is no longer there: it was kept for %s. Ask for a new export.", op.ID, kept(*op.File))
	case !actor.MayRequest():
		return fault.New(fault.Forbidden, "You no longer have the right to this file: that takes the right Staff or higher. Ask an administrator.")
	case !actor.HoldsAll(op.Plan.Facilities):
		return fault.New(fault.Forbidden, "You no longer have the right to this file: you do not hold every facility whose patients are in it. Ask an administrator.")
	}
	return nil
}

// kept is for how long a file can be downloaded, whatever the setting is now.
func kept(f bulk.File) string { return english.Span(f.Expires.Sub(f.Ready)) }

// MayNotHaveFile says why the person cannot download the operation's file now;
// nil when they can.
func (e *Engine) MayNotHaveFile(actor staff.Person, op bulk.Operation) error {
	return e.mayHaveFile(actor, op)
}

// deleteFile deletes the file of an export whose time has come, and what every
// attempt at it has stored.
func (e *Engine) deleteFile(ctx context.Context, op bulk.Operation) error {
	if err := e.Files.Delete(ctx, op.ID); err != nil {
		return err
	}
	if err := e.Operations.DeleteAttempts(ctx, op.ID); err != nil {
		return err
	}
	_, err := e.update(ctx, op.ID, func(op *bulk.Operation) (bulk.Event, error) {
		if op.File == nil || !op.File.Deleted.IsZero() {
			return bulk.Event{}, errNothingNew
		}
		file := *op.File
		file.Deleted = e.Now()
		op.File = &file
		return bulk.Event{What: "file deleted", Detail: "kept for " + kept(file)}, nil
	})
	return err
}

// deleteRemains deletes what a call may have left of an export that ended
// without its file, now that no call of it is under way any more.
func (e *Engine) deleteRemains(ctx context.Context, op bulk.Operation) error {
	if err := e.Files.Delete(ctx, op.ID); err != nil {
		return err
	}
	if err := e.Operations.DeleteAttempts(ctx, op.ID); err != nil {
		return err
	}
	_, err := e.update(ctx, op.ID, func(op *bulk.Operation) (bulk.Event, error) {
		if !op.Remains {
			return bulk.Event{}, errNothingNew
		}
		op.Remains = false
		return bulk.Event{What: "checked", Detail: "no file is left"}, nil
	})
	return err
}

// Exports returns the exports that were approved and that the person may see,
// newest first: those asked for in the last days, and older ones whose file is
// still there. Where there are more than most, those with a file stay.
func (e *Engine) Exports(ctx context.Context, actor staff.Person, days, most int) ([]bulk.Operation, error) {
	ops, err := e.pick(ctx, e.exportIDs(ctx, days), most, func(op bulk.Operation) bool {
		k, known := kind.Find(op.Kind)
		return known && k.MakesFile() && !op.Started.IsZero() && sees(actor, op)
	})
	slices.SortFunc(ops, func(a, b bulk.Operation) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
	})
	return ops, err
}

// exportIDs yields, each once, the ids of the operations whose file is there and
// of those of the last days.
func (e *Engine) exportIDs(ctx context.Context, days int) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		seen := map[string]bool{}
		for _, ids := range []iter.Seq2[string, error]{e.Operations.Open(ctx, bulk.WaitsForDeletion), e.recentIDs(ctx, days)} {
			for id, err := range ids {
				if seen[id] {
					continue
				}
				seen[id] = err == nil
				if !yield(id, err) {
					return
				}
			}
		}
	}
}

// recentIDs yields the ids of the operations of the last days, newest first.
func (e *Engine) recentIDs(ctx context.Context, days int) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for back := range days {
			for id, err := range e.Operations.ByDay(ctx, e.Now().AddDate(0, 0, -back).Format(time.DateOnly)) {
				if !yield(id, err) {
					return
				}
			}
		}
	}
}

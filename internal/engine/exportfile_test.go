package engine_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

func TestWhoMayHaveTheFileOfAnExport(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(1))
	op := c.exported(exports("P001"))
	foreign := "Only Ada Asks, who asked for this export, can have its file and passphrase. If you need the data too, ask for an export yourself."
	for _, p := range []staff.Person{grace, lin, amir, ula, tom} {
		_, err := c.Download(t.Context(), p, op.ID)
		refused(t, err, fault.Forbidden, foreign)
		_, _, err = c.Passphrase(t.Context(), p, op.ID)
		refused(t, err, fault.Forbidden, foreign)
	}
	_, err := c.Download(t.Context(), ben, op.ID)
	equal(t, "who may not see it", fault.CodeOf(err), fault.NotFound)
	left := ada
	left.Facilities = []string{"fac-2"}
	_, err = c.Download(t.Context(), left, op.ID)
	refused(t, err, fault.Forbidden, "You no longer have the right to this file: you do not hold every facility whose patients are in it. Ask an administrator.")
	left = ada
	left.Role = staff.Auditor // may still see it
	_, err = c.Download(t.Context(), left, op.ID)
	refused(t, err, fault.Forbidden, "You no longer have the right to this file: that takes the right Staff or higher. Ask an administrator.")
	left = ada
	left.Disabled = true
	_, _, err = c.Passphrase(t.Context(), left, op.ID)
	equal(t, "who was disabled", fault.CodeOf(err), fault.NotFound)
	list(t, "events", c.happened(op.ID)[7:])
}

func TestThePassphraseIsShownOnce(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(1))
	op := c.exported(exports("P001"))
	var got []string
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			passphrase, _, err := c.Passphrase(t.Context(), ada, op.ID)
			if err == nil {
				c.locked(func() { got = append(got, passphrase) })
			} else if !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	equal(t, "times shown", len(got), 1)
	_, ok, err := c.store.Sealed(t.Context(), op.ID, op.File.Attempt)
	must(t, err)
	equal(t, "kept", ok, false)
	_, _, err = c.Passphrase(t.Context(), ada, op.ID)
	refused(t, err, fault.Conflict, "The passphrase of "+op.ID+" was shown to you at 12:00 UTC on 1 December 2026, and is shown only once. If it is lost, the file cannot be opened: ask for a new export.")
}

// Where it cannot be opened, it has not been shown, and can be shown later.
func TestAPassphraseThatCouldNotBeOpenedIsNotShown(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(1))
	op := c.exported(exports("P001"))
	c.sealer.Fail = func() error { return errors.New("AccessDenied") }
	_, _, err := c.Passphrase(t.Context(), ada, op.ID)
	equal(t, "code", fault.CodeOf(err), fault.Internal)
	c.sealer.Fail = nil
	_, _, err = c.Passphrase(t.Context(), ada, op.ID)
	must(t, err)
}

func TestTheListOfExports(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	made := c.exported(exports("P001"))
	r := exports("P002")
	r.Key = "key-of-another-request"
	c.submitted(r) // not approved
	c.finished(withKey(asks(registry.OnHold, "P001"), "key-of-a-status-change"))
	for _, p := range []staff.Person{ada, grace, ula} {
		ops, err := c.Exports(t.Context(), p, 31, 100)
		must(t, err)
		if len(ops) != 1 || ops[0].ID != made.ID {
			t.Errorf("%s sees %d exports", p.Name, len(ops))
		}
	}
	ops, err := c.Exports(t.Context(), ben, 31, 100)
	must(t, err)
	equal(t, "seen by ben", len(ops), 0)
}

// A file that can be downloaded stays in the list, however long ago it was asked
// for and however many others there are.
func TestTheListOfExportsKeepsEveryFile(t *testing.T) {
	c := newClinic(t)
	c.Limits.KeepFiles = 90 * 24 * time.Hour
	c.admit(registry.Active, numbered(2))
	made := c.exported(exports("P001"))
	c.now = made.File.Expires.Add(-time.Hour)
	failed := c.started(withKey(exports("P002"), "key-of-one-that-fails"))
	_, err := c.Finish(t.Context(), failed.ID, "Internal")
	must(t, err)
	listed := func(most int) (ids []string) {
		ops, err := c.Exports(t.Context(), ada, 31, most)
		must(t, err)
		for _, op := range ops {
			ids = append(ids, op.ID)
		}
		return ids
	}
	list(t, "both, the newest first", listed(100), failed.ID, made.ID)
	list(t, "at most one", listed(1), made.ID)
	c.now = c.now.Add(2 * time.Hour)
	c.watch()
	list(t, "after its file was deleted", listed(100), failed.ID)
}

package engine_test

import (
	"context"
	"iter"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// tap stands between the engine and its ports: it is told of every call by
// name, and makes it by calling do, or not, or answers something else. Tests
// put faults there; the simulation also decides there who runs next. What is
// called at the same time by one use case has the first id behind its name.
type tap func(ctx context.Context, call string, do func() error) error

// through makes a call with one result through a tap.
func through[T any](ctx context.Context, t tap, call string, do func() (T, error)) (T, error) {
	var result, none T
	err := t(ctx, call, func() (err error) {
		result, err = do()
		return err
	})
	if err != nil {
		return none, err
	}
	return result, nil
}

// read makes a call that yields a list through a tap: as one call, made when
// the list is read.
func read[T any](ctx context.Context, t tap, call string, list func() iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		all, err := through(ctx, t, call, func() (all []T, err error) {
			for v, err := range list() {
				if err != nil {
					return nil, err
				}
				all = append(all, v)
			}
			return all, nil
		})
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

type tappedRegistry struct {
	engine.Registry
	tap tap
}

func (r tappedRegistry) Patients(ctx context.Context, ids []string) (map[string]registry.Patient, error) {
	return through(ctx, r.tap, "Patients "+ids[0], func() (map[string]registry.Patient, error) { return r.Registry.Patients(ctx, ids) })
}

func (r tappedRegistry) CountPatients(ctx context.Context, facility string, most int) (int, error) {
	return through(ctx, r.tap, "CountPatients", func() (int, error) { return r.Registry.CountPatients(ctx, facility, most) })
}

func (r tappedRegistry) PatientIDs(ctx context.Context, facility string) iter.Seq2[string, error] {
	return read(ctx, r.tap, "PatientIDs", func() iter.Seq2[string, error] { return r.Registry.PatientIDs(ctx, facility) })
}

func (r tappedRegistry) PatientIDsOf(ctx context.Context, provider string) iter.Seq2[string, error] {
	return read(ctx, r.tap, "PatientIDsOf", func() iter.Seq2[string, error] { return r.Registry.PatientIDsOf(ctx, provider) })
}

func (r tappedRegistry) Records(ctx context.Context, refs []registry.Ref) (map[registry.Ref]registry.Record, error) {
	call := "Records"
	if len(refs) > 0 {
		call += " " + refs[0].Patient
	}
	return through(ctx, r.tap, call, func() (map[registry.Ref]registry.Record, error) { return r.Registry.Records(ctx, refs) })
}

func (r tappedRegistry) Parts(ctx context.Context, patient string) ([]registry.Record, error) {
	return through(ctx, r.tap, "Parts "+patient, func() ([]registry.Record, error) { return r.Registry.Parts(ctx, patient) })
}

func (r tappedRegistry) Directory(ctx context.Context) (registry.Directory, error) {
	return through(ctx, r.tap, "Directory", func() (registry.Directory, error) { return r.Registry.Directory(ctx) })
}

type tappedOperations struct {
	engine.Operations
	tap tap
}

func (o tappedOperations) Create(ctx context.Context, op bulk.Operation, s bulk.Selection, key string, e bulk.Event) (string, error) {
	return through(ctx, o.tap, "Create", func() (string, error) { return o.Operations.Create(ctx, op, s, key, e) })
}

func (o tappedOperations) Operation(ctx context.Context, id string) (bulk.Operation, error) {
	return through(ctx, o.tap, "Operation", func() (bulk.Operation, error) { return o.Operations.Operation(ctx, id) })
}

func (o tappedOperations) Update(ctx context.Context, op bulk.Operation, e bulk.Event, mails ...string) error {
	return o.tap(ctx, "Update", func() error { return o.Operations.Update(ctx, op, e, mails...) })
}

func (o tappedOperations) Events(ctx context.Context, id string) ([]bulk.Event, error) {
	return through(ctx, o.tap, "Events", func() ([]bulk.Event, error) { return o.Operations.Events(ctx, id) })
}

func (o tappedOperations) Selection(ctx context.Context, id string) (bulk.Selection, error) {
	return through(ctx, o.tap, "Selection", func() (bulk.Selection, error) { return o.Operations.Selection(ctx, id) })
}

func (o tappedOperations) PutBatch(ctx context.Context, id, run string, b bulk.Batch) error {
	return o.tap(ctx, "PutBatch", func() error { return o.Operations.PutBatch(ctx, id, run, b) })
}

func (o tappedOperations) PutSubjects(ctx context.Context, id, run string, s bulk.Subjects) error {
	return o.tap(ctx, "PutSubjects", func() error { return o.Operations.PutSubjects(ctx, id, run, s) })
}

func (o tappedOperations) Subjects(ctx context.Context, id, run string) (bulk.Subjects, error) {
	return through(ctx, o.tap, "Subjects", func() (bulk.Subjects, error) { return o.Operations.Subjects(ctx, id, run) })
}

func (o tappedOperations) PutExclusions(ctx context.Context, id, run string, page int, x []bulk.Exclusion) error {
	return o.tap(ctx, "PutExclusions", func() error { return o.Operations.PutExclusions(ctx, id, run, page, x) })
}

func (o tappedOperations) Batch(ctx context.Context, id, run string, number int) (bulk.Batch, error) {
	return through(ctx, o.tap, "Batch", func() (bulk.Batch, error) { return o.Operations.Batch(ctx, id, run, number) })
}

func (o tappedOperations) Exclusions(ctx context.Context, id, run string, page int) ([]bulk.Exclusion, error) {
	return through(ctx, o.tap, "Exclusions", func() ([]bulk.Exclusion, error) { return o.Operations.Exclusions(ctx, id, run, page) })
}

func (o tappedOperations) CommitGroup(ctx context.Context, g engine.Group) error {
	return o.tap(ctx, "CommitGroup", func() error { return o.Operations.CommitGroup(ctx, g) })
}

func (o tappedOperations) Result(ctx context.Context, id string, batch, group int) (r bulk.Result, ok bool, err error) {
	err = o.tap(ctx, "Result", func() (err error) {
		r, ok, err = o.Operations.Result(ctx, id, batch, group)
		return err
	})
	return r, ok && err == nil, err
}

func (o tappedOperations) Results(ctx context.Context, id string) iter.Seq2[bulk.Result, error] {
	return read(ctx, o.tap, "Results", func() iter.Seq2[bulk.Result, error] { return o.Operations.Results(ctx, id) })
}

func (o tappedOperations) Progress(ctx context.Context, id string) (bulk.Tally, error) {
	return through(ctx, o.tap, "Progress", func() (bulk.Tally, error) { return o.Operations.Progress(ctx, id) })
}

func (o tappedOperations) PutWritten(ctx context.Context, id, attempt string, w engine.Written, sealed []byte) error {
	return o.tap(ctx, "PutWritten", func() error { return o.Operations.PutWritten(ctx, id, attempt, w, sealed) })
}

func (o tappedOperations) Written(ctx context.Context, id, attempt string) (engine.Written, error) {
	return through(ctx, o.tap, "Written", func() (engine.Written, error) { return o.Operations.Written(ctx, id, attempt) })
}

func (o tappedOperations) Sealed(ctx context.Context, id, attempt string) (sealed []byte, ok bool, err error) {
	err = o.tap(ctx, "Sealed", func() (err error) {
		sealed, ok, err = o.Operations.Sealed(ctx, id, attempt)
		return err
	})
	return sealed, ok && err == nil, err
}

func (o tappedOperations) DeleteSealed(ctx context.Context, id, attempt string) error {
	return o.tap(ctx, "DeleteSealed", func() error { return o.Operations.DeleteSealed(ctx, id, attempt) })
}

func (o tappedOperations) DeleteAttempts(ctx context.Context, id string) error {
	return o.tap(ctx, "DeleteAttempts", func() error { return o.Operations.DeleteAttempts(ctx, id) })
}

func (o tappedOperations) PutListed(ctx context.Context, id, run string, list, page int, patients []string) error {
	return o.tap(ctx, "PutListed", func() error { return o.Operations.PutListed(ctx, id, run, list, page, patients) })
}

func (o tappedOperations) Listed(ctx context.Context, id, run string, list, page int) ([]string, error) {
	return through(ctx, o.tap, "Listed", func() ([]string, error) { return o.Operations.Listed(ctx, id, run, list, page) })
}

func (o tappedOperations) Claim(ctx context.Context, id string, batch, change int, c bulk.Claim) (bulk.Claim, error) {
	return through(ctx, o.tap, "Claim", func() (bulk.Claim, error) { return o.Operations.Claim(ctx, id, batch, change, c) })
}

func (o tappedOperations) PutOutcome(ctx context.Context, id string, batch, change int, c bulk.Claim) error {
	return o.tap(ctx, "PutOutcome", func() error { return o.Operations.PutOutcome(ctx, id, batch, change, c) })
}

func (o tappedOperations) PutToken(ctx context.Context, id, wait, token string) error {
	return o.tap(ctx, "PutToken", func() error { return o.Operations.PutToken(ctx, id, wait, token) })
}

func (o tappedOperations) Token(ctx context.Context, id, wait string) (token string, ok bool, err error) {
	err = o.tap(ctx, "Token", func() (err error) {
		token, ok, err = o.Operations.Token(ctx, id, wait)
		return err
	})
	return token, ok && err == nil, err
}

func (o tappedOperations) DeleteToken(ctx context.Context, id, wait, token string) error {
	return o.tap(ctx, "DeleteToken", func() error { return o.Operations.DeleteToken(ctx, id, wait, token) })
}

func (o tappedOperations) MailsDue(ctx context.Context, id string) ([]string, error) {
	return through(ctx, o.tap, "MailsDue", func() ([]string, error) { return o.Operations.MailsDue(ctx, id) })
}

func (o tappedOperations) SettleMail(ctx context.Context, id, mail string) error {
	return o.tap(ctx, "SettleMail", func() error { return o.Operations.SettleMail(ctx, id, mail) })
}

func (o tappedOperations) Open(ctx context.Context, what string) iter.Seq2[string, error] {
	return read(ctx, o.tap, "Open", func() iter.Seq2[string, error] { return o.Operations.Open(ctx, what) })
}

type tappedStaff struct {
	engine.Staff
	tap tap
}

func (s tappedStaff) Person(ctx context.Context, sub string) (staff.Person, error) {
	return through(ctx, s.tap, "Person", func() (staff.Person, error) { return s.Staff.Person(ctx, sub) })
}

func (s tappedStaff) People(ctx context.Context, role staff.Role) ([]staff.Person, error) {
	return through(ctx, s.tap, "People", func() ([]staff.Person, error) { return s.Staff.People(ctx, role) })
}

func (s tappedStaff) WritePerson(ctx context.Context, p, by staff.Person) error {
	return s.tap(ctx, "WritePerson", func() error { return s.Staff.WritePerson(ctx, p, by) })
}

func (s tappedStaff) PutApprovalRef(ctx context.Context, ref string, a engine.ApprovalRef, expires time.Time) error {
	return s.tap(ctx, "PutApprovalRef", func() error { return s.Staff.PutApprovalRef(ctx, ref, a, expires) })
}

type tappedMachine struct {
	engine.Machine
	tap tap
}

func (m tappedMachine) Start(ctx context.Context, operation string) (bool, error) {
	return through(ctx, m.tap, "Start", func() (bool, error) { return m.Machine.Start(ctx, operation) })
}

func (m tappedMachine) Succeed(ctx context.Context, token string, output any) error {
	return m.tap(ctx, "Succeed", func() error { return m.Machine.Succeed(ctx, token, output) })
}

func (m tappedMachine) Alive(ctx context.Context, operation string) (bool, error) {
	return through(ctx, m.tap, "Alive", func() (bool, error) { return m.Machine.Alive(ctx, operation) })
}

type tappedMailer struct {
	engine.Mailer
	tap tap
}

func (m tappedMailer) Send(ctx context.Context, mail engine.Mail) error {
	return m.tap(ctx, "Send", func() error { return m.Mailer.Send(ctx, mail) })
}

type tappedFiles struct {
	engine.Files
	tap tap
}

func (f tappedFiles) Create(ctx context.Context, operation, attempt string) (engine.FileWriter, error) {
	w, err := through(ctx, f.tap, "Create file", func() (engine.FileWriter, error) { return f.Files.Create(ctx, operation, attempt) })
	return &tappedWriter{w, ctx, f.tap, nil}, err
}

func (f tappedFiles) Stat(ctx context.Context, operation string) (attempt string, size int64, ok bool, err error) {
	err = f.tap(ctx, "Stat file", func() (err error) {
		attempt, size, ok, err = f.Files.Stat(ctx, operation)
		return err
	})
	return attempt, size, ok && err == nil, err
}

func (f tappedFiles) Delete(ctx context.Context, operation string) error {
	return f.tap(ctx, "Delete file", func() error { return f.Files.Delete(ctx, operation) })
}

// tappedWriter is the writer of one file, whose calls are those of the process
// that has begun it. As the real one does, it sends what is written in parts.
type tappedWriter struct {
	engine.FileWriter
	ctx  context.Context
	tap  tap
	part []byte
}

const partSize = 500

func (w *tappedWriter) Write(p []byte) (int, error) {
	if w.part = append(w.part, p...); len(w.part) < partSize {
		return len(p), nil
	}
	return len(p), w.send()
}

func (w *tappedWriter) send() error {
	return w.tap(w.ctx, "Write file", func() error {
		_, err := w.FileWriter.Write(w.part)
		w.part = w.part[:0]
		return err
	})
}

func (w *tappedWriter) Complete() error {
	if err := w.send(); err != nil {
		return err
	}
	return w.tap(w.ctx, "Complete file", w.FileWriter.Complete)
}

func (w *tappedWriter) Abort() error { return w.tap(w.ctx, "Abort file", w.FileWriter.Abort) }

type tappedSealer struct {
	engine.Sealer
	tap tap
}

func (s tappedSealer) Seal(ctx context.Context, operation, passphrase string) ([]byte, error) {
	return through(ctx, s.tap, "Seal", func() ([]byte, error) { return s.Sealer.Seal(ctx, operation, passphrase) })
}

func (s tappedSealer) Open(ctx context.Context, operation string, sealed []byte) (string, error) {
	return through(ctx, s.tap, "Unseal", func() (string, error) { return s.Sealer.Open(ctx, operation, sealed) })
}

package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"bulkops/internal/api"
	"bulkops/internal/audit"
	"bulkops/internal/auditlog"
	"bulkops/internal/bucket"
	"bulkops/internal/dynamo"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/seal"
	"bulkops/internal/signing"
)

// auditCommands read the audit. Operation and Log ask the API as the person who
// signed in; the others look at table and seals with the operator's AWS credentials.
type auditCommands struct {
	Operation   auditCommand       `cmd:"" default:"withargs" help:"Show the audit records of an operation."`
	Log         logCommand         `cmd:"" help:"Search the audit log."`
	Verify      verifyCommand      `cmd:"" help:"Compare the audit with its seals, and name what was changed, removed or added. With --from or --to, only what is dated or was written in those hours: leave both out now and then."`
	Prove       proveCommand       `cmd:"" help:"Print the proof that a record was sealed, for somebody who has no access."`
	VerifyProof verifyProofCommand `cmd:"" help:"Check such a proof; needs no access to anything."`
	Redrive     redriveCommand     `cmd:"" help:"Write the changes that could not be audited when they were made."`
}

type auditCommand struct {
	named
	JSON bool `name:"json" help:"One record a line, in its canonical form."`
}

func (a auditCommand) Run(t *terminal) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
	for after := ""; ; {
		var answer struct {
			Records []api.AuditRecord
			Next    string
		}
		if err := c.get(a.path()+"/audit?most=1000&after="+url.QueryEscape(after), &answer); err != nil {
			return err
		}
		for _, r := range answer.Records {
			if a.JSON {
				line, err := json.Marshal(r.Record)
				if err != nil {
					return fmt.Errorf("encode an audit record: %w", err)
				}
				t.say("%s", line)
				continue
			}
			fmt.Fprintf(table, "%s\t%s\t%s\n", clock(r.At), oneLine(r.Operator.Name), oneLine(auditWords(r)))
		}
		if after = answer.Next; after == "" {
			return table.Flush()
		}
	}
}

type logCommand struct {
	Operation string `help:"Operation id."`
	Patient   string `help:"Patient id."`
	Operator  string `help:"Part of the name of who did it."`
	Approver  string `help:"Part of the approver's name."`
	Show      string `enum:",changes,outcomes,by-hand,events,views,sign-ins,refused" default:"" help:"changes, outcomes (patients exported, skipped or failed), by-hand, events, views, sign-ins or refused; everything when left out."`
	Kind      string `help:"Type of operation, such as status-change."`
	Facility  string `help:"Facility id: of the patient, before or after a change, or in the plan of the operation."`
	Reason    string `help:"Part of the reason that was given."`
	From      string `help:"First day, UTC, such as 2026-12-01; the last 7 days when left out."`
	To        string `help:"Last day."`
	Most      int    `default:"200" help:"How many records, newest first."`
	JSON      bool   `name:"json" help:"One record a line, in its canonical form with its name."`
}

func (l logCommand) Run(t *terminal) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	body := map[string]any{}
	for name, value := range map[string]string{"operation": strings.ToUpper(l.Operation), "patient": l.Patient, "operator": l.Operator, "approver": l.Approver,
		"show": l.Show, "kind": l.Kind, "facility": l.Facility, "reason": l.Reason, "from": l.From, "to": l.To} {
		if value != "" {
			body[name] = value
		}
	}
	table := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
	for shown := 0; shown < l.Most; {
		body["most"] = min(l.Most-shown, 1000)
		var answer struct {
			Records []api.AuditRecord
			Next    string
		}
		if err := c.post("/audit/search", body, &answer); err != nil {
			return err
		}
		for _, r := range answer.Records {
			if l.JSON {
				line, err := json.Marshal(r)
				if err != nil {
					return fmt.Errorf("encode an audit record: %w", err)
				}
				t.say("%s", line)
				continue
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", clock(r.At), oneLine(r.Operator.Name), oneLine(r.Operation), oneLine(auditWords(r)))
		}
		shown += len(answer.Records)
		if body["after"] = answer.Next; answer.Next == "" {
			break
		}
	}
	return table.Flush()
}

// auditWords says what an audit record is about.
func auditWords(r api.AuditRecord) string {
	switch r.Type {
	case audit.Event:
		return strings.TrimSpace(r.What + " " + r.Detail)
	case audit.Access:
		return strings.Join(slices.DeleteFunc([]string{r.What, string(r.Result), r.Detail, r.Target}, func(s string) bool { return s == "" }), " ")
	}
	var words []string
	if r.Patient != "" {
		words = append(words, "patient "+r.Patient)
	}
	if r.Type == audit.Outcome {
		words = append(words, strings.TrimRight(r.What+": "+r.Detail, ":. "))
	} else {
		words = append(words, r.About)
	}
	for _, e := range r.Changed {
		words = append(words, fmt.Sprintf("%s: %q → %q", e.Label, e.Old, e.New))
	}
	text := strings.Join(words, ", ")
	if r.Approver.Name != "" {
		text += "; approved by " + r.Approver.Name
	}
	if r.ByHand {
		text += "; by hand"
	}
	return text
}

// verifier returns what compares the stack's audit with its seals.
func (t *terminal) verifier() (seal.Verifier, error) {
	s, err := t.openStack()
	if err != nil {
		return seal.Verifier{}, err
	}
	table, err := s.output("AuditTable")
	if err != nil {
		return seal.Verifier{}, err
	}
	seals, err := s.output("SealsBucketName")
	if err != nil {
		return seal.Verifier{}, err
	}
	id, err := s.output("SealKeyArn")
	if err != nil {
		return seal.Verifier{}, err
	}
	key, err := signing.New(s.aws, id).Public(t.ctx)
	return seal.Verifier{Log: dynamo.NewAudit(dynamo.NewClient(s.aws), table), Files: bucket.New(s.aws, seals), Key: key, Now: time.Now}, err
}

type verifyCommand struct {
	From string `help:"First hour, UTC, such as 2026-12-01T09; the first that was sealed when left out."`
	To   string `help:"Last hour; the last that must be sealed by now when left out."`
}

func (v verifyCommand) Run(t *terminal) error {
	verifier, err := t.verifier()
	if err != nil {
		return err
	}
	var from, to audit.Hour
	if v.To != "" {
		if to, err = audit.ParseHour(v.To); err != nil {
			return fault.New(fault.Invalid, "--to: %s.", err)
		}
	}
	if v.From != "" {
		if from, err = audit.ParseHour(v.From); err != nil {
			return fault.New(fault.Invalid, "--from: %s.", err)
		}
	}
	if from > to && to != "" {
		return fault.New(fault.Invalid, "There is nothing to verify: --from %s is after --to %s.", from, to)
	}
	asked := [...]audit.Hour{from, to}
	if from, to, err = verifier.Limit(t.ctx, from, to); err != nil {
		return err
	}
	if from > asked[0] && asked[0] != "" {
		t.say("Verified from %s: nothing was sealed before.", from)
	}
	if to < asked[1] {
		t.say("Verified to %s: later hours need no seal yet.", to)
	}
	report, err := verifier.Verify(t.ctx, from, to)
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		t.say("%s", visible(f.String()))
	}
	t.say("%s to %s: %s, %s, %s.", from, to, english.Count(report.Hours, "hour", "hours"), english.Count(report.Records, "record", "records"), findings(len(report.Findings)))
	if len(report.Findings) > 0 {
		return errUnfinished
	}
	return nil
}

func findings(n int) string {
	if n == 0 {
		return "everything is as it was sealed"
	}
	return english.Count(n, "thing is wrong", "things are wrong")
}

type proveCommand struct {
	Record string `arg:"" help:"The record's name as verify and the audit log show it, between quotes: \"OP#OP-0SX4K2-7QFM/2026-12-01T09:30:00.000Z#EVENT#…\"."`
}

func (p proveCommand) Run(t *terminal) error {
	verifier, err := t.verifier()
	if err != nil {
		return err
	}
	proof, err := verifier.Prove(t.ctx, p.Record)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(proof, "", "  ")
	if err != nil {
		return fmt.Errorf("encode a proof: %w", err)
	}
	t.say("%s", text)
	return nil
}

type verifyProofCommand struct {
	File string `arg:"" type:"existingfile" help:"What bulkops audit prove has printed."`
}

func (v verifyProofCommand) Run(t *terminal) error {
	text, err := os.ReadFile(v.File)
	if err != nil {
		return fmt.Errorf("read the proof: %w", err)
	}
	var proof seal.Proof
	if json.Unmarshal(text, &proof) != nil {
		return fault.New(fault.Invalid, "%s is no proof: it is not the JSON that bulkops audit prove prints.", v.File)
	}
	sealed, err := proof.Check()
	if err != nil {
		return err
	}
	record, err := proof.Record.Record()
	if err != nil {
		return err
	}
	t.say("The record is genuine: it was sealed with the hour %s, as one of %s, at %s.", sealed.Hour, english.Number(sealed.Records), clock(sealed.Sealed))
	t.say("%s  %s  %s", clock(record.At), oneLine(record.Operator.Name), oneLine(auditWords(api.AuditRecordOf(record, auditlog.Names{}))))
	t.say("Signed with the key %s: compare that with the fingerprint that your installation has published.", seal.Fingerprint(proof.Key))
	return nil
}

type redriveCommand struct {
	NoteUnreadable bool `help:"Where a change can be read by no means, write that there was one, and where it is kept."`
}

func (r redriveCommand) Run(t *terminal) error {
	s, err := t.openStack()
	if err != nil {
		return err
	}
	if err := s.clockAgrees(); err != nil {
		return err
	}
	names := map[string]string{"AuditTable": "", "OperationsTable": "", "RegistryTable": "", "AuditFailuresBucketName": ""}
	for output := range names {
		if names[output], err = s.output(output); err != nil {
			return err
		}
	}
	client := dynamo.NewClient(s.aws)
	operations := dynamo.NewOperations(client, names["OperationsTable"], "")
	recorder := &audit.Recorder{Log: dynamo.NewAudit(client, names["AuditTable"]), Operation: operations.Operation, Event: operations.Event, Batch: operations.Batch,
		Records: dynamo.NewRegistry(client, names["RegistryTable"]).Records, Logger: slog.New(slog.DiscardHandler)}
	done, err := recorder.Redrive(t.ctx, bucket.New(s.aws, names["AuditFailuresBucketName"]), r.NoteUnreadable)
	t.say("%s written into the audit, from %s.", english.Count(done.Records, "record", "records"), english.Count(done.Files, "delivery", "deliveries"))
	if err != nil {
		return err
	}
	for _, left := range done.Left {
		t.say("still kept: %s: %s", visible(left.File), oneLine(left.Why))
	}
	if len(done.Left) > 0 {
		t.say("What is still kept cannot be read by this version, or was refused by the audit. --note-unreadable writes that into the audit, and leaves the file's versions as evidence.")
		return errUnfinished
	}
	return nil
}

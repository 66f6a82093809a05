package main

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"

	"bulkops/internal/api"
	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

// named is the operation that a command is about.
type named struct {
	ID string `arg:"" name:"operation" help:"Operation id, such as OP-0SX4K2-7QFM."`
}

func (n named) path() string { return "/operations/" + strings.ToUpper(n.ID) }

// read returns a client and the operation.
func (n named) read(t *terminal) (*client, api.Operation, error) {
	var op api.Operation
	c, err := t.client()
	if err != nil {
		return nil, op, err
	}
	return c, op, c.get(n.path(), &op)
}

type listCommand struct {
	Which string `arg:"" optional:"" enum:"mine,recent,waiting,exports" default:"mine" help:"mine, recent (that you may see), waiting (for your decision) or exports (that were approved, of the last 31 days or with a file that is still there)."`
}

func (l listCommand) Run(t *terminal) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	var list struct{ Operations []api.Operation }
	if err := c.get("/operations?which="+l.Which, &list); err != nil {
		return err
	}
	if len(list.Operations) == 0 {
		t.say("There are none.")
		return nil
	}
	table := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
	for _, op := range list.Operations {
		changes := ""
		if op.Plan != nil {
			changes = english.Count(op.Plan.Changes, "patient", "patients")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", op.ID, op.State, changes, oneLine(op.Requester), oneLine(op.Summary))
	}
	return table.Flush()
}

type showCommand struct{ named }

func (s showCommand) Run(t *terminal) error {
	c, op, err := s.read(t)
	if err != nil {
		return err
	}
	show(t, op)
	return overlaps(t, c, s.named)
}

// overlaps names the operations that change some of the same patients.
func overlaps(t *terminal, c *client, n named) error {
	var told struct{ Overlaps []api.OverlapView }
	if err := c.get(n.path()+"/overlaps", &told); err != nil {
		return err
	}
	for _, o := range told.Overlaps {
		what := "which you may not see"
		if o.Summary != "" {
			what = visible(o.Summary) + "; asked by " + visible(o.Requester)
		}
		t.say("\n%s also in %s (%s; %s). Whichever comes first changes them; the other one skips them.",
			english.Count(o.Patients, "patient is", "patients are"), o.Operation, what, o.State)
	}
	return nil
}

// show prints all that is known of an operation without its pages, and what
// the person can do next.
func show(t *terminal, op api.Operation) {
	table := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, oneLine(fmt.Sprintf(format, args...)))
	}
	row("Operation", "%s", op.ID)
	row("Asks to", "%s", op.Summary)
	row("Asked by", "%s at %s", op.Requester, clock(op.Times.Requested))
	row("Patients", "%s%s", op.Selection.Words, merged(op.Selection.Duplicates))
	row("State", "%s: %s", op.State, op.StateSays)
	if op.Cause != "" {
		row("Because", "%s", op.Cause)
	}
	if p := op.Plan; p != nil {
		if p.Rows != nil {
			row("Plan", "%s, %s, %s; %s bytes of text", english.Count(p.Changes, "patient exported", "patients exported"), english.Count(bulk.AllRows(p.Rows), "row", "rows"),
				english.Count(p.Excluded, "left out", "left out"), english.Number(p.Bytes))
		} else if p.Messages > 0 {
			row("Plan", "%s about %s, %s; it cannot be undone", english.Count(p.Messages, "message", "messages"), english.Count(p.Concerned, "patient", "patients"), english.Count(p.Excluded, "left out", "left out"))
		} else {
			row("Plan", "%s, %s touched, %s", english.Count(p.Changes, "patient changed", "patients changed"), english.Count(p.Visits, "visit", "visits"), english.Count(p.Excluded, "left out", "left out"))
		}
		for _, field := range slices.Sorted(maps.Keys(p.Before)) {
			row(registry.Label(field)+" before", "%s", counts(p.Before[field]))
			row(registry.Label(field)+" after", "%s", counts(p.After[field]))
		}
		for _, s := range p.Shares {
			switch {
			case s.Facility == "":
			case s.Of == 0:
				row("Share", "under %d %% of all patients of %s: %s", s.Percent, s.Facility, english.Number(s.Changes))
			case slices.Contains(p.Unusual, s):
				row("Unusual", "%d %% of all patients of %s: %s of %s", s.Percent, s.Facility, english.Number(s.Changes), english.Number(s.Of))
			default:
				row("Share", "%d %% of all patients of %s: %s of %s", s.Percent, s.Facility, english.Number(s.Changes), english.Number(s.Of))
			}
		}
		for _, code := range slices.Sorted(maps.Keys(p.ByReason)) {
			row("Left out", "%s: %s", bulk.ExclusionTitles[code], english.Number(p.ByReason[code]))
		}
		row("Digest", "%s", p.DigestSpoken)
	}
	if op.Reason != "" {
		row("Reason", "%s", op.Reason)
	}
	if op.Approval != nil {
		row("Asked to decide", "%s; until %s", strings.Join(op.Approval.Asked, ", "), clock(op.Approval.Expires))
		for _, d := range op.Approval.Delegates {
			row("Delegate", "%s for %s", d.Name, d.For)
		}
	}
	if op.Start != nil {
		row("Start", "%s", op.Start.Words)
	}
	if s := op.Stop; s != nil {
		row("Stops by itself", "when %d %% of at least %s were skipped or failed", s.Percent, english.Count(s.After, "patient", "patients"))
	}
	if d := op.Decision; d != nil {
		row("Decision", "%s by %s at %s. %s", d.Verdict, d.By, clock(d.At), d.Comment)
	}
	if p := op.Progress; p != nil {
		row("Progress", "%s", progressWords(*p))
	}
	for _, l := range op.Left {
		again := ""
		if l.AgainAs != "" {
			again = "; run again as " + l.AgainAs
		}
		row("Left", "%s (%s): %s%s", l.Title, l.Code, english.Number(l.Count), again)
	}
	if f := op.File; f != nil {
		row("File", "%s of %s, %s bytes", english.Count(bulk.AllRows(f.Rows), "row", "rows"), english.Count(f.Patients, "patient", "patients"), english.Number(int(f.Size)))
		if f.Deleted != nil {
			row("Deleted", "%s", clock(*f.Deleted))
		} else {
			row("Deleted", "by itself, %s", clock(f.Expires))
		}
		row("SHA-256", "%s", f.Digest)
	}
	table.Flush()
	if next := nextCommand(op); next != "" {
		t.say("\nNext: %s", next)
	}
}

func merged(duplicates int) string {
	if duplicates == 0 {
		return ""
	}
	return "; " + english.Count(duplicates, "repeated id merged", "repeated ids merged")
}

func counts(m map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %s", cmp.Or(name, "none"), english.Number(m[name])))
	}
	return strings.Join(parts, ", ")
}

func progressWords(p api.Progress) string {
	return fmt.Sprintf("%s of %s: %s done, %s skipped, %s failed, %s not attempted", english.Number(p.Total-p.NotAttempted), english.Number(p.Total),
		english.Number(p.Done), english.Number(p.Skipped), english.Number(p.Failed), english.Number(p.NotAttempted))
}

func nextCommand(op api.Operation) string {
	switch {
	case op.You.MaySubmit:
		number := ""
		if op.You.ToSubmit.Number {
			number = fmt.Sprintf(" --number %d", op.Plan.Changes)
		}
		return fmt.Sprintf("bulkops changes %s, then bulkops submit %s --reason \"…\" --confirm%s", op.ID, op.ID, number)
	case op.You.MayDecide:
		return fmt.Sprintf("bulkops changes %s, then bulkops approve %s --digest \"%s\" or bulkops reject %s --comment \"…\"", op.ID, op.ID, op.Plan.DigestSpoken, op.ID)
	case op.State == bulk.Scheduled || op.State == bulk.Running || op.State == bulk.Stopping:
		return "bulkops follow " + op.ID
	case op.File != nil && op.File.Deleted == nil:
		return fmt.Sprintf("bulkops download %s, bulkops outcomes %s", op.ID, op.ID)
	case op.Progress != nil:
		return fmt.Sprintf("bulkops outcomes %s, bulkops audit %s", op.ID, op.ID)
	}
	return ""
}

type submitCommand struct {
	named
	Reason  string `required:"" help:"Why the change is needed, 10 to 1000 characters. The approver and the auditors read it."`
	Confirm bool   `help:"Confirm every item of the checklist, which is shown without it."`
	Number  int    `help:"How many patients will be changed, where the plan asks for it."`

	StartDate   string `placeholder:"2026-01-31" help:"Day on which the run begins; without one, at once after the approval."`
	StartTime   string `placeholder:"22:30" help:"Time at which it begins."`
	StartZone   string `placeholder:"America/Chicago" help:"Time zone of that day and time."`
	StopPercent int    `default:"${stop_percent}" help:"Stop the run by itself when so many percent of the patients were skipped or failed."`
	StopAfter   int    `default:"${stop_after}" help:"Do not look at failures before so many patients were attempted."`
}

func (s submitCommand) Run(t *terminal) error {
	c, op, err := s.read(t)
	if err != nil {
		return err
	}
	body := map[string]any{"digest": "", "reason": s.Reason, "checklist": []string{}}
	if op.Plan != nil {
		body["digest"] = op.Plan.Digest
	}
	if s.Number != 0 {
		body["number"] = s.Number
	}
	if start := (api.Start{Date: s.StartDate, Time: s.StartTime, Zone: s.StartZone}); start != (api.Start{}) {
		body["start"] = start
	}
	body["stop"] = api.Stop{Percent: s.StopPercent, After: s.StopAfter}
	if confirm := op.You.ToSubmit; confirm != nil {
		if !s.Confirm {
			if err := overlaps(t, c, s.named); err != nil {
				return err
			}
			t.say("By sending this plan for approval you confirm:")
			for _, item := range confirm.Checklist {
				t.say("  - %s", visible(item))
			}
			t.say("Add --confirm when that is so.")
			return errUnfinished
		}
		body["checklist"] = confirm.Checklist
	}
	if err := c.post(s.path()+"/submit", body, &op); err != nil {
		return err
	}
	show(t, op)
	return nil
}

type approveCommand struct {
	named
	Digest  string `help:"The plan's digest as bulkops show gives it: that plan is approved and no other."`
	Comment string `help:"A remark for the requester and the auditors."`
	Stale   int    `help:"How many patients may have changed since the preview; they are skipped."`
}

func (a approveCommand) Run(t *terminal) error {
	c, op, err := a.read(t)
	if err != nil {
		return err
	}
	if op.Plan == nil {
		return fault.New(fault.Conflict, "There is nothing to approve: it is %s.", op.State)
	}
	if digits := strings.ReplaceAll(a.Digest, " ", ""); len(digits) < 16 || !strings.HasPrefix(op.Plan.Digest, digits) {
		show(t, op)
		return fault.New(fault.Stale, "Read the plan, and say which one you approve: --digest %q", op.Plan.DigestSpoken)
	}
	return decide(t, c, a.named, map[string]any{"verdict": bulk.Approve, "comment": a.Comment, "digest": op.Plan.Digest, "stale": a.Stale})
}

type rejectCommand struct {
	named
	Comment string `required:"" help:"Why; the requester reads it."`
}

func (r rejectCommand) Run(t *terminal) error {
	c, op, err := r.read(t)
	if err != nil {
		return err
	}
	digest := ""
	if op.Plan != nil {
		digest = op.Plan.Digest
	}
	return decide(t, c, r.named, map[string]any{"verdict": bulk.Reject, "comment": r.Comment, "digest": digest})
}

func decide(t *terminal, c *client, n named, body map[string]any) error {
	var op api.Operation
	if err := c.post(n.path()+"/decision", body, &op); err != nil {
		return err
	}
	t.say("%s is %s by %s.", op.ID, op.Decision.Verdict, visible(op.Decision.By))
	return nil
}

type stopCommand struct{ named }

func (s stopCommand) Run(t *terminal) error { return act(t, s.named, "/stop") }

type cancelCommand struct{ named }

func (c cancelCommand) Run(t *terminal) error { return act(t, c.named, "/cancel") }

type rerunCommand struct {
	named
	For []string `placeholder:"CODE" help:"Only those who were left for this reason, as bulkops show names it; repeat it for several. Without it, all for whom another run can help."`
}

func (r rerunCommand) Run(t *terminal) error {
	return follow(t, r.named, "/rerun", map[string]any{"codes": r.For})
}

type rollbackCommand struct{ named }

func (r rollbackCommand) Run(t *terminal) error { return follow(t, r.named, "/rollback", nil) }

// follow asks for an operation made from one that has ended.
func follow(t *terminal, n named, path string, body any) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	var op api.Operation
	if err := c.call(http.MethodPost, n.path()+path, body, rand.Text(), &op); err != nil {
		return err
	}
	t.say("%s is %s. %s", op.ID, op.State, visible(op.StateSays))
	return nil
}

// act does what needs no answers, and says what became of the operation.
func act(t *terminal, n named, path string) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	var op api.Operation
	if err := c.post(n.path()+path, struct{}{}, &op); err != nil {
		return err
	}
	t.say("%s is %s. %s", op.ID, op.State, visible(op.StateSays))
	return nil
}

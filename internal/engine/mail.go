package engine

import (
	"cmp"
	"context"
	"fmt"
	"html"
	"slices"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/kind"
	"bulkops/internal/staff"
)

// remind asks the approvers again.
func (e *Engine) remind(ctx context.Context, op bulk.Operation) error {
	_, err := e.update(ctx, op.ID, func(op *bulk.Operation) (bulk.Event, error) {
		if op.State != bulk.AwaitingApproval || !op.Approval.Reminded.IsZero() {
			return bulk.Event{}, errNothingNew
		}
		op.Approval.Reminded = e.Now()
		return bulk.Event{What: "reminded", Detail: names(op.Approval.Everybody())}, nil
	})
	return err
}

// escalate asks the others who may decide, once; of many the nearest.
func (e *Engine) escalate(ctx context.Context, op bulk.Operation) error {
	first, others, err := e.Deciders(ctx, op)
	if err != nil {
		return err
	}
	all := slices.Concat(first, others)
	op, err = e.update(ctx, op.ID, func(op *bulk.Operation) (bulk.Event, error) {
		if op.State != bulk.AwaitingApproval || !op.Approval.Widened.IsZero() {
			return bulk.Event{}, errNothingNew
		}
		op.Approval.Widened = e.Now()
		for i, p := range all {
			switch {
			case op.Approval.Asks(p.Sub):
			case i < maxApprovers:
				op.Approval.Escalated = append(op.Approval.Escalated, p)
			default:
				op.Approval.Unasked++
			}
		}
		return bulk.Event{What: "escalated", Detail: fmt.Sprintf("%s; %d more may decide", cmp.Or(names(op.Approval.Escalated), "nobody"), op.Approval.Unasked)}, nil
	})
	if err == nil {
		e.delegate(ctx, op)
	}
	return err
}

// toApprover asks somebody to decide, for the first time or again.
func (e *Engine) toApprover(ctx context.Context, op bulk.Operation, to bulk.Person, again bool) (Mail, error) {
	subject, request := "Approval needed: "+op.ID, "asks you to decide on a bulk operation."
	if again {
		subject, request = "Reminder: approval needed: "+op.ID, "still waits for your decision on a bulk operation."
	}
	ref := e.Secret()
	if err := e.Staff.PutApprovalRef(ctx, ref, ApprovalRef{Operation: op.ID, Approver: to.Sub}, op.Approval.Expires); err != nil {
		return Mail{}, err
	}
	k, err := mustKind(op.Kind)
	if err != nil {
		return Mail{}, err
	}
	lines := append(size(op, k),
		[2]string{"Asked for", english.Minute(op.Submitted)},
		[2]string{"Decide before", english.Minute(op.Approval.Expires)})
	if n := len(op.Approval.Reassigned); n > 0 && op.Approval.Reassigned[n-1].To.Sub == to.Sub {
		lines = append(lines, [2]string{"Handed to you by", op.Approval.Reassigned[n-1].By.Name})
	}
	if away := op.Approval.StandsInFor(to.Sub); len(away) > 0 {
		lines = append(lines, [2]string{"In place of", names(away)})
	}
	return compose(to, subject,
		fmt.Sprintf("%s %s", op.Requester.Name, request),
		append(lines, startLine(op)...),
		"Read the plan and decide", e.PortalURL+"/approvals/"+ref,
		"Opening the link decides nothing. You sign in, read the plan, and then approve or reject it."), nil
}

// startLine says when an operation is to begin, where that was chosen.
func startLine(op bulk.Operation) [][2]string {
	switch {
	case op.Start.IsZero():
		return nil
	case op.StartPassed():
		return [][2]string{{"Start", "at once: " + op.Start.String() + " has passed"}}
	}
	return [][2]string{{"Start", op.Start.String()}}
}

// tellDelegate mails somebody that they decide in the place of another. A mail
// that cannot be sent holds nothing up: each request is mailed to the delegate.
func (e *Engine) tellDelegate(ctx context.Context, away, delegate staff.Person) {
	mailing, done := timeFor(ctx, mailTime)
	defer done()
	err := e.mail(mailing, compose(person(delegate), "You decide for "+away.Name,
		fmt.Sprintf("%s is away and has named you as delegate: requests for approval that %s is asked about come to you too, where you have the right to decide.", away.Name, away.Name),
		[][2]string{{"From", english.Date(away.Away.From)}, {"Until", english.Date(away.Away.Until)}},
		"Open the approvals", e.PortalURL+"/approvals", "If that does not suit you, ask "+away.Name+" to name somebody else."))
	if err != nil {
		e.Log(ctx, "a delegate could not be told by mail", err)
	}
}

// toRequester says how an operation ended or was decided.
func (e *Engine) toRequester(op bulk.Operation) (Mail, error) {
	k, err := mustKind(op.Kind)
	if err != nil {
		return Mail{}, err
	}
	text := k.Text(op)
	lines := append(size(op, k), [2]string{"State", text.Title})
	if op.Decision != nil {
		lines = append(lines, [2]string{"Decided by", op.Decision.By.Name})
	}
	if op.State == bulk.Scheduled {
		lines = append(lines, startLine(op)...)
	}
	if op.State == bulk.Cancelled {
		lines = append(lines, [2]string{"Why", op.Cause})
	}
	if op.State.Ended() && !op.Started.IsZero() {
		lines = append(lines, [2]string{"Result", fmt.Sprintf("%d done, %d skipped, %d failed, %d not attempted",
			op.Final.Done, op.Final.Skipped, op.Final.Failed, op.NotAttempted(op.Final))})
	}
	if op.File != nil {
		lines = append(lines, [2]string{"File", "ready until " + english.Minute(op.File.Expires)})
	}
	return compose(op.Requester, fmt.Sprintf("%s: %s", text.Title, op.ID), text.Sentence, lines,
		"Open the operation", e.PortalURL+"/operations/"+op.ID, ""), nil
}

// toTasked tells somebody of a task that they were given.
func (e *Engine) toTasked(op bulk.Operation, t kind.Task, given bulk.Task) (Mail, error) {
	k, err := mustKind(op.Kind)
	if err != nil {
		return Mail{}, err
	}
	return compose(given.Given, "A task for you: "+op.ID, given.Giver.Name+" gave you a task that follows a bulk operation.",
		[][2]string{{"Task", t.Title}, {"Operation", op.ID}, {"Type", k.Title}, {"Patients", english.Number(op.Final.Done)}},
		"See to it", e.PortalURL+"/operations/"+op.ID+"/tasks", t.How), nil
}

// size says what an operation is and how much it does.
func size(op bulk.Operation, k kind.Kind) [][2]string {
	lines := [][2]string{{"Operation", op.ID}, {"Type", k.Title}}
	if op.Plan.Notices > 0 {
		return append(lines, [2]string{"Messages", english.Number(op.Plan.Notices)}, [2]string{"About", english.Count(op.Plan.Listed, "patient", "patients")})
	}
	return append(lines, [2]string{"Patients", english.Number(op.Plan.Changes)})
}

// subjectsOf is what an operation has many of.
func subjectsOf(op bulk.Operation) string {
	if op.Plan.Notices > 0 {
		return "messages"
	}
	return "patients"
}

// compose writes a mail to a person.
func compose(to bulk.Person, subject, opening string, lines [][2]string, action, link, closing string) Mail {
	return letter(to.Email, subject, []string{"Dear " + to.Name + ",", opening}, lines, action, link, closing)
}

// letter writes a mail in plain text and the same in HTML.
func letter(to, subject string, paragraphs []string, lines [][2]string, action, link, closing string) Mail {
	var text, page strings.Builder
	page.WriteString(`<!doctype html><html lang="en"><body style="font-family:sans-serif;font-size:16px;color:#1b1b1b">`)
	for _, p := range paragraphs {
		fmt.Fprintf(&text, "%s\n\n", p)
		fmt.Fprintf(&page, `<p>%s</p>`, strings.ReplaceAll(html.EscapeString(p), "\n", "<br>"))
	}
	page.WriteString(`<table>`)
	for _, l := range lines {
		fmt.Fprintf(&text, "%-14s %s\n", l[0]+":", l[1])
		fmt.Fprintf(&page, `<tr><th style="text-align:left;padding:2px 16px 2px 0">%s</th><td>%s</td></tr>`, html.EscapeString(l[0]), html.EscapeString(l[1]))
	}
	fmt.Fprintf(&text, "\n%s:\n%s\n", action, link)
	fmt.Fprintf(&page, `</table><p><a href="%s">%s</a></p>`, html.EscapeString(link), html.EscapeString(action))
	if closing != "" {
		fmt.Fprintf(&text, "\n%s\n", closing)
		fmt.Fprintf(&page, `<p>%s</p>`, html.EscapeString(closing))
	}
	page.WriteString("</body></html>")
	return Mail{To: to, Subject: subject, Text: text.String(), HTML: page.String()}
}

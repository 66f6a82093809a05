package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"bulkops/test/walk"
)

func (d *demo) choose() error {
	d.headline("Ana Lindqvist, staff, chooses patients")
	if err := d.step("signs in on the hosted page", func() (string, error) {
		browser, err := d.signIn(d.stack.PortalURL+"/", requesterMail)
		if err != nil {
			return "", err
		}
		d.requester = browser
		_, err = d.page.Need("Ana Lindqvist")
		return "", err
	}); err != nil {
		return err
	}
	if err := d.step("filters: status Active, all facilities", func() (string, error) {
		page, err := d.requester.Open(d.ctx, d.stack.PortalURL+"/patients")
		if err != nil {
			return "", err
		}
		if d.page, err = page.Form("Apply filters").Tick("Active").Press(d.ctx); err != nil {
			return "", err
		}
		found, err := d.page.Find(`([\d,]+) patients? match`)
		return found + " patients", err
	}); err != nil {
		return err
	}
	return d.step("selects all that match and asks for a status change", func() (string, error) {
		return "", d.walk(func(p *walk.Page) (*walk.Page, error) { return p.Press(d.ctx, "Select all") },
			func(p *walk.Page) (*walk.Page, error) { return p.Press(d.ctx, "Bulk Operations") },
			func(p *walk.Page) (*walk.Page, error) { return p.Follow(d.ctx, "Status Change") })
	})
}

// walk goes from page to page.
func (d *demo) walk(steps ...func(*walk.Page) (*walk.Page, error)) error {
	for _, step := range steps {
		page, err := step(d.page)
		if err != nil {
			return err
		}
		d.page = page
	}
	return nil
}

func (d *demo) plan() error {
	if err := d.step("asks: On Hold, because of an insurance lapse", func() (string, error) {
		err := d.walk(func(p *walk.Page) (*walk.Page, error) {
			return p.Form("Make the plan").Tick("On Hold").Tick("Insurance lapse").Press(d.ctx)
		})
		if err != nil {
			return "", err
		}
		d.operation, err = d.page.Find(`(OP-[0-9A-Z]{6}-[0-9A-Z]{4})`)
		return d.operation, err
	}); err != nil {
		return err
	}
	return d.step("reads the plan", func() (string, error) {
		if err := d.until("Continue: reason and checklist", "No patient can be changed", "ended before any patient was changed"); err != nil {
			return "", err
		}
		rows, err := d.page.Rows("Every patient of this plan")
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("first of them %s: %s", rows[1][0], rows[1][2]), nil
	})
}

func (d *demo) submit() error {
	return d.step("gives the reason, confirms the checklist, sends it for approval", func() (string, error) {
		page, err := d.page.Follow(d.ctx, "Continue: reason and checklist")
		if err != nil {
			return "", err
		}
		if d.patients, err = page.Find(`([\d,]+) changed`); err != nil {
			return "", err
		}
		form := page.Form("Send").Fill("Reason", "The insurance of these patients lapsed; found in the quarterly review.").TickAll()
		if page.Says("Type the number of patients") {
			form.Fill("Type the number of patients that will be changed", d.patients)
		}
		if d.page, err = form.Press(d.ctx); err != nil {
			return "", err
		}
		_, err = d.page.Need("Sent for approval")
		return d.patients + " patients", err
	})
}

// mail waits for the manager's approval mail and takes the link out of it.
func (d *demo) mail() error {
	d.headline("Jonas Weber, manager, is asked")
	return d.step("gets a mail", func() (string, error) {
		deadline := time.Now().Add(patience)
		for time.Now().Before(deadline) {
			subject, text, err := d.newestMail(managerMail)
			if err != nil {
				return "", err
			}
			if text != "" {
				for _, word := range strings.Fields(text) {
					if strings.HasPrefix(word, d.stack.PortalURL+"/approvals/") {
						d.link = word
						return subject, nil
					}
				}
				return "", fmt.Errorf("the mail %q has no link", subject)
			}
			time.Sleep(200 * time.Millisecond)
		}
		return "", fmt.Errorf("no mail about %s to %s within %s; all mails: %s", d.operation, managerMail, patience, d.stack.MailURL)
	})
}

// newestMail returns the newest mail to somebody about the operation; text is
// "" when there is none.
func (d *demo) newestMail(to string) (subject, text string, err error) {
	response, err := http.Get(d.stack.MailURL + "/api/email")
	if err != nil {
		return "", "", fmt.Errorf("look into the mailbox: %w", err)
	}
	defer response.Body.Close()
	var mails []struct {
		Subject, Text string
		To            []struct{ Address string }
	}
	if err := json.NewDecoder(response.Body).Decode(&mails); err != nil {
		return "", "", fmt.Errorf("read the mailbox: %w", err)
	}
	for _, m := range mails {
		if len(m.To) > 0 && m.To[0].Address == to && strings.Contains(m.Subject, d.operation) {
			subject, text = m.Subject, m.Text
		}
	}
	return subject, text, nil
}

func (d *demo) decide() error {
	if err := d.step("opens the link and signs in", func() (string, error) {
		if _, err := d.signIn(d.link, managerMail); err != nil {
			return "", err
		}
		_, err := d.page.Need(d.operation)
		return "", err
	}); err != nil {
		return err
	}
	return d.step("reads the same plan and approves it", func() (string, error) {
		page, err := d.page.Form("Approve").Fill("Comment", "Checked against the insurer's list.").Press(d.ctx)
		if err != nil {
			return "", err
		}
		d.approved = time.Now()
		d.page = page
		return "", nil
	})
}

func (d *demo) run() error {
	d.headline("The operation runs")
	return d.step("until it has ended", func() (string, error) {
		page, err := d.requester.Open(d.ctx, d.stack.PortalURL+"/operations/"+d.operation)
		if err != nil {
			return "", err
		}
		d.page = page
		if err := d.until("Every patient in the plan was changed.", "some could not be changed", "ended before"); err != nil {
			return "", err
		}
		var figures []string
		for _, name := range []string{"Processed", "Changed", "Skipped", "Errors"} {
			n, err := d.page.Find(name + ` ([\d,]+)`)
			if err != nil {
				return "", err
			}
			figures = append(figures, strings.ToLower(name)+" "+n)
		}
		took, err := d.page.Find(`Time taken (.*?) Batches`)
		return fmt.Sprintf("%s; %.1f s after the approval, of which %s running", strings.Join(figures, ", "), time.Since(d.approved).Seconds(), took), err
	})
}

func (d *demo) results() error {
	d.headline("Ana Lindqvist looks at the result")
	return d.step("downloads the outcomes", func() (string, error) {
		file, err := d.page.Follow(d.ctx, "Download all outcomes (CSV)")
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d lines, %d kB", strings.Count(string(file.Content), "\r\n"), len(file.Content)/1000), nil
	})
}

func (d *demo) audit() error {
	if err := d.step("opens the audit record", func() (string, error) {
		page, err := d.page.Follow(d.ctx, "Audit record")
		if err != nil {
			return "", err
		}
		d.page = page
		if err := d.until("Patients affected " + d.patients); err != nil {
			return "", err
		}
		return fmt.Sprintf("complete %.1f s after the approval", time.Since(d.approved).Seconds()), nil
	}); err != nil {
		return err
	}
	for _, line := range []string{`Timestamp (.*?) Operator `, `Operator (.*?) Approver `, `Approver (.*?) Operation type`, `Operation type (.*?) Patients affected`, `Patients affected ([\d,]+)`, `Reason (.*?) Changed records`} {
		value, err := d.page.Find(line)
		if err != nil {
			return err
		}
		fmt.Fprintf(d.out, "            %-18s %s\n", strings.Fields(line)[0], value)
	}
	rows, err := d.page.Rows("Changed records")
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "            first record       %s, old: %s, new: %s\n", rows[1][0], rows[1][2], rows[1][3])
	return nil
}

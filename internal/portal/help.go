package portal

import (
	"bytes"
	"html/template"
	"slices"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// topic is a page of the help; its text is templates/help/<Name>.html.
type topic struct {
	Name, Title, About string
	Words              string // that somebody looking for it may type, besides title and text
}

// topics is the help in the order in which somebody new reads it.
var topics = []topic{
	{"overview", "What bulk operations are for", "When to use them, who may, and where to find them.", "start menu access permission missing overview"},
	{"choose-patients", "Choosing patients", "By filter, from the list, by pasted ids, or with a CSV file.", "select selection filter csv upload paste excel file ids search leave out"},
	{"status-change", "Changing the status of many patients", "Which status may follow which, hold reasons, and what happens to visits.", "transition active hold discharged deceased inactive pending hospitalized closing contract insurance"},
	{"provider-reassignment", "Giving patients another provider", "One provider, several who share the patients, or the facility’s default; limits and future visits.", "reassign distribute round-robin load capacity balance leave leaving specialty doctor"},
	{"facility-transfer", "Moving patients to another facility", "Who their provider is there, what happens to visits, and how much room there is.", "transfer move closing location capacity room unassigned tasks checklist pharmacy notify"},
	{"tags", "Adding and removing tags", "How tags are written, how many fit, and who is left out.", "tag label labels assignment add remove too many"},
	{"insurance-change", "Changing the insurance of many patients", "The new plan, its first day, member ids, and putting patients On Hold.", "plan ended lapse member id effective date coverage payer on hold"},
	{"data-correction", "Correcting patient data from a file", "Which columns the file has, how to clear a value, and what happens to rows with errors.", "csv upload spreadsheet excel name birth date phone mail address emergency contact language clear wrong row column"},
	{"communication", "Writing to those concerned", "Facility and provider notifications, internal alerts, and what happens when a mail does not arrive.", "message mail email notify notification alert send tell inform placeholder bounce refused address"},
	{"visit-scheduling", "Scheduling visits for many patients", "Which times are used, with whom, series of visits, and what if a time is taken.", "schedule book appointment wellness recurring slot calendar hours lunch time off holiday provider auto-assign"},
	{"export", "Exporting patient data", "Types and columns, the encrypted file, its passphrase, and how to open it.", "download excel csv zip password passphrase encrypted 7-zip data export phi minimum necessary report expired deleted"},
	{"plan", "Reading the plan", "Old and new values, side effects, and those who are left out.", "review preview dry run exclusions skipped excluded locked validation"},
	{"approval", "Approval", "Who decides, what an approver looks at, and what if nobody answers.", "manager team lead approve reject pending waiting reminder escalation expired comment schedule start later time zone cancel"},
	{"progress", "Watching and stopping a run", "Progress, errors, stopping, and what the states mean.", "monitor running timeout timing out stop remaining states"},
	{"errors", "When something could not be changed", "Partial completion, complete failure, and how to go on.", "failed skipped partial rerun retry changed since locked csv outcomes troubleshooting"},
	{"undo", "Undoing a change", "How to reverse a change that was made.", "rollback undo reverse opposite"},
	{"audit", "The audit record", "What is recorded of every operation, and where to read it.", "log compliance hipaa timestamp operator approver old new values reason"},
	{"rights", "Roles and rights", "Who may do what, and how administrators change it.", "staff role access facility administrator manager team lead auditor permission disable"},
	{"privacy", "Handling patient data", "What the portal does, and what you should do.", "phi hipaa sign out download privacy security session"},
}

// helpStatus is a row of the table of statuses, made from the one table that
// the plan uses.
type helpStatus struct {
	From registry.Status
	May  map[registry.Status]bool
}

type helpData struct {
	Topics     []topic
	Asked      bool
	Words      string
	Topic      topic
	Statuses   []registry.Status
	Table      []helpStatus
	Reasons    []string
	Kinds      []kind.Kind // that somebody may begin with
	WithValues []kind.Kind // of these, that take values for each patient from a file
	Correction kind.Kind
	States     []bulk.StateText
	Exports    []kind.ExportOf
	Roles      []option
	LeftOut    []helpReason // of a plan
	NotDone    []helpReason // in a run
	Usual      bulk.StopRule

	// What kinds allow.
	MaxTags, TagLength          int
	PlanName                    int // characters in the name of an insurance plan
	LeastCapacity, MostCapacity int // patients a day

	// What the installation is set to.
	MaxSubjects     int
	KeepDays        int    // files of exports
	Idle, Max, Kept string // a session without activity and in any case, and what was typed when it ended
}

// helpReason is why somebody is not changed, and what to do about it.
type helpReason struct{ Title, Remedy string }

func helpReasons[Code ~string](titles, remedies map[Code]string) (reasons []helpReason) {
	for code, title := range titles {
		reasons = append(reasons, helpReason{title, remedies[code]})
	}
	slices.SortFunc(reasons, func(a, b helpReason) int { return strings.Compare(a.Title, b.Title) })
	return reasons
}

// help lists the topics, all of them or those with the words looked for. The
// words come by POST: somebody may type a name.
func help(rq *request) error {
	data := helpData{Topics: topics, Words: strings.TrimSpace(rq.form.Get("words"))}
	if data.Words != "" {
		data.Asked, data.Topics = true, nil
		for _, t := range topics {
			text, err := rq.helpText(t)
			if err != nil {
				return err
			}
			if containsAll(strings.ToLower(t.Title+" "+t.About+" "+t.Words+" "+text), strings.Fields(strings.ToLower(data.Words))) {
				data.Topics = append(data.Topics, t)
			}
		}
	}
	return rq.show(page{name: "help", title: "Help", data: data})
}

func containsAll(text string, words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

// helpText is a topic's text, with its markup.
func (rq *request) helpText(t topic) (string, error) {
	var text bytes.Buffer
	err := rq.pages["topic"].ExecuteTemplate(&text, "help-"+t.Name, rq.topicData(t))
	return text.String(), err
}

func (rq *request) topicData(t topic) helpData {
	data := helpData{Topic: t, Topics: topics, Statuses: registry.Statuses, Reasons: kind.HoldReasons, Correction: kind.DataCorrection, Roles: roleChoices(), Exports: kind.ExportTypes, Usual: bulk.DefaultStopRule,
		LeftOut: helpReasons(bulk.ExclusionTitles, remedies), NotDone: helpReasons(bulk.OutcomeTitles, outcomeRemedies),
		MaxTags: kind.MaxTags, TagLength: kind.MaxTagLength, PlanName: kind.MaxPlanName, LeastCapacity: kind.LeastCapacity, MostCapacity: kind.MostCapacity,
		MaxSubjects: rq.engine.Limits.MaxSubjects, KeepDays: int(rq.engine.Limits.KeepFiles / (24 * time.Hour)),
		Idle: lasting(rq.Idle), Max: lasting(rq.Max), Kept: lasting(formKept)}
	for _, k := range kind.All {
		if !k.Follows {
			data.Kinds = append(data.Kinds, k)
		}
		if !k.Follows && len(k.Columns) > 0 {
			data.WithValues = append(data.WithValues, k)
		}
	}
	for _, from := range registry.Statuses {
		row := helpStatus{From: from, May: map[registry.Status]bool{}}
		for _, to := range kind.Transitions[from] {
			row.May[to] = true
		}
		data.Table = append(data.Table, row)
	}
	for _, s := range []bulk.State{bulk.Planning, bulk.Ready, bulk.AwaitingApproval, bulk.Scheduled, bulk.Running, bulk.Stopping,
		bulk.Completed, bulk.CompletedWithErrors, bulk.Stopped, bulk.FailedState, bulk.Rejected, bulk.Expired, bulk.Cancelled} {
		data.States = append(data.States, bulk.Texts[s])
	}
	return data
}

// helpTopic shows one topic.
func helpTopic(rq *request) error {
	at := slices.IndexFunc(topics, func(t topic) bool { return t.Name == rq.r.PathValue("topic") })
	if at < 0 {
		return fault.New(fault.NotFound, "There is no such topic in the help. All of them are listed under Help.")
	}
	t := topics[at]
	text, err := rq.helpText(t)
	if err != nil {
		return err
	}
	return rq.show(page{name: "topic", title: "Help: " + t.Title, heading: t.Title, crumbs: []crumb{{"Help", "/help"}, {t.Title, ""}},
		data: struct {
			Text   template.HTML // rendered by html/template already
			Topics []topic
			Topic  topic
		}{template.HTML(text), topics, t}})
}

// Command bulkops is for people at a terminal. Import, sample, staff, address,
// and of audit verify, prove and redrive act with the operator's AWS credentials
// on the stack named by BULKOPS_STACK; audit verify-proof needs nothing.
// Everything else goes through the JSON API as the person who signed in, with
// that person's rights.
//
// It ends with 0 when what was asked for is done, 1 when it is not, and 2 when
// the command line cannot be used.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
)

// commands is the command line: one field for each thing that can be asked for.
type commands struct {
	Import  importCommand  `cmd:"" help:"Import FHIR R4 files (NDJSON or bundles) into the registry."`
	Sample  sampleCommand  `cmd:"" help:"Load a made-up clinic with its staff; for the local AWS only."`
	Staff   staffCommands  `cmd:"" help:"Keep the staff directory."`
	Address addressCommand `cmd:"" help:"Keep the e-mail addresses of facilities and providers."`

	SignIn  signInCommand  `cmd:"" help:"Sign in with a browser, for the commands below."`
	SignOut signOutCommand `cmd:"" help:"Forget the sign-in."`

	Request  requestCommands `cmd:"" help:"Ask for an operation; it is planned, and nothing is changed yet."`
	List     listCommand     `cmd:"" help:"List operations."`
	Show     showCommand     `cmd:"" help:"Show an operation with its plan in numbers."`
	Changes  changesCommand  `cmd:"" help:"List what a plan changes, old and new, and whom it leaves out."`
	Submit   submitCommand   `cmd:"" help:"Send a plan for approval."`
	Approve  approveCommand  `cmd:"" help:"Approve an operation."`
	Reject   rejectCommand   `cmd:"" help:"Reject an operation."`
	Reassign reassignCommand `cmd:"" help:"Hand a request for approval to another approver."`
	Away     awayCommand     `cmd:"" help:"Say when you are away and who decides in your place."`
	Stop     stopCommand     `cmd:"" help:"Stop a run after the changes under way."`
	Cancel   cancelCommand   `cmd:"" help:"Take a request back before it runs."`
	Rerun    rerunCommand    `cmd:"" help:"Plan an ended operation again for those whom it did not change."`
	Rollback rollbackCommand `cmd:"" help:"Plan the reverse of an ended operation."`
	Follow   followCommand   `cmd:"" help:"Show the progress of an operation until it ends."`
	Outcomes outcomesCommand `cmd:"" help:"List what became of each patient."`
	Download downloadCommand `cmd:"" help:"Download the file of an export that you asked for."`
	Audit    auditCommands   `cmd:"" help:"Read the audit of an operation; verify that nobody has changed the audit."`
	Tasks    tasksCommand    `cmd:"" help:"List, give and tick what people have to do after a run."`

	Stack string `env:"BULKOPS_STACK" default:"bulkops" help:"CloudFormation stack, for import, sample, staff, address, audit verify, prove and redrive, and sign-in."`
}

// terminal is what a command works with.
type terminal struct {
	ctx    context.Context
	in     io.Reader
	out    io.Writer
	errors io.Writer
	stack  string
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// errUnfinished ends a command with 1 when everything has been said already.
var errUnfinished = errors.New("not done")

// run is the whole program, and returns its exit code.
func run(ctx context.Context, args []string, in io.Reader, out, problems io.Writer) int {
	var line commands
	ended := -1
	parser, err := kong.New(&line, kong.Name("bulkops"), kong.Writers(out, problems),
		kong.Description("Change many patient records at once: plan, approval by a second person, audit. "+
			"Ends with 0 when done, 1 when not, 2 when the command line cannot be used."),
		kong.Vars{"stop_percent": fmt.Sprint(bulk.DefaultStopRule.Percent), "stop_after": fmt.Sprint(bulk.DefaultStopRule.After)},
		kong.Exit(func(code int) { ended = code }))
	if err != nil {
		panic(err) // the commands above cannot be a command line
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	if args[0] == "help" {
		args = append(args[1:], "--help")
	}
	chosen, err := parser.Parse(args)
	if ended >= 0 {
		return ended // --help
	}
	if err != nil {
		fmt.Fprintf(problems, "bulkops: %s\n", misuse(err))
		return 2
	}
	err = chosen.Run(&terminal{ctx: ctx, in: in, out: out, errors: problems, stack: line.Stack})
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUnfinished):
	case ctx.Err() != nil:
		fmt.Fprintln(problems, "bulkops: interrupted")
	default:
		fmt.Fprintln(problems, "bulkops: "+sentence(err))
	}
	return 1
}

// misuse is what the operator reads of a command line that cannot be used: what
// is wrong, and which help says more.
func misuse(err error) string {
	wrong := (*kong.ParseError)(nil)
	if !errors.As(err, &wrong) {
		return visible(err.Error())
	}
	if at := wrong.Context.Selected(); at != nil {
		return visible(err.Error()) + "\n" + at.FullPath() + " --help says what it takes."
	}
	what := visible(err.Error())
	if name, none := strings.CutPrefix(what, "unexpected argument "); none {
		what = "there is no command " + name
	}
	return what + "\nbulkops --help lists the commands."
}

// sentence is what the operator reads of an error: a fault's sentence with its
// cause, since who runs this command is who has to repair it.
func sentence(err error) string {
	if f := (*fault.Error)(nil); errors.As(err, &f) && f.Code != fault.Internal {
		if f.Cause != nil {
			return visible(f.Sentence + " (" + f.Cause.Error() + ")")
		}
		return visible(f.Sentence)
	}
	return visible(err.Error())
}

// say writes a line for the person.
func (t *terminal) say(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

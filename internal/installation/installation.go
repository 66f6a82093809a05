// Package installation is what a function finds around it: the clients of one
// installation's tables, state machine and mail, named by environment variables
// that template.yaml sets. Each main.go takes from it what its function may use.
package installation

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"bulkops/internal/bucket"
	"bulkops/internal/bulk"
	"bulkops/internal/config"
	"bulkops/internal/dynamo"
	"bulkops/internal/engine"
	"bulkops/internal/kms"
	"bulkops/internal/s3"
	"bulkops/internal/ses"
	"bulkops/internal/signing"
	"bulkops/internal/stepfunctions"
)

// Installation reads variables when they are asked for; Check, once, after all
// of them, says which are missing.
type Installation struct {
	config.Reader
	Log *slog.Logger // with the id of the request; JSON where the function's log format is JSON

	aws      aws.Config
	database *dynamo.Client
}

// Open loads the AWS configuration of the process.
func Open() *Installation {
	log := slog.New(lambdacontext.NewLogHandler())
	cfg, err := awsconfig.LoadDefaultConfig(context.Background())
	if err != nil {
		end(log, fmt.Errorf("load the AWS configuration: %w", err))
	}
	return &Installation{Log: log, aws: cfg, database: dynamo.NewClient(cfg)}
}

// Check ends the process when a variable was missing or wrong.
func (in *Installation) Check() {
	if err := in.Err(); err != nil {
		end(in.Log, err)
	}
}

// Need ends the process when err is not nil.
func (in *Installation) Need(err error) {
	if err != nil {
		end(in.Log, err)
	}
}

func end(log *slog.Logger, err error) {
	log.Error("the function cannot start", "error", err.Error())
	os.Exit(1)
}

// Engine returns an engine without ports: the caller adds those that its
// function may use.
func (in *Installation) Engine() *engine.Engine {
	return &engine.Engine{
		Now:    func() time.Time { return time.Now().UTC() },
		Pause:  engine.Pause,
		NewID:  bulk.NewID,
		Secret: rand.Text,
		Log:    engine.LogWith(in.Log),
		Limits: engine.DefaultLimits,
	}
}

// Registry returns the registry of patients, to read.
func (in *Installation) Registry() *dynamo.Registry {
	return dynamo.NewRegistry(in.database, in.Text("REGISTRY_TABLE"))
}

// Operations returns the operations, for a function that never changes a patient.
func (in *Installation) Operations() *dynamo.Operations {
	return dynamo.NewOperations(in.database, in.Text("OPERATIONS_TABLE"), "")
}

// Runs returns the operations, for the function that changes patients.
func (in *Installation) Runs() *dynamo.Operations {
	return dynamo.NewOperations(in.database, in.Text("OPERATIONS_TABLE"), in.Text("REGISTRY_TABLE"))
}

// Staff returns the staff directory.
func (in *Installation) Staff() *dynamo.Staff {
	return dynamo.NewStaff(in.database, in.Text("ACCESS_TABLE"))
}

// Access returns what the portal keeps about people for a time.
func (in *Installation) Access() *dynamo.Access {
	return dynamo.NewAccess(in.database, in.Text("ACCESS_TABLE"))
}

// Audit returns the audit log.
func (in *Installation) Audit() *dynamo.Audit {
	return dynamo.NewAudit(in.database, in.Text("AUDIT_TABLE"))
}

// Bucket returns the bucket that a variable names.
func (in *Installation) Bucket(variable string) *bucket.Bucket {
	return bucket.New(in.aws, in.Text(variable))
}

// Key returns the signing key that a variable names.
func (in *Installation) Key(variable string) *signing.Key {
	return signing.New(in.aws, in.Text(variable))
}

// Machine returns the state machine, for a function that starts it or looks at it.
func (in *Installation) Machine() *stepfunctions.Machine {
	return stepfunctions.New(in.aws, in.Text("STATE_MACHINE_ARN"))
}

// Answers returns the state machine for a function that only answers its waits.
// A step of the machine cannot be told the machine's name: each would need the
// other to be there first.
func (in *Installation) Answers() *stepfunctions.Machine { return stepfunctions.New(in.aws, "") }

// Files returns the files of exports.
func (in *Installation) Files() *s3.Files { return s3.New(in.aws, in.Text("EXPORTS_BUCKET")) }

// Sealer returns what seals the passphrases of exports.
func (in *Installation) Sealer() *kms.Sealer { return kms.New(in.aws, in.Text("SEALED_BY")) }

// KeepFiles returns how long the files of exports are kept.
func (in *Installation) KeepFiles() time.Duration {
	return time.Duration(in.Number("KEEP_EXPORT_DAYS")) * 24 * time.Hour
}

// Mail gives the engine its mailer and the portal's address, for the links in mails.
func (in *Installation) Mail(e *engine.Engine) {
	e.Mailer, e.PortalURL = ses.New(in.aws, in.Text("MAIL_FROM")), in.Text("PORTAL_URL")
}

// Limits returns the settings of the installation.
func (in *Installation) Limits() engine.Limits {
	l := in.Waits()
	l.MaxSubjects = in.Number("MAX_SUBJECTS")
	return l
}

// Waits returns the settings that say how long things wait, for a function that
// takes no new operations.
func (in *Installation) Waits() engine.Limits {
	return engine.Limits{
		RemindAfter:   in.Duration("REMIND_AFTER"),
		EscalateAfter: in.Duration("ESCALATE_AFTER"),
		ExpireAfter:   in.Duration("EXPIRE_AFTER"),
		ReviewExpires: in.Duration("REVIEW_EXPIRE_AFTER"),
		KeepFiles:     in.KeepFiles(),
	}
}

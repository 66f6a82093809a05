package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"bulkops/local/tools"
)

// The servers of a stack. Their names are the names of their logs in the state folder.
const (
	gatewayName  = "gateway"
	mailboxName  = "mailbox"
	dynamoDBName = "dynamodb-local"
)

// StartMiniStack starts the local AWS on a port of this machine, with the mail it sends going to
// smtpPort. It enforces IAM policies, also for the functions' own roles.
func StartMiniStack(ctx context.Context, root, dir string, port, smtpPort int, detach bool) error {
	server := process{gatewayName, dir}
	temporary, err := temporaryFolder(dir)
	if err != nil {
		return err
	}
	// Functions inherit this environment, so it holds nothing of the machine's user.
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + dir,
		"TMPDIR=" + temporary,
		"LANG=C.UTF-8",
		"AUTH=true",
		"BIND_HOST=127.0.0.1",
		"IOT_MTLS_ENABLED=0",
		"GATEWAY_PORT=" + strconv.Itoa(port),
		"AWS_ENDPOINT_URL=" + gatewayURL(port),
		"SMTP_HOST=127.0.0.1:" + strconv.Itoa(smtpPort),
	}
	if err := server.start(detach, env, filepath.Join(tools.Python.Dir(root), "bin", "ministack")); err != nil {
		return err
	}
	return server.await(ctx, func(ctx context.Context) bool {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, gatewayURL(port)+"/_ministack/ready", nil)
		if err != nil {
			return false
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// temporaryFolder is where a stack's servers keep unpacked functions and mails, apart from those of
// other stacks.
func temporaryFolder(dir string) (string, error) {
	temporary := filepath.Join(dir, "tmp")
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return "", fmt.Errorf("make the folder for temporary files: %w", err)
	}
	return temporary, nil
}

// gatewayURL names the machine by its number: the SDK then asks for a bucket by path, where it
// would put the bucket's name in front of a host name that nothing resolves.
func gatewayURL(port int) string { return "http://" + loopback(port) }

// StartMailbox starts a mail server that keeps every mail and shows it on a web page. Its
// /api/email lists them as JSON.
func StartMailbox(ctx context.Context, root, dir string, webPort, smtpPort int, detach bool) error {
	server := process{mailboxName, dir}
	script := filepath.Join(tools.Node.Dir(root), "node_modules", ".bin", "maildev")
	temporary, err := temporaryFolder(dir)
	if err != nil {
		return err
	}
	err = server.start(detach, environment("TMPDIR="+temporary), "node", script,
		"--ip", "127.0.0.1", "--smtp", strconv.Itoa(smtpPort), "--web-ip", "127.0.0.1", "--web", strconv.Itoa(webPort))
	if err != nil {
		return err
	}
	return server.await(ctx, func(ctx context.Context) bool { return answers(ctx, webPort) && answers(ctx, smtpPort) })
}

// StartDynamoDBLocal starts Amazon's DynamoDB for one machine on a free port, installs it first if
// it is missing, and returns its address. It refuses what AWS refuses and counts capacity as AWS
// does; it knows no access rights. It ends with stop, or with this process.
func StartDynamoDBLocal(ctx context.Context) (url string, stop func() error, err error) {
	root, err := Root()
	if err != nil {
		return "", nil, err
	}
	if err := tools.Ensure(ctx, root, os.Stderr, tools.DynamoDBLocal); err != nil {
		return "", nil, err
	}
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "bulkops-dynamodb-")
	if err != nil {
		return "", nil, fmt.Errorf("make the state folder of DynamoDB Local: %w", err)
	}
	server := process{dynamoDBName, dir}
	stop = func() error {
		if err := server.stop(); err != nil {
			return err
		}
		return os.RemoveAll(dir)
	}
	jars := tools.DynamoDBLocal.Dir(root)
	err = server.start(false, environment(), "java", "-Djava.library.path="+jars, "-cp", filepath.Join(jars, "*"),
		"software.amazon.dynamodb.services.local.main.ServerRunner", "-inMemory", "-disableTelemetry", "-port", strconv.Itoa(port))
	if err == nil {
		err = server.await(ctx, func(ctx context.Context) bool { return answers(ctx, port) })
	}
	if err != nil {
		return "", nil, errors.Join(err, stop())
	}
	return gatewayURL(port), stop, nil
}

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"helios": main})
}

// patience bounds every wait of a test, on a busy machine too.
const patience = time.Minute

// TestScripts runs testdata/*.txtar: each is what a person would type, with
// these commands beside testscript's own:
//
//	background NAME REGEXP COMMAND...
//	    starts a process, waits for a line of its output and sets $NAME to the
//	    first group
//	await NAME REGEXP      waits for further output of it; $MATCH is the group
//	shown NAME REGEXP      waits for output of it, which may have come before
//	interrupt NAME CODE    ends it, and expects an exit code
//	terminate NAME         kills it
//	handler NAME STATUS    starts a webhook handler at $NAME that answers so
//	received NAME FILE     writes the last body that it got to FILE
//	code CODE COMMAND...   expects an exit code
//	eventually COMMAND...  runs it until it succeeds
//	setfile VARIABLE FILE  sets a variable to what a file holds
//	[tool:NAME]            whether a program is installed
//	[postgres]             whether a server answers
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:       "testdata",
		Setup:     setup,
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"background": background, "await": await, "shown": shown, "interrupt": interrupt, "terminate": terminate,
			"handler": handler, "received": received, "code": code, "setfile": setFile,
			"eventually": eventually,
		},
	})
}

// condition is one that a line of a script begins with. Where CI is true all of
// them have to hold.
func condition(text string) (bool, error) {
	var err error
	if name, ok := strings.CutPrefix(text, "tool:"); ok {
		_, err = exec.LookPath(name)
	} else if text == "postgres" {
		err = pingPostgres()
	} else {
		return false, fmt.Errorf("no condition %q", text)
	}

	if err != nil && os.Getenv("CI") == "true" {
		return false, err
	}
	return err == nil, nil
}

func postgresURL() string {
	return cmp.Or(os.Getenv("HELIOS_TEST_DATABASE_URL"), "postgres://postgres@127.0.0.1:5432/test")
}

func pingPostgres() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, postgresURL())
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// dropSchema removes what a script has made. Without a server there is nothing.
func dropSchema(schema string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, postgresURL())
	if err != nil {
		return
	}
	defer conn.Close(ctx)
	_, _ = conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
}

type valuesKey struct{}

// values are what a script has started.
type values struct {
	processes map[string]*process
	handlers  map[string]*recorder
}

func setup(env *testscript.Env) error {
	env.Values[valuesKey{}] = &values{map[string]*process{}, map[string]*recorder{}}
	for _, name := range []string{"HELIOS_API_KEY", "HELIOS_WEBHOOK_SECRET", "HELIOS_BASE_URL", "HELIOS_WEBHOOK_URL"} {
		env.Setenv(name, "")
	}
	env.Setenv("TERM", "dumb")

	schema := "helios_cli_" + randomHex(6)
	env.Setenv("DATABASE", postgresURL())
	env.Setenv("SCHEMA", schema)
	if strings.HasSuffix(env.WorkDir, "script-postgres") {
		env.Defer(func() { dropSchema(schema) })
	}

	// For tests of a port that is in use.
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	env.Defer(func() { _ = socket.Close() })
	env.Setenv("USED", socket.Addr().String())
	return nil
}

func valuesOf(ts *testscript.TestScript) *values { return ts.Value(valuesKey{}).(*values) }

// process is a command that runs beside the script.
type process struct {
	cmd  *exec.Cmd
	out  *transcript
	done chan struct{}
	from int // what await has seen already
}

// transcript is all output of a process.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.Write(p)
	close(t.changed)
	t.changed = make(chan struct{})
	return len(p), nil
}

func (t *transcript) since(from int) (string, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text.Bytes()[from:]), t.changed
}

func (p *process) start() error {
	p.out = &transcript{changed: make(chan struct{})}
	p.done = make(chan struct{})
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
	}()
	return nil
}

// await returns the groups of the next line that matches.
func (p *process) await(pattern string) ([]string, error) {
	expr, err := regexp.Compile("(?m)" + pattern)
	if err != nil {
		return nil, err
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()

	for ended := false; ; {
		text, changed := p.out.since(p.from)
		if found := expr.FindStringSubmatchIndex(text); found != nil {
			p.from += found[1]
			return expr.FindStringSubmatch(text), nil
		}
		if ended {
			return nil, fmt.Errorf("the process has ended without %q:\n%s", pattern, text)
		}
		select {
		case <-changed:
		case <-p.done:
			ended = true // its last output may have come meanwhile
		case <-timeout.C:
			return nil, fmt.Errorf("no output %q:\n%s", pattern, text)
		}
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

func background(ts *testscript.TestScript, _ bool, args []string) {
	path, err := exec.LookPath(args[2])
	ts.Check(err)
	p := &process{cmd: exec.Command(path, args[3:]...)}
	p.cmd.Dir = ts.MkAbs(".")
	p.cmd.Env = []string{"HOME=/nowhere", "PATH=" + ts.Getenv("PATH")}
	for _, name := range []string{
		"HELIOS_API_KEY", "HELIOS_WEBHOOK_SECRET", "HELIOS_BASE_URL", "HELIOS_WEBHOOK_URL", "HELIOS_DB",
		"GOCOVERDIR", "TMPDIR", "SystemRoot",
	} {
		if value := ts.Getenv(name); value != "" {
			p.cmd.Env = append(p.cmd.Env, name+"="+value)
		}
	}
	ts.Check(p.start())
	ts.Defer(p.kill)

	groups, err := p.await(args[1])
	ts.Check(err)
	if len(groups) > 1 {
		ts.Setenv(args[0], groups[1])
	}
	valuesOf(ts).processes[args[0]] = p
}

func await(ts *testscript.TestScript, _ bool, args []string) {
	groups, err := valuesOf(ts).processes[args[0]].await(args[1])
	ts.Check(err)
	if len(groups) > 1 {
		ts.Setenv("MATCH", groups[1])
	}
}

// shown is for what comes in no certain order.
func shown(ts *testscript.TestScript, _ bool, args []string) {
	p := *valuesOf(ts).processes[args[0]]
	p.from = 0
	_, err := p.await(args[1])
	ts.Check(err)
}

func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	p := valuesOf(ts).processes[args[0]]
	ts.Check(p.cmd.Process.Signal(syscall.SIGINT))
	<-p.done
	if got := p.cmd.ProcessState.ExitCode(); strconv.Itoa(got) != args[1] {
		text, _ := p.out.since(0)
		ts.Fatalf("%s ended with %d, not %s:\n%s", args[0], got, args[1], text)
	}
}

func terminate(ts *testscript.TestScript, _ bool, args []string) {
	valuesOf(ts).processes[args[0]].kill()
}

func code(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		got = failed.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, not %s", got, args[0])
	}
}

// eventually is for what another process has begun.
func eventually(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(patience); ; {
		err := ts.Exec(args[0], args[1:]...)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%v", err)
		}
	}
}

func setFile(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], string(bytes.TrimSpace([]byte(ts.ReadFile(args[1])))))
}

// recorder is a webhook handler that keeps what came last.
type recorder struct {
	status int
	mu     sync.Mutex
	body   []byte
	header http.Header
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.body, r.header = body, req.Header
	r.mu.Unlock()
	w.WriteHeader(r.status)
	_, _ = fmt.Fprintln(w, "answered by the handler")
}

func handler(ts *testscript.TestScript, _ bool, args []string) {
	status, err := strconv.Atoi(args[1])
	ts.Check(err)
	r := &recorder{status: status}
	server := httptest.NewServer(r)
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
	valuesOf(ts).handlers[args[0]] = r
}

func received(ts *testscript.TestScript, _ bool, args []string) {
	r := valuesOf(ts).handlers[args[0]]
	r.mu.Lock()
	defer r.mu.Unlock()
	ts.Check(os.WriteFile(filepath.Clean(ts.MkAbs(args[1])), r.body, 0o600))
	var header bytes.Buffer
	ts.Check(r.header.Write(&header))
	ts.Check(os.WriteFile(ts.MkAbs(args[1])+".header", header.Bytes(), 0o600))
}

//go:build unix

package durable

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	command "os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// cluster is a PostgreSQL of the test's own, to be killed.
type cluster struct {
	t    *testing.T
	bin  string
	dir  string
	port int
	as   *syscall.SysProcAttr

	server *command.Cmd
	log    *bytes.Buffer // to be read when it has ended
	ended  chan struct{}
}

// newCluster makes the files of one. Where PostgreSQL is not installed the test
// is skipped, but fails where CI=true.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, bin: binaries(), port: freePort(t), as: &syscall.SysProcAttr{}}
	if c.bin == "" {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI needs PostgreSQL's initdb and postgres")
		t.Skip("no initdb in the PATH or in /usr/lib/postgresql")
	}
	var err error
	c.dir, err = os.MkdirTemp("", "helios-postgres-") // not t.TempDir, which another user need not be able to enter
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(c.dir)) })
	if os.Geteuid() == 0 { // as whom PostgreSQL refuses to run
		u, err := user.Lookup("postgres")
		require.NoError(t, err)
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		require.NoError(t, err)
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		require.NoError(t, err)
		c.as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		require.NoError(t, os.Chown(c.dir, int(uid), int(gid)))
	}
	initdb := c.command("initdb", "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
		"--no-sync")
	output, err := initdb.CombinedOutput()
	require.NoError(t, err, "%s", output)
	t.Cleanup(c.kill)
	return c
}

func (c *cluster) command(name string, args ...string) *command.Cmd {
	cmd := command.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = c.dir, c.as
	return cmd
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *cluster) url() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", c.port)
}

// binaries returns the directory of PostgreSQL's programs, "" if there is none.
func binaries() string {
	if path, err := command.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1])
}

// freePort is below those that systems give to outgoing connections, so that
// none has it when PostgreSQL comes back.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(10000)
		if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			require.NoError(t, listener.Close())
			return port
		}
	}
	require.FailNow(t, "no free port")
	return 0
}

// start starts PostgreSQL with these arguments too, and returns when it
// answers.
func (c *cluster) start(more ...string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*patience)
	defer cancel()
	for {
		c.server = c.command("postgres", append([]string{
			"-D", c.data(), "-k", c.dir, "-p", strconv.Itoa(c.port),
			"-c", "listen_addresses=127.0.0.1", "-c", "fsync=on",
		}, more...)...)
		c.log, c.ended = &bytes.Buffer{}, make(chan struct{})
		c.server.Stdout, c.server.Stderr = c.log, c.log
		require.NoError(c.t, c.server.Start())
		go func() {
			_ = c.server.Wait()
			close(c.ended)
		}()
		if c.answers(ctx) {
			return
		}
		// It does not start while one of the last one's processes is still
		// there.
		<-c.ended
		require.True(c.t, wait(ctx, 10*tick), "PostgreSQL does not start: %s", c.log)
	}
}

// answers waits until PostgreSQL answers. It returns false if it ends before.
func (c *cluster) answers(ctx context.Context) bool {
	for {
		conn, err := pgx.Connect(ctx, c.url())
		if err == nil {
			require.NoError(c.t, conn.Close(ctx))
			return true
		}
		require.NoError(c.t, ctx.Err(), "PostgreSQL does not answer: %v", err)
		select {
		case <-c.ended:
			return false
		case <-time.After(4 * tick):
		}
	}
}

// kill kills the server and all its processes, each of which is in a process
// group of its own.
func (c *cluster) kill() {
	if c.server == nil {
		return
	}
	c.t.Helper()
	postmaster := c.server.Process.Pid
	require.NoError(c.t, syscall.Kill(postmaster, syscall.SIGSTOP)) // so that it starts no more
	output, err := command.Command("ps", "-A", "-o", "pid=", "-o", "ppid=").Output()
	require.NoError(c.t, err)
	victims := []int{postmaster}
	for line := range strings.Lines(string(output)) {
		var pid, parent int
		if _, err := fmt.Sscan(line, &pid, &parent); err == nil && parent == postmaster {
			victims = append(victims, pid)
		}
	}
	for _, pid := range victims {
		_ = syscall.Kill(pid, syscall.SIGKILL) // one that has just ended is as good
	}
	<-c.ended
	c.server = nil
}

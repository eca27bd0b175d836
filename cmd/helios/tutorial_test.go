package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// block is a code block of the tutorial with the comment before it, which says
// what the test does with it:
//
//	run: NAME   starts it, and waits until it is ready
//	do          runs its lines, which have to succeed
//	until: WORD waits until the store has handled the result, and expects WORD
//	env         sets the environment
//	file: NAME  writes it to a file
type block struct{ what, name, text string }

var blockPattern = regexp.MustCompile("(?ms)^<!-- (run|do|until|env|file)(?:: (\\S+))? -->\n```\\w+\n(.*?)^```$")

// ready is the line by which a process of the tutorial shows that it is there.
var ready = map[string]string{
	"emulator": "Emulated Helios at", "handler": "handler listens", "store": "Listening for webhooks at",
}

// tutorial runs the page in a directory of its own.
type tutorial struct {
	t     *testing.T
	dir   string
	env   []string
	ports *strings.Replacer
	ran   map[string]*process
}

func TestTutorial(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"node", "curl", "sh"} {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	page, err := os.ReadFile("../../docs/tutorial.md")
	require.NoError(t, err)

	var pairs []string
	for _, port := range []string{"8080", "8081", "8088", "8090"} {
		pairs = append(pairs, "localhost:"+port, "localhost:"+freePort(t), "listen("+port, "listen("+freePort(t))
	}
	pairs[3] = "listen(" + strings.TrimPrefix(pairs[1], "localhost:") // the handler's
	w := &tutorial{t: t, dir: t.TempDir(), ports: strings.NewReplacer(pairs...), ran: map[string]*process{}}
	w.env = append(os.Environ(), "HELIOS_API_KEY=", "HELIOS_WEBHOOK_SECRET=", "HELIOS_BASE_URL=", "HELIOS_WEBHOOK_URL=")

	blocks := blockPattern.FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(blocks), 10)
	for _, b := range blocks {
		w.play(block{b[1], b[2], w.ports.Replace(b[3])})
	}

	event, err := os.ReadFile(filepath.Join(w.dir, "event.json"))
	require.NoError(t, err, "the handler has kept no event")
	assert.Contains(t, string(event), `"status":"completed"`)
	results, err := filepath.Glob(filepath.Join(w.dir, "helios-results", "*.json"))
	require.NoError(t, err)
	assert.Len(t, results, 2)
	for _, page := range []string{"report.html", "clinician.txt", "bundle.json"} {
		assert.FileExists(t, filepath.Join(w.dir, page))
	}
	assert.FileExists(t, filepath.Join(w.dir, "o-17.json"))
	assert.Contains(t, w.inBrowser("o-17.html"), "Creatinine")
}

// inBrowser returns what a browser makes of a page. Without one it is read.
func (w *tutorial) inBrowser(name string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	browser, err := exec.LookPath("chromium")
	if err != nil {
		require.NotEqual(w.t, "true", os.Getenv("CI"), "no chromium is here")
		text, err := os.ReadFile(path)
		require.NoError(w.t, err)
		return string(text)
	}

	cmd := exec.Command(browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+w.t.TempDir(),
		"--dump-dom", "file://"+path)
	out, err := cmd.Output()
	require.NoError(w.t, err)
	return string(out)
}

// freePort returns a port that nothing listens at.
func freePort(t *testing.T) string {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer socket.Close()
	_, port, err := net.SplitHostPort(socket.Addr().String())
	require.NoError(t, err)
	return port
}

func (w *tutorial) play(b block) {
	w.t.Helper()
	switch b.what {
	case "env":
		for _, line := range lines(b.text) {
			w.env = append(w.env, strings.TrimPrefix(line, "export "))
		}
	case "file":
		require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, b.name), []byte(b.text), 0o600))
	case "run":
		w.start(b)
	case "until":
		_, err := w.ran["store"].await("completed, number")
		require.NoError(w.t, err)
		out, err := w.shell(b.text)
		require.NoError(w.t, err, out)
		assert.Contains(w.t, out, b.name)
	default:
		for _, line := range lines(b.text) {
			out, err := w.shell(w.listening(line))
			require.NoError(w.t, err, "%s\n%s", line, out)
		}
		w.handled(b)
	}
}

// handled waits until the handler has what a block sent to it.
func (w *tutorial) handled(b block) {
	w.t.Helper()
	if strings.Contains(b.text, "submit labs.json --yes --webhook-url") {
		_, err := w.ran["handler"].await("completed 9")
		require.NoError(w.t, err)
	}
}

// listening adds the addresses that a command uses by default.
func (w *tutorial) listening(line string) string {
	switch {
	case strings.Contains(line, "submit") && strings.Contains(line, "--wait"):
		line += " --addr localhost:8081"
	case strings.HasPrefix(line, "helios store serve"):
		line += " --addr localhost:8090 --webhook-addr localhost:8081"
	}
	return w.ports.Replace(line)
}

func (w *tutorial) start(b block) {
	w.t.Helper()
	line := w.listening(lines(b.text)[0])
	if b.name == "emulator" {
		line += " --speed 2000" // a run takes a fifth of a second
	}
	p := &process{cmd: exec.Command("sh", "-c", "exec "+line)}
	p.cmd.Dir, p.cmd.Env = w.dir, w.env
	require.NoError(w.t, p.start())
	w.t.Cleanup(p.kill)
	w.ran[b.name] = p

	_, err := p.await(ready[b.name])
	require.NoError(w.t, err)
}

func (w *tutorial) shell(text string) (string, error) {
	cmd := exec.Command("sh", "-ec", text)
	cmd.Dir, cmd.Env = w.dir, w.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func lines(text string) []string {
	var list []string
	for line := range bytes.Lines([]byte(text)) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			list = append(list, string(line))
		}
	}
	return list
}

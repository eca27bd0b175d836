package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/cmd/helios/internal/emulator"
)

// screen runs a line of a shell in a terminal of tmux that is columns wide,
// types something, and returns what is shown then. Lines that the terminal had
// to break are one.
func screen(t *testing.T, columns int, typed, line string) string {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI needs tmux")
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("", "tmux") // short: the name of a socket must be
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "labs.json"),
		[]byte(`[{"name": "Sodium", "value": "140 mmol/L"}]`), 0o600))

	tmux := func(args ...string) string {
		cmd := exec.Command("tmux", append([]string{"-f", "/dev/null", "-S", filepath.Join(dir, "s")}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "SHELL=/bin/sh", "TERM=screen", "NO_COLOR=", "HELIOS_API_KEY=sk_live_1",
			"HELIOS_WEBHOOK_SECRET=whsec_1", "HELIOS_BASE_URL=http://127.0.0.1:1", "HELIOS_WEBHOOK_URL=")
		text, err := cmd.CombinedOutput()
		require.NoError(t, err, "tmux %v: %s", args, text)
		return string(text)
	}
	tmux("new-session", "-d", "-x", fmt.Sprint(columns), "-y", "200",
		"("+line+"); tmux wait-for -S shown; exec cat")
	t.Cleanup(func() { tmux("kill-server") })
	if typed != "" {
		tmux("send-keys", typed, "Enter")
	}
	tmux("wait-for", "shown")
	return tmux("capture-pane", "-p", "-J", "-e")
}

// TestTerminal: text is wrapped between words, at the width of the terminal.
func TestTerminal(t *testing.T) {
	t.Parallel()
	for _, width := range []int{40, 120} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()

			coloured := screen(t, width, "", "helios doctor")
			assert.Contains(t, coloured, "\x1b[31mNO\x1b[39m  API:              127.0.0.1:1 does")
			plain := screen(t, width, "", "helios submit --help; NO_COLOR=1 helios doctor")
			assert.NotContains(t, plain, "\x1b[")
			for line := range strings.Lines(plain) {
				assert.LessOrEqual(t, columns(strings.TrimRight(line, " \n")), width, "%q", line)
			}

			asked := screen(t, width, "n", "helios submit labs.json --wait --addr localhost:0; echo code $?")
			assert.Contains(t, asked, "Send it? [y/N]")
			assert.Contains(t, asked, "nothing was done")
			assert.Contains(t, asked, "code 1")
		})
	}
}

// TestAnnounce_narrow: an export that was wrapped would be two commands.
func TestAnnounce_narrow(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	a := &app{out: newOutput(&text, &text, func(string) (string, bool) { return "", false })}
	a.out.terminal, a.out.width = true, 20
	emulated, err := emulator.New(t.Context(), emulator.Config{Addr: "localhost:0", Slots: 1, StepInterval: 1})
	require.NoError(t, err)
	defer emulated.Close()

	require.NoError(t, a.announce(emulated, emulateFlags{}))
	assert.Contains(t, text.String(), "\nexport HELIOS_BASE_URL="+emulated.URL+"\n")
	assert.Contains(t, text.String(), "\nexport HELIOS_WEBHOOK_SECRET="+emulated.WebhookSecret+"\n")
}

package emulator

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heliosai/helios-go/heliostest"
)

// Fault is a fault of heliostest with how often it strikes.
type Fault struct {
	text        string
	probability float64
	inject      heliostest.Fault
}

// String is the fault without its probability: "status:503".
func (f Fault) String() string { return f.text }

// kind is one row of the table of faults: its name, what stands behind a colon
// after it, and what it does. argument is "" where there is none, and is in
// brackets where it may be left out.
type kind struct {
	name, argument, text string
	make                 func(argument string) (heliostest.Fault, error)
}

var kinds = []kind{
	{"drop-answer", "", "accept the run, then close the connection without an answer", plain(heliostest.DropAnswer)},
	{"half-answer", "", "accept the run, then send half of the answer", plain(heliostest.HalfAnswer)},
	{"reset", "", "reset the connection; nothing is accepted", plain(heliostest.Reset)},
	{"status", "CODE", "answer with this status; nothing is accepted", newStatus},
	{"redirect", "CODE", "redirect elsewhere; nothing is accepted", newRedirect},
	{"delay", "TIME", "wait before anything else", duration(heliostest.Delay)},
	{"fail-run", "", "the run ends with an error event", newFailRun},
	{"duplicate", "", "every webhook is delivered twice", plain(heliostest.DuplicateWebhooks)},
	{"reorder", "", "status updates are delivered out of order", plain(heliostest.ReorderWebhooks)},
	{"lose-updates", "", "no status update is delivered", plain(heliostest.LoseWebhooks)},
	{"lose-final", "", "the final event is never delivered", plain(heliostest.LoseFinalWebhook)},
	{"wrong-signature", "", "webhooks are signed with another secret", plain(heliostest.WrongSignature)},
	{"late", "TIME", "webhooks have a timestamp that is this old", duration(heliostest.LateWebhooks)},
}

// Kinds is a table of the faults for a help text.
func Kinds() string {
	var b strings.Builder
	for _, k := range kinds {
		name := k.name
		if k.argument != "" {
			name += ":" + k.argument
		}
		fmt.Fprintf(&b, "  %-16s %s\n", name, k.text)
	}
	return b.String()
}

// ParseFault parses "drop-answer=0.1" or "status:503". Without a probability
// the fault strikes every time.
func ParseFault(text string) (Fault, error) {
	spec, chance, given := strings.Cut(strings.TrimSpace(text), "=")
	probability := 1.0
	if given {
		p, err := strconv.ParseFloat(chance, 64)
		if err != nil || !(p >= 0 && p <= 1) {
			return Fault{}, fmt.Errorf("fault %q: the probability must be from 0 to 1, such as drop-answer=0.1", text)
		}
		probability = p
	}

	name, argument, _ := strings.Cut(spec, ":")
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return Fault{}, fmt.Errorf("there is no fault %q: there are %s", name, names())
	}
	switch {
	case kinds[i].argument == "" && argument != "":
		return Fault{}, fmt.Errorf("fault %q: %s takes no value after a colon", text, name)
	case kinds[i].argument != "" && argument == "":
		return Fault{}, fmt.Errorf("fault %q: write %s:%s", text, name, kinds[i].argument)
	}
	inject, err := kinds[i].make(argument)
	if err != nil {
		return Fault{}, fmt.Errorf("fault %q: %w", text, err)
	}
	return Fault{spec, probability, inject}, nil
}

func names() string {
	list := make([]string, len(kinds))
	for i, k := range kinds {
		list[i] = k.name
	}
	return strings.Join(list, ", ")
}

// draw returns those of the faults that strike this time.
func draw(faults []Fault) []Fault {
	var drawn []Fault
	for _, f := range faults {
		if rand.Float64() < f.probability { //nolint:gosec // a fault is no secret
			drawn = append(drawn, f)
		}
	}
	return drawn
}

func plain(fault func() heliostest.Fault) func(string) (heliostest.Fault, error) {
	return func(string) (heliostest.Fault, error) { return fault(), nil }
}

func duration(fault func(time.Duration) heliostest.Fault) func(string) (heliostest.Fault, error) {
	return func(argument string) (heliostest.Fault, error) {
		d, err := time.ParseDuration(argument)
		if err != nil || d < 0 {
			return nil, fmt.Errorf("%q is not a time such as 2s or 10m", argument)
		}
		return fault(d), nil
	}
}

func newStatus(argument string) (heliostest.Fault, error) {
	code, err := strconv.Atoi(argument)
	if err != nil || code < 200 || code > 599 {
		return nil, fmt.Errorf("%q is not a status from 200 to 599", argument)
	}
	return heliostest.Status(code), nil
}

func newRedirect(argument string) (heliostest.Fault, error) {
	code, err := strconv.Atoi(argument)
	if err != nil || code < 300 || code > 399 {
		return nil, fmt.Errorf("%q is not a status from 300 to 399", argument)
	}
	return heliostest.Redirect(code, "https://redirected.invalid/"), nil
}

func newFailRun(string) (heliostest.Fault, error) {
	return heliostest.FailRun("the emulator was told to fail this run"), nil
}

// statusText is that of an answer on the control page.
func statusText(code int) string {
	if code == 0 {
		return "no answer"
	}
	return fmt.Sprintf("%d %s", code, http.StatusText(code))
}

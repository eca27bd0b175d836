package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/cmd/helios/internal/emulator"
)

// stepAtFullSpeed is how long a step of a run takes at --speed 1: eight of them
// are the 6 minutes of a light run.
const stepAtFullSpeed = 45 * time.Second

// emulateFlags are those of helios emulate.
type emulateFlags struct {
	addr, apiKey, secret string
	slots                int
	speed                float64
	faults               []string
	anyHost              bool
	envFile              string
}

func emulateCommand(a *app) *cobra.Command {
	var flags emulateFlags
	cmd := &cobra.Command{
		Use:   "emulate",
		Short: "Serve a fake Helios for programs in any language",
		Long: "Serves a fake Helios: both endpoints, run slots, signed webhooks, and faults. It needs no key\n" +
			"and costs nothing. What is submitted stays in memory; do not submit real patients' data.\n\n" +
			"It prints the environment variables to export, then a line for each request and webhook. Its key\n" +
			"and secret are shown and are its own, so it does not take those of your environment. A control\n" +
			"page at /_helios/ shows the same, and takes faults for the next submissions:\n\n" +
			"  curl -d fault=drop-answer -d count=2 http://localhost:8088/_helios/faults\n\n" +
			"Faults, optionally with a probability (default 1):\n\n" + emulator.Kinds(),
		Example: "  helios emulate\n" +
			"  helios emulate --addr localhost:8088 --api-key sk_live_local --webhook-secret whsec_local\n" +
			"  helios emulate --fault drop-answer=0.1,status:503=0.2 --slots 2",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.emulate(cmd.Context(), flags) },
	}

	set := cmd.Flags()
	set.StringVar(&flags.addr, "addr", "localhost:8088", "`address` to listen at; :8088 for every interface")
	set.StringVar(&flags.apiKey, "api-key", "",
		"the only API key that it accepts (default: random); do not use a real one")
	set.StringVar(&flags.secret, "webhook-secret", "",
		"secret that signs its webhooks (default: random); do not use a real one")
	set.IntVar(&flags.slots, "slots", 7, "concurrent runs of each agent type")
	set.Float64Var(&flags.speed, "speed", 180, "how many times as fast as a real run of 6 minutes")
	set.StringSliceVar(&flags.faults, "fault", nil, "faults of each submission: `NAME[=PROBABILITY]`,...")
	set.BoolVar(&flags.anyHost, "any-host", false,
		"deliver webhooks to any host, not only to this machine; over http they are not encrypted")
	set.StringVar(&flags.envFile, "env-file", "", "also write the environment variables to this `file`, as NAME=value")
	return cmd
}

func (a *app) emulate(ctx context.Context, flags emulateFlags) error {
	config, err := flags.config()
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	config.Observe = func(h emulator.Happening) {
		if a.out.result(h, printable(h.String())) != nil {
			cancel() // nobody reads any more
		}
	}
	emulated, err := emulator.New(ctx, config)
	if err != nil {
		return err
	}
	defer emulated.Close()

	if err := a.announce(emulated, flags); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// config checks the flags.
func (f *emulateFlags) config() (emulator.Config, error) {
	if !(f.speed > 0) {
		return emulator.Config{}, usagef("--speed must be above 0")
	}
	if err := checkAddress("--addr", f.addr, "localhost:8088"); err != nil {
		return emulator.Config{}, err
	}
	if f.slots < 1 {
		return emulator.Config{}, usagef("--slots must be at least 1")
	}
	for flag, value := range map[string]string{"--api-key": f.apiKey, "--webhook-secret": f.secret} {
		if strings.ContainsFunc(value, quoted) {
			return emulator.Config{}, usagef("%s must be of letters, digits and any of -_.+/=:", flag)
		}
	}

	config := emulator.Config{
		Addr: f.addr, APIKey: f.apiKey, WebhookSecret: f.secret, Slots: f.slots, AnyHost: f.anyHost,
		StepInterval: time.Duration(float64(stepAtFullSpeed) / f.speed),
	}
	for _, text := range f.faults {
		fault, err := emulator.ParseFault(text)
		if err != nil {
			return config, &usageError{err}
		}
		config.Faults = append(config.Faults, fault)
	}
	return config, nil
}

// quoted reports whether r would have to be quoted in a shell or a file of
// variables.
func quoted(r rune) bool {
	return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.+/=:", r)
}

// announce prints what another terminal needs. The key and the secret are the
// emulator's own, good for nothing else.
func (a *app) announce(emulated *emulator.Emulator, flags emulateFlags) error {
	variables := []struct{ name, value string }{
		{helios.EnvBaseURL, emulated.URL},
		{helios.EnvAPIKey, emulated.APIKey},
		{helios.EnvWebhookSecret, emulated.WebhookSecret},
	}

	if flags.envFile != "" {
		var text strings.Builder
		for _, v := range variables {
			fmt.Fprintf(&text, "%s=%s\n", v.name, v.value)
		}
		if err := os.WriteFile(flags.envFile, []byte(text.String()), 0o600); err != nil {
			return err
		}
	}

	asJSON := map[string]string{"type": "ready", "control": emulated.URL + emulator.ControlPath}
	text := a.out.colour(bold, "Emulated Helios at "+emulated.URL) + "\n" +
		"Control page: " + emulated.URL + emulator.ControlPath + "\n\n"
	var exports strings.Builder
	for _, v := range variables {
		asJSON[v.name] = v.value
		fmt.Fprintf(&exports, "export %s=%s\n", v.name, v.value)
	}
	if err := a.out.result(asJSON, text); err != nil || a.out.json {
		return err
	}
	// As they are: they are copied into a shell, where a line that was wrapped
	// would be two commands.
	_, err := io.WriteString(a.out.stdout, harmless(exports.String()+"\n", false))
	return err
}

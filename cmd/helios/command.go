package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// environment looks up a variable, as os.LookupEnv does.
type environment func(name string) (value string, ok bool)

// app is what every command has: where it reads and writes, and its settings.
type app struct {
	stdin io.Reader
	out   *output
	settings
}

// commands is the table of commands: one row each, in the order of the help.
var commands = []func(*app) *cobra.Command{
	emulateCommand,
	triggerCommand,
	verifyCommand,
	listenCommand,
	doctorCommand,
	convertCommand,
	submitCommand,
	reportCommand,
	storeCommand,
	manCommand,
	versionCommand,
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env environment) int {
	a := &app{stdin: stdin, out: newOutput(stdout, stderr, env), settings: settings{env: env}}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(a.out.stdout)
	root.SetErr(stderr)

	err := root.ExecuteContext(ctx)
	if err == nil {
		err = a.out.failure()
	}
	return a.out.fail(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "helios",
		Short: "Work with the Helios health-data API",
		Long: "helios is the command line of helios-go: a fake service and its webhooks for development,\n" +
			"checks before the first paid run, and tools for operators.\n\n" +
			"Settings come from flags, then from the environment: HELIOS_API_KEY, HELIOS_WEBHOOK_SECRET,\n" +
			"HELIOS_BASE_URL, HELIOS_WEBHOOK_URL and HELIOS_DB. Your key and secret are read from the\n" +
			"environment or from files, and never printed.\n\n" +
			"The exit code is 0 for success, 1 for a failure and 2 for wrong use. It is 3 for a failure after a\n" +
			"run was accepted, or may have been: it may be paid, and must not be sent again.",
		Example: "  helios emulate                      # a fake service for programs in any language\n" +
			"  helios submit labs.json --wait      # send labs and wait for the result\n" +
			"  helios doctor                       # before the first paid run",
		Args:          cobra.ArbitraryArgs,
		RunE:          group,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().BoolVar(&a.out.json, "json", false, "write JSON to stdout, one value per line")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var invalid *pflag.InvalidValueError
		switch {
		case errors.Is(err, pflag.ErrHelp):
			return err
		case errors.As(err, &invalid):
			kind := invalid.GetFlag().Value.Type()
			return usagef("--%s must be a %s", invalid.GetFlag().Name, cmp.Or(valueTypes[kind], kind))
		default:
			return usagef("%w: see %s --help", err, cmd.CommandPath())
		}
	})
	root.SetHelpFunc(a.help(root.HelpFunc()))

	for _, command := range commands {
		root.AddCommand(command(a))
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, command := range root.Commands() {
		switch command.Name() {
		case "help":
			command.RunE = helpOn
		case "completion": // with a shell that it does not know
			command.Args, command.RunE = cobra.ArbitraryArgs, group
		}
		checkUse(command)
	}
	return root
}

// valueTypes are what flags take, by pflag's names of types.
var valueTypes = map[string]string{
	"int": "whole number", "float64": "number", "duration": "duration, such as 45m or 90s", "bool": "bool",
}

// longestHelp bounds the lines of help, which are for reading.
const longestHelp = 100

// help fits the help of a command into the width of a terminal.
func (a *app) help(write func(*cobra.Command, []string)) func(*cobra.Command, []string) {
	return func(cmd *cobra.Command, args []string) {
		var text strings.Builder
		cmd.SetOut(&text)
		cmd.Long = reflow(cmd.Long, min(a.out.width, longestHelp))
		write(cmd, args)
		cmd.SetOut(nil)
		_, _ = io.WriteString(a.out.stdout, a.out.wrapped(text.String()))
	}
}

// helpOn shows the help of a command.
func helpOn(cmd *cobra.Command, args []string) error {
	found, rest, err := cmd.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return usagef("unknown command %q: see helios --help", strings.Join(args, " "))
	}
	return found.Help()
}

// group is what a command does that only has subcommands.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return usagef("unknown command %q: see %s --help", args[0], cmd.CommandPath())
}

// checkUse makes a wrong number of arguments wrong use, here and below.
func checkUse(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if err == nil {
				return nil
			}
			problem := "there are too many arguments"
			switch {
			case len(args) == 0:
				problem = "an argument is missing"
			case len(cmd.ValidArgs) > 0 && len(args) == 1:
				problem = fmt.Sprintf("there is no %q", args[0])
			}
			return usagef("%s: write %s, or see %s --help", problem, strings.TrimSuffix(cmd.UseLine(), " [flags]"),
				cmd.CommandPath())
		}
	}
	for _, sub := range cmd.Commands() {
		checkUse(sub)
	}
}

// completes makes a shell offer the values of a flag.
func completes[T ~string](cmd *cobra.Command, flag string, values ...T) {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(texts, cobra.ShellCompDirectiveNoFileComp))
}

// inputName is what messages call the file of a command line.
func inputName(name string) string {
	if name == "-" {
		return "stdin"
	}
	return name
}

// open opens the file of a command line; "-" is stdin.
func (a *app) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(a.stdin), nil
	}
	return os.Open(name) //nolint:gosec // the file that the command line names
}

// readAll reads the file of a command line, which may have limit bytes.
func (a *app) readAll(name string, limit int64) ([]byte, error) {
	file, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()

	body, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, failf("%s is larger than %d MiB", inputName(name), limit>>20)
	}
	return body, nil
}

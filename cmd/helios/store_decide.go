package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go/durable"
)

// agents are the agent types, for pauses.
var agents = []string{"light", "deep", "lab-results"}

// done writes what a decision has done.
func (s *store) done(what, object string) error {
	return s.out.result(map[string]string{"done": what, "of": object}, fmt.Sprintf("%s: %s", what, printable(object)))
}

func storeCancelCommand(s *store) *cobra.Command {
	return &cobra.Command{
		Use:     "cancel KEY",
		Short:   "Take a submission out of the queue",
		Long:    "Takes a submission out of the queue before it is sent. One that was sent cannot be canceled.",
		Example: "  helios store cancel o-17 --db helios.db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.with(cmd.Context(), func(eng *engine) error {
				if err := eng.Cancel(cmd.Context(), args[0]); err != nil {
					return err
				}
				return s.done("canceled", args[0])
			})
		},
	}
}

func storePauseCommand(s *store) *cobra.Command {
	return s.pauseCommand("pause", "Stop sending submissions of an agent type, or of all", "paused",
		func(ctx context.Context, eng *engine, agent string) error { return eng.Pause(ctx, agent) })
}

func storeResumeCommand(s *store) *cobra.Command {
	return s.pauseCommand("resume", "Resume sending submissions of an agent type, or of all", "resumed",
		func(ctx context.Context, eng *engine, agent string) error { return eng.Resume(ctx, agent) })
}

func (s *store) pauseCommand(
	name, short, what string, do func(context.Context, *engine, string) error,
) *cobra.Command {
	return &cobra.Command{
		Use:       name + " [light|deep|lab-results]",
		Short:     short,
		Example:   "  helios store " + name + " deep --db helios.db\n  helios store " + name + " --db helios.db",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: agents,
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen := agents
			if len(args) == 1 {
				chosen = args
			}
			return s.with(cmd.Context(), func(eng *engine) error {
				for _, agent := range chosen {
					if err := do(cmd.Context(), eng, agent); err != nil {
						return err
					}
				}
				return s.done(what, strings.Join(chosen, ", "))
			})
		},
	}
}

// resolvable are the states in which a person can decide.
var resolvable = []durable.State{durable.Unknown, durable.Overdue, durable.Failed}

// decisions are what --as takes.
var decisions = map[string]durable.Decision{
	"hold": durable.Hold, "fail": durable.Fail, "resubmit": durable.Resubmit,
}

func storeResolveCommand(s *store) *cobra.Command {
	var as string
	var yes bool
	cmd := &cobra.Command{
		Use:   "resolve KEY --as hold|fail|resubmit",
		Short: "Decide on a submission that is unknown, overdue or failed",
		Long: "Decides on an unknown, overdue or failed submission: hold leaves it as it is, fail gives it up,\n" +
			"and resubmit sends it again. If the first run was accepted after all, a resubmission is paid twice.",
		Example: "  helios store resolve o-17 --as fail --db helios.db\n" +
			"  helios store resolve o-17 --as resubmit --yes --db helios.db",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			decision, ok := decisions[as]
			if !ok {
				return usagef("--as must be hold, fail or resubmit")
			}
			return s.with(cmd.Context(), func(eng *engine) error {
				return s.resolve(cmd.Context(), eng, args[0], decision, yes)
			})
		},
	}
	cmd.Flags().StringVar(&as, "as", "", "hold, fail or resubmit")
	completes(cmd, "as", "hold", "fail", "resubmit")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func (s *store) resolve(ctx context.Context, eng *engine, key string, decision durable.Decision, yes bool) error {
	if decision == durable.Resubmit {
		sub, err := eng.Status(ctx, key)
		if err != nil {
			return err
		}
		if slices.Contains(resolvable, sub.State) { // of the others Resolve says that they are not
			s.out.note("%s is %s. A new run costs %s, and the first may have been paid.",
				printable(key), sub.State, price(sub.Agent))
			if err := s.ask(ctx, "Send it again?", yes); err != nil {
				return err
			}
		}
	}
	if err := eng.Resolve(ctx, key, decision); err != nil {
		return err
	}
	return s.done("resolved as "+decision.String(), key)
}

func storeReplayCommand(s *store) *cobra.Command {
	return &cobra.Command{
		Use:   "replay ID",
		Short: "Hand an event, or an end, to its handler again",
		Long: "Hands a dead letter to the application's handler again. Its id is in helios store list\n" +
			"--dead-letters.",
		Example: "  helios store replay 42 --db helios.db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usagef("the id must be a number: see helios store list --dead-letters")
			}
			return s.with(cmd.Context(), func(eng *engine) error {
				if err := eng.Replay(cmd.Context(), id); err != nil {
					return err
				}
				return s.done("replayed", args[0])
			})
		},
	}
}

func storeForgetCommand(s *store) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     "forget KEY",
		Short:   "Delete the data of a submission",
		Long:    "Deletes the request, the events and the result of a submission. They cannot be recovered.",
		Example: "  helios store forget o-17 --db helios.db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.with(cmd.Context(), func(eng *engine) error {
				if _, err := eng.Status(cmd.Context(), args[0]); err != nil {
					return err
				}
				if err := s.ask(cmd.Context(), "Delete the data of "+printable(args[0])+"?", yes); err != nil {
					return err
				}
				if err := eng.Forget(cmd.Context(), args[0]); err != nil {
					return err
				}
				return s.done("forgotten", args[0])
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func storeMigrateCommand(s *store) *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Create or update the tables",
		Long: "Creates the tables of a store, or updates them to this release. Processes of the previous release\n" +
			"can keep running, and it is safe to repeat. Only this command creates a SQLite file: for any other,\n" +
			"a file that does not exist is an error.",
		Example: "  helios store migrate --db helios.db\n" +
			"  helios store migrate --db postgres://owner@db.example.com/app",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.migrate(cmd.Context()) },
	}
}

func (s *store) migrate(ctx context.Context) error {
	address := s.address()
	if !isPostgres(address) {
		eng, err := s.open(ctx, opening{create: true}) // SQLite's tables are updated by opening it
		if err != nil {
			return err
		}
		eng.close()
		return s.done("migrated", address)
	}

	pool, err := openPool(ctx, address)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := durable.MigratePostgres(ctx, pool, s.schemaOption()...); err != nil {
		return err
	}
	return s.done("migrated", pool.Config().ConnConfig.Database)
}

func storeSubmitCommand(s *store) *cobra.Command {
	var conv conversion
	var key string
	var yes bool
	cmd := &cobra.Command{
		Use:   "submit FILE --key KEY",
		Short: "Put labs or a record into the store, to be sent",
		Long: "Stores a submission under a key of your own, such as an order number. A process that runs the\n" +
			"engine sends it when a slot is free: the application, or helios store serve --work. The same key\n" +
			"with the same content is the same submission, and is paid once.",
		Example: "  helios store submit labs.json --key o-17 --db helios.db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if key == "" {
				return usagef("--key is missing: choose one, such as an order number, but no patient's name or number")
			}
			if strings.ContainsFunc(key, steers) {
				return usagef("--key must be one line of text, since it is shown and logged")
			}
			return s.put(cmd.Context(), args[0], key, conv, yes)
		},
	}
	conv.addFlags(cmd)
	cmd.Flags().StringVar(&key, "key", "", "your key for the submission, such as an order number; it ends up in logs")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask before paying")
	return cmd
}

func (s *store) put(ctx context.Context, name, key string, conv conversion, yes bool) error {
	in, err := s.readInput(name, conv)
	s.out.note("%s", in.summary(err))
	if err != nil {
		return err
	}
	if s.webhookURL != "" {
		*in.webhook() = s.webhookURL
	}
	eng, err := s.open(ctx, opening{submit: true})
	if err != nil {
		return err
	}
	defer eng.close()
	if err := s.confirm(ctx, in, s.base(), yes, name == "-"); err != nil {
		return err
	}

	var sub *durable.Submission
	if in.labs != nil {
		sub, err = eng.SubmitLabResults(ctx, key, in.labs)
	} else {
		sub, err = eng.SubmitAgent(ctx, key, in.agent)
	}
	if err != nil {
		return err
	}
	return s.out.result(sub, fmt.Sprintf("%s: %s", sub.State, printable(key)))
}

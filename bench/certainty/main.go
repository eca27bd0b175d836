// Certainty prints what a caller of Submit learns, and how many whole requests
// the other side got, for each way in which a submission can go wrong and each
// kind of transport that an application can give the SDK.
//
//	cd bench && GOWORK=off go run ./certainty
//
// A cell gives the number of whole requests, the outcome, and in parentheses
// the number of attempts where it is not 1. With -errors, the errors follow.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	showErrors := flag.Bool("errors", false, "print the error of every cell too")
	flag.Parse()

	if err := run(*showErrors); err != nil {
		fmt.Fprintln(os.Stderr, "certainty:", err)
		os.Exit(1)
	}
}

func run(showErrors bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	cells, err := measureAll(ctx)
	if err != nil {
		return err
	}
	if err := printMatrix(os.Stdout, cells); err != nil || !showErrors {
		return err
	}
	for i, b := range behaviours {
		for j, col := range columns {
			if _, err := fmt.Printf("\n%s, %s: %v", b.name, col.name, cells[i][j].err); err != nil {
				return err
			}
		}
	}
	_, err = fmt.Println()
	return err
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

// fileVariable makes the program a process that works on this file. The
// variables of package helios say where the service is.
const fileVariable = "ONEFILE_CHILD"

// busyVariable gives it one handler only, and keeps that one busy with the
// first status update: what comes then is acknowledged, and waits.
const busyVariable = "ONEFILE_BUSY"

// serveVariable is where a process serves the dashboard; nowhere if it is
// empty.
const serveVariable = "ONEFILE_SERVE"

// message is what a process tells the program, one line of JSON each.
type message struct {
	URL     string // of its webhook handler
	Found   states // before it has done anything
	States  states // whenever one has changed
	Handled string // the order whose result its handler was given
}

// work is process 1 and process 2. It ends when its standard input does:
// because the program says so, or has died.
func work(ctx context.Context, file string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := helios.NewClient()
	if err != nil {
		return err
	}
	receiver, err := helios.NewReceiver()
	if err != nil {
		return err
	}

	busy := os.Getenv(busyVariable) != ""
	handlers := 16
	if busy {
		handlers = 1
	}
	eng, err := durable.OpenSQLite(ctx, file, client, receiver, durable.WithHandlers(handlers))
	if err != nil {
		return err
	}
	defer eng.Close()

	var writing sync.Mutex
	say := func(m message) error {
		writing.Lock()
		defer writing.Unlock()
		return json.NewEncoder(os.Stdout).Encode(m)
	}

	found, err := read(ctx, eng)
	if err != nil {
		return err
	}

	eng.HandleFunc(func(ctx context.Context, ev *helios.Event) error {
		if ev.Final() {
			return say(message{Handled: durable.KeyFrom(ctx)})
		}
		if busy {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})

	// The record goes first, so that what happens to the first lab results and
	// not to it is the same each time.
	if busy {
		if err := eng.Pause(ctx, labResults); err != nil {
			return err
		}
	}

	// Process 2 cannot know how far process 1 has come, so it submits all of
	// them: what is there already is the same submission.
	for i := range orders {
		if err := submit(ctx, eng, client.WebhookURL(), i+1); err != nil {
			return err
		}
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: eng.WebhookHandler(), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	defer server.Close()

	if addr := os.Getenv(serveVariable); addr != "" {
		dashboards, err := serveDashboard(addr, eng)
		if err != nil {
			return err
		}
		defer dashboards.Close()
	}
	if err := say(message{Found: found, URL: "http://" + listener.Addr().String()}); err != nil {
		return err
	}

	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()

	var watching sync.WaitGroup
	watching.Go(func() { watch(ctx, eng, say) })
	if busy {
		watching.Go(func() { resumeAfterRecord(ctx, eng) })
	}
	err = eng.Run(ctx)
	cancel()
	watching.Wait()
	return err
}

// submit stores an order under its key, and returns; Run sends it. Its webhook
// URL names it, for the program to count by.
func submit(ctx context.Context, eng *durable.SQLiteEngine, webhook string, i int) error {
	webhook, err := helios.WebhookURL(webhook, struct {
		Order string `url:"order"`
	}{key(i)})
	if err != nil {
		return err
	}

	if key(i) == record {
		_, err = eng.SubmitAgent(ctx, record, &helios.AgentRequest{
			AgentType: helios.AgentLight, WebhookURL: webhook,
			Data: helios.HealthData{
				PatientInfo: &helios.PatientInfo{Age: new(45), Gender: "male"},
				RecentAbnormalLabs: []helios.Lab{{
					Date: "2025-01-15", Display: "Hemoglobin A1c", Value: "7.2", Unit: "%",
					ReferenceRange: "4.0-5.6", Interpretation: "High",
				}},
			},
		})
		return err
	}
	_, err = eng.SubmitLabResults(ctx, key(i), &helios.LabResultsRequest{
		WebhookURL: webhook,
		LabResults: []helios.LabResult{{
			Name: "Creatinine", Value: fmt.Sprintf("1.%d mg/dL", i), Flag: helios.FlagHigh,
			ReferenceRange: "0.7-1.3 mg/dL", Date: "2025-01-15",
		}},
	})
	return err
}

// labResults is the agent type of lab results.
const labResults = "lab-results"

// resumeAfterRecord has lab results sent when the record is accepted.
func resumeAfterRecord(ctx context.Context, eng *durable.SQLiteEngine) {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		s, err := eng.Status(ctx, record)
		if err == nil && s.State == durable.Accepted && eng.Resume(ctx, labResults) == nil {
			return
		}
	}
}

// watch says when a state of an order has changed.
func watch(ctx context.Context, eng *durable.SQLiteEngine, say func(message) error) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	told := ""
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		now, err := read(ctx, eng)
		if err != nil || fmt.Sprint(now) == told { // maps are printed in order
			continue
		}
		told = fmt.Sprint(now)
		if say(message{States: now}) != nil {
			return
		}
	}
}

func read(ctx context.Context, eng *durable.SQLiteEngine) (states, error) {
	now := states{}
	for i := range orders {
		s, err := eng.Status(ctx, key(i+1))
		if errors.Is(err, durable.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		now[s.Key] = s.State
	}
	return now, nil
}

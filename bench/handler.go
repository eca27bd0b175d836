package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/google/go-github/v88/github"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// handler measures a whole delivery over loopback, client included: read,
// verify, decode, answer.
func handler(m *meter) error {
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(secret), helios.WithTolerance(time.Hour))
	if err != nil {
		return err
	}
	body := event(30 << 10)
	// go-github signs in the same way, under another name.
	header := heliostest.Sign(secret, body, time.Now())
	header.Set("X-Hub-Signature-256", header.Get("X-Helios-Signature"))

	type envelope struct {
		RunID          string    `json:"runId"`
		Status         string    `json:"status"`
		Agent          string    `json:"agent"`
		Timestamp      time.Time `json:"timestamp"`
		SequenceNumber int       `json:"sequenceNumber"`
	}
	type whole struct {
		envelope
		Result *helios.Result `json:"result"`
	}
	withGitHub := func(into func() any) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			payload, err := github.ValidatePayload(r, []byte(secret))
			if err == nil {
				err = json.Unmarshal(payload, into())
			}
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
			}
		}
	}
	handlers := []struct {
		name string
		http.Handler
	}{
		{"discard the body (floor)", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
		})},
		{"**helios** Handler", receiver.Handler(func(context.Context, *helios.Event) error { return nil })},
		{"**helios** Handler and Result()", receiver.Handler(func(_ context.Context, e *helios.Event) error {
			_, err := e.Result()
			return err
		})},
		{"go-github ValidatePayload and json, envelope", withGitHub(func() any { return new(envelope) })},
		{"go-github ValidatePayload and json, all", withGitHub(func() any { return new(whole) })},
		{"go-github ValidatePayload and json, map[string]any",
			withGitHub(func() any { return new(map[string]any) })},
	}

	var candidates []candidate
	for _, h := range handlers {
		client, stop, err := serve(h.Handler)
		if err != nil {
			return err
		}
		defer stop()
		candidates = append(candidates, candidate{h.name, func(n int) error {
			for range n {
				if err := client.deliver(body, header); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	rows, err := m.compare(candidates...)
	if err != nil {
		return err
	}

	title("A delivery of 30 KiB over loopback")
	for _, r := range rows {
		r.print()
	}
	fmt.Printf("\nhelios handles %.2f times the requests per second of go-github with json for the envelope; "+
		"with the result, %.2f times those of go-github with json into the same types, %.2f times those into a map.\n",
		between(rows[3], rows[1]), between(rows[4], rows[2]), between(rows[5], rows[2]))
	return nil
}

type deliverer struct {
	client *http.Client
	url    string
}

// serve starts a server for h and a client that keeps its connection.
func serve(h http.Handler) (*deliverer, func(), error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}

	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()

	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	return &deliverer{&http.Client{Transport: transport}, "http://" + listener.Addr().String()}, func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		<-done
	}, nil
}

func (d *deliverer) deliver(body []byte, header http.Header) error {
	req, err := http.NewRequest(http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = header

	resp, err := d.client.Do(req)
	if err != nil {
		return err
	}

	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	return err
}

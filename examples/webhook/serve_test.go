package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

func TestServe_ADeliveryUnderWayIsAnsweredBeforeTheEnd(t *testing.T) {
	t.Parallel()
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret("whsec"))
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	finish := make(chan struct{})
	served := make(chan error, 1)
	go func() {
		served <- serve(ctx, slog.New(slog.DiscardHandler), listener, receiver, func(*helios.Event) {
			stop()
			<-finish
		})
	}()

	answered := make(chan int, 1)
	go func() {
		url := "http://" + listener.Addr().String() + webhookPath
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(heliostest.NewWebhookRequest(url, "whsec", heliostest.CompletedEvent("r-1"), time.Now()))
		if !assert.NoError(t, err) {
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()

	<-ctx.Done()
	select {
	case err := <-served:
		t.Fatalf("ended before the answer: %v", err)
	default:
	}
	close(finish)
	assert.Equal(t, http.StatusOK, <-answered)
	assert.NoError(t, <-served)
}

func TestServe_AListenerThatFailsEndsIt(t *testing.T) {
	t.Parallel()
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret("whsec"))
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())

	err = serve(t.Context(), slog.New(slog.DiscardHandler), listener, receiver, func(*helios.Event) {})
	assert.ErrorIs(t, err, net.ErrClosed)
}

func TestServe_WhatIsNoEventIsKept(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	receiver, err := newReceiver(slog.New(slog.NewTextHandler(&out, nil)), helios.WithWebhookSecret("whsec"))
	require.NoError(t, err)
	handler := receiver.Handler(func(context.Context, *helios.Event) error { return errors.New("no event") })

	answer := httptest.NewRecorder()
	body := []byte(`[{"patient": "Ada"}]`)
	handler.ServeHTTP(answer, heliostest.NewWebhookRequest("/", "whsec", body, time.Now()))

	assert.Equal(t, http.StatusOK, answer.Code)
	assert.Contains(t, out.String(), "bytes=20")
	assert.NotContains(t, out.String(), "Ada")
}

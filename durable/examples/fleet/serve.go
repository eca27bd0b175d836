package main

import (
	"net"
	"net/http"
	"time"

	"github.com/heliosai/helios-go/durable/dashboard"
)

// serveDashboard serves the dashboard of eng at addr until the server is
// closed. Without dashboard.Options.Authorize it is read-only and answers this
// machine only.
func serveDashboard(addr string, eng dashboard.Engine) (*http.Server, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}

	server := &http.Server{Handler: dashboard.Handler(eng, dashboard.Options{}), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	return server, nil
}

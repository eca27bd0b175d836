package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/heliosai/helios-go"
)

// service is a Helios that notes when each submission arrives, and answers all
// of them alike.
type service struct {
	*httptest.Server
	client *helios.Client

	mu       sync.Mutex
	arrivals []arrival
	arrived  chan struct{} // closed at the next arrival
}

type arrival struct {
	path string
	at   time.Time
}

// newService makes a service that answers with a status: 200 accepts, and has
// another run id each time.
func newService(status int) (*service, error) {
	s := &service{arrived: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s.mu.Lock()
		s.arrivals = append(s.arrivals, arrival{r.URL.Path, time.Now()})
		run := runID("accepted", len(s.arrivals))
		close(s.arrived)
		s.arrived = make(chan struct{})
		s.mu.Unlock()

		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"runId": run, "status": "processing", "error": "refused"})
	}))
	var err error
	if s.client, err = newClient(s.URL); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *service) close() {
	s.client.CloseIdleConnections()
	s.Close()
}

// since returns the arrivals after the first n, and a channel that is closed at
// the next one.
func (s *service) since(n int) (later []arrival, next <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrivals[n:], s.arrived
}

const (
	agentPath      = "/api/v1/agent"
	labResultsPath = "/api/v1/lab-results"
)

// await returns when n submissions have arrived at a path.
func (s *service) await(ctx context.Context, path string, n int) error {
	for {
		all, next := s.since(0)
		found := 0
		for _, a := range all {
			if a.path == path {
				found++
			}
		}
		if found >= n {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

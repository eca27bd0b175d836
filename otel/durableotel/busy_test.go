package durableotel_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
	"github.com/heliosai/helios-go/otel/durableotel"
)

const (
	patientName = "Zoe Zebrowski"
	imaging     = "Chest X-ray of Zebrowski"
	doQuery     = "zebra-query-5512"
	doPath      = "/api/v1/patients/Zebrowski"
)

func record() *helios.AgentRequest {
	return &helios.AgentRequest{AgentType: helios.AgentDeep, Data: helios.HealthData{
		PatientInfo:        &helios.PatientInfo{Age: new(45), Gender: "female"},
		PastMedicalHistory: []helios.Condition{{Display: "Zebra diabetes", ClinicalStatus: "active"}},
		Extra: map[string]any{
			"imaging": []map[string]string{{"display": imaging, "patient": patientName}},
		},
	}}
}

// busy is a process to which nearly everything happens. It returns when all of
// it is over.
func busy(t testing.TB, w *world) *process {
	t.Helper()
	p := w.start(t, durable.WithMaxAttempts(1))
	p.HandleEnd(func(_ context.Context, s *durable.Submission) error {
		if s.State == durable.Failed {
			return errors.New(handlers + patientName)
		}
		return nil
	})
	_, err := durableotel.RegisterStats(p.tel, p)
	require.NoError(t, err)
	p.run(t)

	submit := func(key string, want durable.State, agent bool, faults ...heliostest.Fault) {
		w.Inject(faults...)
		if agent {
			_, err = p.SubmitAgent(t.Context(), order+key, record())
		} else {
			_, err = p.SubmitLabResults(t.Context(), order+key, labs())
		}
		require.NoError(t, err)
		p.eventually(t, order+key, want)
	}
	submit("accepted", durable.Completed, false)
	submit("duplicates", durable.Completed, false, heliostest.DuplicateWebhooks())
	submit("lost answer", durable.Completed, false, heliostest.DropAnswer())
	submit("record", durable.Completed, true)
	submit("failing", durable.Failed, false, heliostest.FailRun(labName+patientName))
	submit("refused", durable.Failed, true, heliostest.Status(http.StatusUnprocessableEntity))
	submit("unknown", durable.Unknown, false, heliostest.Reset())
	submit("no result", durable.Accepted, false, heliostest.LoseWebhooks(), heliostest.LoseFinalWebhook())
	callDirectly(t, w, p)
	deliverInVain(w)

	require.Eventually(t, func() bool {
		stats, err := p.Stats(t.Context())
		return err == nil && stats.PendingEvents+stats.PendingEnds == 0 && stats.DeadLetters >= 3
	}, patience, tick)
	return p
}

// callDirectly uses the client without the store.
func callDirectly(t testing.TB, w *world, p *process) {
	t.Helper()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusUnauthorized, http.StatusForbidden} {
		w.Inject(heliostest.Status(status))
		_, err := p.client.LabResults.Submit(t.Context(), labs())
		require.Error(t, err)
	}
	_, err := p.client.Agent.Submit(t.Context(), &helios.AgentRequest{AgentType: labName})
	require.Error(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.client.Agent.Submit(ctx, record())
	require.Error(t, err)

	query := struct {
		Name string `url:"name"`
	}{doQuery}
	_, err = p.client.Do(t.Context(), http.MethodGet, doPath, query, nil, nil)
	require.Error(t, err)
}

// deliverInVain sends what no receiver accepts.
func deliverInVain(w *world) {
	handler := w.handler.Load().(http.HandlerFunc)
	deliver := func(secret string, body []byte, at time.Time) {
		url := "/webhook?token=" + urlToken
		handler.ServeHTTP(httptest.NewRecorder(), heliostest.NewWebhookRequest(url, secret, body, at))
	}
	event := heliostest.CompletedEvent("zebra-run")
	deliver("whsec_of_somebody", event, time.Now())
	deliver(w.WebhookSecret, event, time.Now().Add(-time.Hour))
	deliver(w.WebhookSecret, []byte(`["`+patientName+`"]`), time.Now())
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/webhook?token="+urlToken, nil))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/webhook?token="+urlToken, nil))
}

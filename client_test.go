package helios_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// recorder is an API that accepts everything and keeps the last request.
type recorder struct {
	*httptest.Server
	mu     sync.Mutex
	header http.Header
	body   []byte
	uri    string
	method string
}

func newRecorder(t *testing.T, code int, body string) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var buf bytes.Buffer
		_, _ = buf.ReadFrom(req.Body)
		r.mu.Lock()
		r.header, r.body, r.uri, r.method = req.Header, buf.Bytes(), req.RequestURI, req.Method
		r.mu.Unlock()
		w.Header().Set("X-Concurrent-Limit", "7")
		w.Header().Set("X-Concurrent-Active", "3")
		w.Header().Set("X-Concurrent-Remaining", "4")
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(r.Close)
	return r
}

func TestSubmit_SendsWhatTheContractSays(t *testing.T) {
	t.Parallel()
	server := newRecorder(t, 200, acceptedBody)
	client := newClient(t, server.URL)

	run, err := client.LabResults.Submit(t.Context(), &helios.LabResultsRequest{LabResults: []helios.LabResult{
		{Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL", Date: "2025-01-15", Category: "Renal"},
	}, PatientContext: &helios.PatientContext{Age: "58", Gender: "male"}})
	require.NoError(t, err)
	assert.Equal(t, &helios.Run{
		ID: acceptedRun, Status: "accepted", Message: "Request accepted. Results will be delivered to your webhook.",
		Concurrency: helios.Concurrency{Limit: 7, Active: 3, Remaining: 4},
	}, run)
	assert.Equal(t, "POST", server.method)
	assert.Equal(t, "/api/v1/lab-results", server.uri)
	assert.Equal(t, []string{testKey}, server.header.Values("x-api-key"))
	assert.Equal(t, "application/json", server.header.Get("Content-Type"))
	assert.Equal(t, "application/json", server.header.Get("Accept"))
	assert.Equal(t, "helios-go/"+helios.Version, server.header.Get("User-Agent"))
	assert.NotContains(t, server.header, "Idempotency-Key")
	assert.NotContains(t, server.header, "X-Idempotency-Key")
	assert.JSONEq(t, `{"webhookUrl":"`+testHook+`","labResults":[{"name":"Creatinine","value":"1.8 mg/dL","flag":"High",
		"referenceRange":"0.7-1.3 mg/dL","date":"2025-01-15","category":"Renal"}],"patientContext":{"age":"58","gender":"male"}}`, string(server.body))

	_, err = client.Agent.Submit(t.Context(), &helios.AgentRequest{
		WebhookURL: "http://localhost:8080/hook", AgentType: helios.AgentDeep,
		Data: helios.HealthData{PatientInfo: &helios.PatientInfo{Age: new(0)}},
	})
	require.NoError(t, err)
	assert.Equal(t, "/api/v1/agent", server.uri)
	assert.JSONEq(t, `{"webhookUrl":"http://localhost:8080/hook","agentType":"deep","data":{"patientInfo":{"age":0}}}`, string(server.body))
}

func TestSubmit_Validation(t *testing.T) {
	t.Parallel()
	many := make([]helios.LabResult, 201)
	for i := range many {
		many[i] = helios.LabResult{Name: "n", Value: "v"}
	}
	lab := []helios.LabResult{{Name: "n", Value: "v"}}
	data := helios.HealthData{Medications: []helios.Medication{{Medication: "Metformin"}}}
	tests := []struct {
		name   string
		submit func(context.Context, *helios.Client) (*helios.Run, error)
		fields []string
	}{
		{"nil agent request", agent(nil), []string{"request"}},
		{"nil lab request", labResults(nil), []string{"request"}},
		{"all at once, agent", agent(&helios.AgentRequest{WebhookURL: "http://example.com"}), []string{"webhookUrl", "agentType", "data"}},
		{"other agent type", agent(&helios.AgentRequest{AgentType: "medium", Data: data}), []string{"agentType"}},
		{"empty items are no data", agent(&helios.AgentRequest{AgentType: "light", Data: helios.HealthData{RecentAbnormalLabs: []helios.Lab{{}}, Extra: map[string]any{"imaging": nil}}}), []string{"data"}},
		{"names and Go fields that are not UTF-8", agent(&helios.AgentRequest{AgentType: "light", Data: helios.HealthData{Extra: map[string]any{
			"a": map[string]any{"k\xff": 1}, "b": struct{ Name, Skipped string }{"\xff", ""}, "c": []byte("\xff")}}}), []string{"data.a.k?", "data.b.Name"}},
		{"a circle", agent(circle()), []string{"data.circle"}},
		{"empty patient info is no data", agent(&helios.AgentRequest{AgentType: "light", Data: helios.HealthData{PatientInfo: &helios.PatientInfo{}}}), []string{"data"}},
		{"collisions", agent(&helios.AgentRequest{
			AgentType: "light", Data: helios.HealthData{Medications: data.Medications, Extra: map[string]any{"medications": 1, "imaging": func() {}}}, Extra: map[string]any{"agentType": "deep"},
		}), []string{"data.imaging", "data.medications", "agentType"}},
		{"no labs", labResults(&helios.LabResultsRequest{}), []string{"labResults"}},
		{"too many labs", labResults(&helios.LabResultsRequest{LabResults: many}), []string{"labResults"}},
		{"labs without name or value", labResults(&helios.LabResultsRequest{LabResults: []helios.LabResult{lab[0], {Value: "v"}, {Name: "n"}, {Name: " ", Value: "\t"}}}),
			[]string{"labResults[1].name", "labResults[2].value", "labResults[3].name", "labResults[3].value"}},
		{"webhook not https", labResults(&helios.LabResultsRequest{WebhookURL: "http://example.com/h", LabResults: lab}), []string{"webhookUrl"}},
		{"webhook not a URL", labResults(&helios.LabResultsRequest{WebhookURL: "https://user:pa ss@%zz", LabResults: lab}), []string{"webhookUrl"}},
		{"webhook without host", labResults(&helios.LabResultsRequest{WebhookURL: "https:///hook", LabResults: lab}), []string{"webhookUrl"}},
		{"webhook relative", labResults(&helios.LabResultsRequest{WebhookURL: "/hook", LabResults: lab}), []string{"webhookUrl"}},
		{"not UTF-8", labResults(&helios.LabResultsRequest{LabResults: []helios.LabResult{lab[0], {Name: "a\xff", Value: "v"}}, PatientContext: &helios.PatientContext{
			Conditions: []helios.ContextCondition{{Name: "n", Status: "\xfe"}}, Extra: map[string]any{"x": []any{map[string]string{"y": "\xff"}}}}}),
			[]string{"labResults[1].name", "patientContext.conditions[0].status", "patientContext.x[0].y"}},
		{"JSON of the caller's own that is not UTF-8", agent(&helios.AgentRequest{AgentType: "light", Data: data, Extra: map[string]any{"x": json.RawMessage("\"\xff\"")}}), []string{"x"}},
		{"context collision", labResults(&helios.LabResultsRequest{LabResults: lab, PatientContext: &helios.PatientContext{Age: "1", Extra: map[string]any{"age": 1}}}), []string{"patientContext.age"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, "https://api.example", withTransport(func(*http.Request) (*http.Response, error) {
				t.Error("sent")
				return nil, errRefused
			}))
			_, err := tt.submit(t.Context(), client)
			var invalid *helios.ValidationError
			require.ErrorAs(t, err, &invalid)
			var fields []string
			for _, f := range invalid.Fields {
				fields = append(fields, f.Field)
				assert.NotEmpty(t, f.Message)
				assert.Contains(t, err.Error(), f.Field+": "+f.Message)
			}
			assert.ElementsMatch(t, tt.fields, fields)
			assert.NotContains(t, err.Error(), "pa ss")
		})
	}
	t.Run("no webhook URL anywhere", func(t *testing.T) {
		t.Parallel()
		client, err := helios.NewClient(helios.WithAPIKey(testKey), helios.WithBaseURL("https://api.example"))
		require.NoError(t, err)
		_, err = client.LabResults.Submit(t.Context(), labs())
		require.EqualError(t, err, "helios: invalid request: webhookUrl: is required: set it in the request, with WithWebhookURL or in HELIOS_WEBHOOK_URL")
	})
	t.Run("a long list is cut", func(t *testing.T) {
		t.Parallel()
		_, err := newClient(t, "https://api.example").LabResults.Submit(t.Context(), &helios.LabResultsRequest{LabResults: make([]helios.LabResult, 20)})
		require.ErrorContains(t, err, "labResults[4].value: is required; and 30 more")
	})
	t.Run("a replacement character of the caller's own is data", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t, 200, acceptedBody)
		_, err := newClient(t, server.URL).LabResults.Submit(t.Context(), &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "\ufffd", Value: `a\ufffd`}}})
		require.NoError(t, err)
		assert.Contains(t, string(server.body), "\ufffd")
	})
	t.Run("the client's default is named", func(t *testing.T) {
		t.Parallel()
		_, err := newClient(t, "https://api.example", helios.WithWebhookURL("http://example.com")).LabResults.Submit(t.Context(), labs())
		require.EqualError(t, err, "helios: invalid request: webhookUrl: from WithWebhookURL or HELIOS_WEBHOOK_URL must be https (http only to a loopback host)")
	})
	t.Run("exactly 200 labs", func(t *testing.T) {
		t.Parallel()
		_, err := newClient(t, newRecorder(t, 200, acceptedBody).URL).LabResults.Submit(t.Context(), &helios.LabResultsRequest{LabResults: many[:200]})
		require.NoError(t, err)
	})
}

// circle is a request that cannot be encoded, and that a careless walk would never leave.
func circle() *helios.AgentRequest {
	m := map[string]any{}
	m["a"], m["b"] = m, m
	return &helios.AgentRequest{AgentType: "light", Data: helios.HealthData{Extra: map[string]any{"circle": m, "fine": "\ufffd"}}}
}

func agent(req *helios.AgentRequest) func(context.Context, *helios.Client) (*helios.Run, error) {
	return func(ctx context.Context, c *helios.Client) (*helios.Run, error) { return c.Agent.Submit(ctx, req) }
}

func labResults(req *helios.LabResultsRequest) func(context.Context, *helios.Client) (*helios.Run, error) {
	return func(ctx context.Context, c *helios.Client) (*helios.Run, error) { return c.LabResults.Submit(ctx, req) }
}

func TestNewClient_Environment(t *testing.T) { // sets variables, so not parallel
	clear := func(t *testing.T) {
		for _, name := range []string{helios.EnvAPIKey, helios.EnvBaseURL, helios.EnvWebhookURL} {
			t.Setenv(name, "")
		}
	}
	t.Run("missing key", func(t *testing.T) {
		clear(t)
		_, err := helios.NewClient()
		require.ErrorIs(t, err, helios.ErrMissingAPIKey)
		t.Setenv(helios.EnvAPIKey, " \n")
		_, err = helios.NewClient()
		require.ErrorIs(t, err, helios.ErrMissingAPIKey)
		t.Setenv(helios.EnvAPIKey, testKey)
		_, err = helios.NewClient(helios.WithAPIKey(""))
		require.ErrorIs(t, err, helios.ErrMissingAPIKey, "an empty option does not fall back")
	})
	t.Run("everything from the environment", func(t *testing.T) {
		clear(t)
		server := newRecorder(t, 200, acceptedBody)
		t.Setenv(helios.EnvAPIKey, "\t"+testKey+"\r\n")
		t.Setenv(helios.EnvBaseURL, server.URL+"/prefix/")
		t.Setenv(helios.EnvWebhookURL, testHook)
		client, err := helios.NewClient()
		require.NoError(t, err)
		t.Cleanup(client.CloseIdleConnections)
		_, err = client.LabResults.Submit(t.Context(), labs())
		require.NoError(t, err)
		assert.Equal(t, "/prefix/api/v1/lab-results", server.uri)
		assert.Equal(t, testKey, server.header.Get("x-api-key"))
		assert.Contains(t, string(server.body), testHook)
	})
	t.Run("options win", func(t *testing.T) {
		clear(t)
		server := newRecorder(t, 200, acceptedBody)
		t.Setenv(helios.EnvAPIKey, "sk_live_other")
		t.Setenv(helios.EnvBaseURL, "https://other.example")
		t.Setenv(helios.EnvWebhookURL, "https://other.example")
		client := newClient(t, server.URL, nil, helios.WithUserAgent("app/1"))
		_, err := client.LabResults.Submit(t.Context(), labs())
		require.NoError(t, err)
		assert.Equal(t, testKey, server.header.Get("x-api-key"))
		assert.Equal(t, "app/1", server.header.Get("User-Agent"))
		assert.Contains(t, string(server.body), testHook)
	})
	t.Run("default base URL", func(t *testing.T) {
		clear(t)
		client, err := helios.NewClient(helios.WithAPIKey(testKey))
		require.NoError(t, err)
		assert.Equal(t, "helios.Client{https://api.heliosai.health}", fmt.Sprint(client))
	})
}

func TestNewClient_RefusesBadOptions(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]helios.ClientOption{
		"key with a line break":   helios.WithAPIKey("sk_live_secret\nX-Evil: 1"),
		"key with a control":      helios.WithAPIKey("sk_live_secret\x00"),
		"key that is not ASCII":   helios.WithAPIKey("sk_live_secret\u00e9"),
		"nil key source":          helios.WithAPIKeySource(nil),
		"plain http":              helios.WithBaseURL("http://api.example"),
		"host that begins well":   helios.WithBaseURL("http://localhost.evil.example"),
		"address that seems near": helios.WithBaseURL("http://128.0.0.1"),
		"no host":                 helios.WithBaseURL("https://"),
		"no scheme":               helios.WithBaseURL("api.example"),
		"opaque":                  helios.WithBaseURL("https:api.example"),
		"other scheme":            helios.WithBaseURL("ftp://api.example"),
		"userinfo":                helios.WithBaseURL("https://user:sk_live_secret@api.example"),
		"broken userinfo":         helios.WithBaseURL("https://user:sk_live_secret%zz@api.example"),
		"query":                   helios.WithBaseURL("https://api.example?key=sk_live_secret"),
		"fragment":                helios.WithBaseURL("https://api.example#sk_live_secret"),
		"nil HTTP client":         helios.WithHTTPClient(nil),
		"negative timeout":        helios.WithTimeout(-1),
		"negative retries":        helios.WithMaxRetries(-1),
		"negative wait":           helios.WithMaxRetryWait(-1),
		"empty user agent":        helios.WithUserAgent(""),
		"user agent with a break": helios.WithUserAgent("a\r\nb"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := helios.NewClient(helios.WithAPIKey(testKey), opt)
			require.Error(t, err)
			assert.Nil(t, client)
			assert.True(t, strings.HasPrefix(err.Error(), "helios: "), err)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
	for _, base := range []string{"https://api.example", "http://localhost:1", "http://127.0.0.2", "http://[::1]:80/x", "HTTPS://API.example", " https://api.example "} {
		_, err := helios.NewClient(helios.WithAPIKey(testKey), helios.WithBaseURL(base))
		assert.NoError(t, err, base)
	}
}

func TestWithAPIKeySource(t *testing.T) {
	t.Parallel()
	t.Run("asked for every attempt", func(t *testing.T) {
		t.Parallel()
		var seen []string
		attempts := 0
		client := newClient(t, "https://api.example", helios.WithMaxRetryWait(time.Millisecond),
			helios.WithAPIKeySource(func(context.Context) (string, error) { return fmt.Sprintf(" key-%d\n", attempts), nil }),
			withTransport(func(req *http.Request) (*http.Response, error) {
				seen = append(seen, req.Header.Get("x-api-key"))
				return answering(&attempts, tooMany("0"), answer(200, acceptedBody))(req)
			}))
		_, err := client.LabResults.Submit(t.Context(), labs())
		require.NoError(t, err)
		assert.Equal(t, []string{"key-0", "key-1"}, seen)
	})
	broken := errors.New("vault is sealed")
	for name, tt := range map[string]struct {
		key    string
		err    error
		target error
	}{
		"its error":   {"", broken, broken},
		"no key":      {" ", nil, helios.ErrMissingAPIKey},
		"a bad key":   {"a\nsk_live_secret", nil, nil},
		"its context": {"", context.Canceled, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			client := newClient(t, "https://api.example",
				helios.WithAPIKeySource(func(context.Context) (string, error) { asked++; return tt.key, tt.err }),
				withTransport(func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, errRefused }))
			_, err := client.LabResults.Submit(t.Context(), labs())
			require.Error(t, err)
			if tt.target != nil {
				require.ErrorIs(t, err, tt.target)
			}
			require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
			assert.NotContains(t, err.Error(), "secret")
			assert.Equal(t, 1, asked, "asked once, not again after its error")
		})
	}
}

func TestWithHTTPClient(t *testing.T) {
	t.Parallel()
	t.Run("is copied", func(t *testing.T) {
		t.Parallel()
		hc := &http.Client{Timeout: time.Minute}
		client := newClient(t, newRecorder(t, 200, acceptedBody).URL, helios.WithHTTPClient(hc))
		_, err := client.LabResults.Submit(t.Context(), labs())
		require.NoError(t, err)
		assert.Nil(t, hc.Transport)
		assert.Nil(t, hc.CheckRedirect)
		assert.Equal(t, time.Minute, hc.Timeout)
	})
	t.Run("its timeout holds unless WithTimeout is given", func(t *testing.T) {
		t.Parallel()
		for _, opts := range [][]helios.ClientOption{nil, {helios.WithTimeout(10 * time.Millisecond)}} {
			hc := &http.Client{Timeout: 20 * time.Millisecond}
			if opts != nil {
				hc.Timeout = time.Hour
			}
			server := newSocketServer(t, func(c *socketConn) { c.read(); c.read() })
			_, err := newClient(t, server.url, append(opts, helios.WithHTTPClient(hc))...).LabResults.Submit(t.Context(), labs())
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
	})
	t.Run("its idle connections stay open", func(t *testing.T) {
		t.Parallel()
		closer := &idleCloser{RoundTripper: transportFunc(refusedDial)}
		client := newClient(t, "https://api.example", helios.WithHTTPClient(&http.Client{Transport: closer}), helios.WithMaxRetries(0))
		_, err := client.LabResults.Submit(t.Context(), labs())
		require.Error(t, err)
		client.CloseIdleConnections()
		assert.Zero(t, closer.closed.Load())
	})
	t.Run("keeps its cookies", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t, 200, acceptedBody)
		client := newClient(t, server.URL, helios.WithHTTPClient(&http.Client{Jar: jar{}}))
		_, err := client.LabResults.Submit(t.Context(), labs())
		require.NoError(t, err)
		assert.Equal(t, "a=b", server.header.Get("Cookie"))
	})
}

type idleCloser struct {
	http.RoundTripper
	closed atomic.Int32
}

func (c *idleCloser) CloseIdleConnections() { c.closed.Add(1) }

type jar struct{ http.CookieJar }

func (jar) Cookies(u *url.URL) []*http.Cookie             { return []*http.Cookie{{Name: "a", Value: "b"}} }
func (jar) SetCookies(u *url.URL, cookies []*http.Cookie) {}

func TestClient_PrintsNothingSecret(t *testing.T) {
	t.Parallel()
	client := newClient(t, "https://api.example/v", helios.WithWebhookURL("https://hook.example?token="+testKey))
	for _, v := range []any{client, *client, client.Agent, *client.LabResults, &struct{ C *helios.Client }{client}, struct{ C helios.Client }{*client}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%t"} {
			assert.NotContains(t, fmt.Sprintf(verb, v), "sk_live", verb)
		}
		b, err := json.Marshal(v)
		require.NoError(t, err)
		assert.NotContains(t, string(b), "sk_live")
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("", "v", v)
		assert.NotContains(t, out.String(), "sk_live")
	}
	assert.Equal(t, "helios.Client{https://api.example/v}", fmt.Sprintf("%+v", client))
	assert.Equal(t, "helios.Client{}", fmt.Sprint(helios.Client{}))
}

func halfAnswer(req *http.Request) (*http.Response, error) {
	resp, err := answer(200, "{")(req)
	resp.Body = io.NopCloser(io.MultiReader(resp.Body, iotest.ErrReader(io.ErrUnexpectedEOF)))
	return resp, err
}

func TestClient_AnswersPrintNoData(t *testing.T) {
	t.Parallel()
	client := newClient(t, newRecorder(t, 200, `{"runId":"r-1","status":"accepted","message":"`+secretValue+testKey+`"}`).URL)
	resp, err := client.Do(t.Context(), "GET", "/a", nil, nil, nil)
	require.NoError(t, err)
	assert.Contains(t, string(resp.Body), secretValue)
	assert.NotContains(t, string(resp.Body), testKey, "a key that the answer repeats")
	run, err := client.LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)
	assert.Contains(t, run.Message, secretValue)
	_, err = client.Do(t.Context(), "POST", "/a", nil, map[string]any{"v": json.Number(secretValue)}, nil)
	require.Error(t, err)
	for _, v := range []any{resp, *resp, run, *run, err} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
			assert.NotContains(t, fmt.Sprintf(verb, v), secretValue, verb)
		}
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("", "v", v)
		assert.NotContains(t, out.String(), secretValue)
	}
	b, err := json.Marshal(resp)
	require.NoError(t, err)
	assert.NotContains(t, string(b), "runId")
}

func TestClient_Do(t *testing.T) {
	t.Parallel()
	t.Run("encodes and decodes", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t, 201, `{"name":"x"}`)
		client := newClient(t, server.URL+"/base")
		var out struct{ Name string }
		resp, err := client.Do(t.Context(), "PUT", "/api/v1/things/a%2Fb", struct {
			Page int      `url:"page"`
			Tags []string `url:"tag"`
		}{2, []string{"a b", "c&d"}}, map[string]int{"n": 1}, &out)
		require.NoError(t, err)
		assert.Equal(t, "PUT", server.method)
		assert.Equal(t, "/base/api/v1/things/a%2Fb?page=2&tag=a+b&tag=c%26d", server.uri)
		assert.JSONEq(t, `{"n":1}`, string(server.body))
		assert.Equal(t, "x", out.Name)
		assert.Equal(t, 201, resp.StatusCode)
		assert.Equal(t, `{"name":"x"}`, string(resp.Body))
		assert.Equal(t, helios.Concurrency{Limit: 7, Active: 3, Remaining: 4}, resp.Concurrency)
		assert.Equal(t, "7", resp.Header.Get("X-Concurrent-Limit"))
	})
	t.Run("without body and answer", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t, 204, "")
		var out any
		resp, err := newClient(t, server.URL).Do(t.Context(), "DELETE", "/api/v1/things/1", nil, nil, &out)
		require.NoError(t, err)
		assert.Equal(t, 204, resp.StatusCode)
		assert.Empty(t, server.body)
		assert.NotContains(t, server.header, "Content-Type")
		assert.Nil(t, out)
	})
	t.Run("refuses what would lead elsewhere", func(t *testing.T) {
		t.Parallel()
		client := newClient(t, "https://api.example", withTransport(func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, errRefused }))
		for _, path := range []string{"", "api", "https://evil.example/", "//evil.example/x", "/a?b=c", "/a#b", "/a/../b", "/%2e%2e/b", "/./a", "/%zz", "/a\nb"} {
			_, err := client.Do(t.Context(), "GET", path, nil, nil, nil)
			require.ErrorContains(t, err, "helios: path", path)
		}
		_, err := client.Do(t.Context(), "GET", "/a", "no struct", nil, nil)
		require.ErrorContains(t, err, "helios: query")
		_, err = client.Do(t.Context(), "POST", "/a", nil, func() {}, nil)
		require.ErrorContains(t, err, "helios: encode request")
		_, err = client.Do(nil, "POST", "/a", nil, nil, nil) //nolint:staticcheck // what a nil context gives is what is tested
		require.ErrorContains(t, err, "nil context")
		_, err = client.Do(t.Context(), "BAD METHOD", "/a", nil, nil, nil)
		require.Error(t, err)
	})
	t.Run("an answer of another shape", func(t *testing.T) {
		t.Parallel()
		client := newClient(t, newRecorder(t, 200, `[]`).URL)
		var out struct{}
		_, err := client.Do(t.Context(), "POST", "/a", nil, nil, &out)
		require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
		_, err = client.Do(t.Context(), "GET", "/a", nil, nil, &out)
		var api *helios.APIError
		require.ErrorAs(t, err, &api)
		require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
	})
	t.Run("GET is sent again where a submission is not", func(t *testing.T) {
		t.Parallel()
		for name, first := range map[string]func(*http.Request) (*http.Response, error){
			"502": answer(502, ""), "503": answer(503, ""), "504": answer(504, ""), "broken": brokenAfterWrite, "half an answer": halfAnswer,
		} {
			attempts := 0
			client := newClient(t, "https://api.example", helios.WithMaxRetryWait(time.Millisecond), withTransport(answering(&attempts, first, answer(200, ""))))
			_, err := client.Do(t.Context(), "GET", "/a", nil, nil, nil)
			require.NoError(t, err, name)
			assert.Equal(t, 2, attempts, name)
		}
		attempts := 0
		client := newClient(t, "https://api.example", withTransport(answering(&attempts, answer(500, ""))))
		_, err := client.Do(t.Context(), "GET", "/a", nil, nil, nil)
		require.EqualError(t, err, "helios: GET /a: 500 Internal Server Error")
		assert.Equal(t, 1, attempts)
	})
	t.Run("a submission without a body may have arrived", func(t *testing.T) {
		t.Parallel()
		server := newSocketServer(t, func(c *socketConn) { c.read() })
		_, err := newClient(t, server.url).Do(t.Context(), "POST", "/a", nil, nil, nil)
		require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
		assert.EqualValues(t, 1, server.whole.Load())
	})
}

// TestNewClient_UsesAReplacedDefaultTransport: who replaces http.DefaultTransport, as tests and tracers do, means it.
func TestNewClient_UsesAReplacedDefaultTransport(t *testing.T) { // replaces a global, so not parallel
	httpmock.Activate(t)
	httpmock.RegisterResponder("POST", "https://api.example/api/v1/lab-results", httpmock.NewStringResponder(200, acceptedBody))
	run, err := newClient(t, "https://api.example").LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)
	assert.Equal(t, acceptedRun, run.ID)
	assert.Equal(t, 1, httpmock.GetTotalCallCount())
}

func TestClient_ConcurrentUse(t *testing.T) {
	t.Parallel()
	server := newRecorder(t, 200, acceptedBody)
	client := newClient(t, server.URL, helios.WithLogger((&attemptLog{}).logger()))
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 10 {
				_, err := client.LabResults.Submit(t.Context(), labs())
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
}

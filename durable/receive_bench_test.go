package durable

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

// BenchmarkWebhook is an acknowledged webhook of 30 KiB, verified and
// committed. bench/ measures it beside a bare INSERT.
func BenchmarkWebhook(b *testing.B) {
	for name, k := range map[string]func() kind{
		"sqlite":   func() kind { return kind{sqlite: testFile(b)} },
		"postgres": func() kind { return onPostgres(b) },
	} {
		b.Run(name, func(b *testing.B) {
			srv := newService(b)
			e := srv.open(b, k())
			handler := e.WebhookHandler()
			filler := strings.Repeat("The patient presents with an elevated value. ", 680)
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				n++
				body := fmt.Appendf(nil, `{"runId":"run-%d","status":"processing","sequenceNumber":%d,"text":%q}`,
					n/8, 1+n%8, filler)
				req := heliostest.NewWebhookRequest("/webhook", srv.WebhookSecret, body, time.Now())
				b.StartTimer()
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, req)
				require.Equal(b, http.StatusOK, w.Code)
			}
		})
	}
}

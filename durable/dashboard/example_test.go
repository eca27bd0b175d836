package dashboard_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/durable/dashboard"
)

// staff asks the program's own sign-in who the user is. The session's cookie
// should be SameSite and HttpOnly.
func staff(r *http.Request) (user string, ok bool) {
	user, _, ok = r.BasicAuth()
	return user, ok && user == "m.garcia"
}

func ExampleHandler() {
	dir, err := os.MkdirTemp("", "helios-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	client, err := helios.NewClient(helios.WithAPIKey("sk_live_example"))
	if err != nil {
		log.Fatal(err)
	}
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret("whsec_example"))
	if err != nil {
		log.Fatal(err)
	}
	eng, err := durable.OpenSQLite(context.Background(), filepath.Join(dir, "helios.db"), client, receiver)
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()

	mux := http.NewServeMux()
	mux.Handle("/ops/helios/", http.StripPrefix("/ops/helios", dashboard.Handler(eng, dashboard.Options{
		Authorize: staff,
		Logger:    slog.New(slog.DiscardHandler), // in a program: leave it out, or give its own
	})))

	for _, user := range []string{"m.garcia", "someone.else"} {
		r := httptest.NewRequest(http.MethodGet, "/ops/helios/", nil)
		r.SetBasicAuth(user, "secret")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(user, w.Code)
	}
	// Output:
	// m.garcia 200
	// someone.else 403
}

package emulator

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// ControlPath is where the control page is. The service has no endpoint there.
const ControlPath = "/_helios/"

var (
	//go:embed control.html
	pageText string
	//go:embed control.css
	styleText string

	page = template.Must(template.New("control").Funcs(template.FuncMap{"status": statusText}).Parse(pageText))
)

const contentPolicy = "default-src 'none'; style-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// maxQueued is how many submissions faults can be asked for in advance.
const maxQueued = 1000

// control serves the page and what scripts use: a POST to faults, and all that
// has happened as JSON. It shows no secret and nothing that was submitted.
func (e *Emulator) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+ControlPath+"{$}", e.showPage)
	mux.HandleFunc("GET "+ControlPath+"style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write([]byte(styleText))
	})
	mux.HandleFunc("GET "+ControlPath+"recent", e.showRecent)
	mux.HandleFunc("POST "+ControlPath+"faults", e.askForFaults)

	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ownHost(r.Host) {
			http.Error(w, "this page answers under the machine's own name or address only", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		guarded.ServeHTTP(w, r)
	})
}

// ownHost reports whether no site on the internet can have this host: an
// address, localhost, or a name without a dot, such as a container's. A page
// of another site could otherwise use the control page under a name that it
// lets resolve to this machine.
func ownHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil { // it has no port
		host = strings.Trim(hostport, "[]")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host != "" && !strings.Contains(host, ".")
}

func (e *Emulator) showPage(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	data := struct {
		Kinds  []kindRow
		Queued [][]Fault
		Drawn  []Fault
		Recent []Happening
	}{rows(), e.queued, e.config.Faults, newestFirst(e.recent)}
	e.mu.Unlock()

	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, data)
}

// kindRow is one choice of the page's form.
type kindRow struct{ Value, Text string }

func rows() []kindRow {
	examples := map[string]string{
		"status": "status:503", "redirect": "redirect:302", "delay": "delay:2s", "late": "late:10m",
	}
	list := make([]kindRow, len(kinds))
	for i, k := range kinds {
		list[i] = kindRow{k.name, k.text}
		if value, ok := examples[k.name]; ok {
			list[i].Value = value
		}
	}
	return list
}

func newestFirst(list []Happening) []Happening {
	reversed := make([]Happening, len(list))
	for i, h := range list {
		reversed[len(list)-1-i] = h
	}
	return reversed
}

func (e *Emulator) showRecent(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	recent := append([]Happening{}, e.recent...)
	e.mu.Unlock()

	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(recent)
}

// askForFaults takes the form fields fault, once or more, and count.
func (e *Emulator) askForFaults(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}

	count := 1
	if text := r.PostForm.Get("count"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxQueued {
			http.Error(w, fmt.Sprintf("count must be a number from 1 to %d", maxQueued), http.StatusBadRequest)
			return
		}
		count = n
	}
	var faults []Fault
	for _, text := range r.PostForm["fault"] {
		fault, err := ParseFault(text)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		faults = append(faults, fault)
	}

	if !e.queue(faults, count) {
		http.Error(w, "too many submissions have faults already", http.StatusConflict)
		return
	}
	http.Redirect(w, r, ControlPath, http.StatusSeeOther)
}

func (e *Emulator) queue(faults []Fault, count int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()

	if len(faults) == 0 {
		e.queued = nil // the page's button to forget them
		return true
	}
	if len(e.queued)+count > maxQueued {
		return false
	}
	for range count {
		e.queued = append(e.queued, faults)
	}
	return true
}

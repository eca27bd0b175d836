package main

import (
	"bytes"
	"io"
	"net/http"
)

// balance passes a webhook on to one of the processes, in turn.
func (f *fleet) balance(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	for f.enter(r.Context(), func() bool { return f.webhooksOpen && len(f.living) > 0 }, func() { f.delivering++ }) {
		status, err := f.pass(r, body)
		f.change(func() { f.delivering-- })
		if err == nil {
			w.WriteHeader(status)
			return
		}
	}
}

func (f *fleet) pass(r *http.Request, body []byte) (int, error) {
	f.mu.Lock()
	p := f.living[0]
	f.living = append(f.living[1:], p)
	f.mu.Unlock()
	req, err := http.NewRequestWithContext(r.Context(), r.Method, p.url+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header = r.Header.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// take takes a result into the archive.
func (f *fleet) take(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	hand := [2]string{r.URL.Query().Get("process"), r.URL.Query().Get("order")}
	f.change(func() { f.hands[hand] = true })
	taken := f.enter(r.Context(), func() bool { return f.archiveOpen }, func() { f.archive[hand[1]] = true })
	f.change(func() { delete(f.hands, hand) })
	if taken {
		w.WriteHeader(http.StatusNoContent)
	}
}

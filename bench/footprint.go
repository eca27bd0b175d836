package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// hello is the least that uses a library: a client, and for the SDK's main
// peers nothing else.
var hello = []struct{ name, code string }{
	{"net/http", `import "net/http"
func main() {
	_ = &http.Client{}
	_, _ = http.NewRequest("POST", "http://localhost", nil)
	_, _ = http.DefaultClient.Get("")
}`},
	{"go-retryablehttp (floor)", `import "github.com/hashicorp/go-retryablehttp"
func main() { _, _ = retryablehttp.NewClient().Get("") }`},
	{"go-retryablehttp and encoding/json", `import ("encoding/json"; "io"; "github.com/hashicorp/go-retryablehttp")
func main() {
	b, _ := json.Marshal(map[string]any{"a": 1})
	if r, err := retryablehttp.NewClient().Post("", "application/json", b); err == nil {
		b, _ = io.ReadAll(r.Body)
		_ = json.Unmarshal(b, &struct{ A string }{})
	}
}`},
	{"**helios**, submit", `import ("context"; "github.com/heliosai/helios-go")
func main() {
	c, _ := helios.NewClient()
	_, _ = c.LabResults.Submit(context.Background(), nil)
}`},
	{"**helios**, submit and receive", `import ("context"; "github.com/heliosai/helios-go")
func main() {
	c, _ := helios.NewClient(helios.WithAPIKey("k"))
	_, _ = c.LabResults.Submit(context.Background(), nil)
	r, _ := helios.NewReceiver(helios.WithWebhookSecret("s"))
	_ = r.Handler(helios.NewTracker().Handle)
}`},
	{"resty", `import "github.com/go-resty/resty/v2"
func main() { _, _ = resty.New().R().Get("") }`},
	{"go-github", `import ("context"; "github.com/google/go-github/v88/github")
func main() {
	c, _ := github.NewClient()
	_, _, _ = c.Users.Get(context.Background(), "")
	_, _ = github.ValidatePayload(nil, nil)
}`},
	{"stripe-go", `import ("github.com/stripe/stripe-go/v85"; "github.com/stripe/stripe-go/v85/webhook")
func main() {
	c := stripe.NewClient("k")
	_, _ = c.V1Accounts.Retrieve(nil, nil)
	_, _ = webhook.ConstructEvent(nil, "", "")
}`},
	{"svix", `import svix "github.com/svix/svix-webhooks/go"
func main() {
	c := svix.New("k", nil)
	_, _ = c.Message.List(nil, "", nil)
	w, _ := svix.NewWebhook("s")
	_ = w.Verify(nil, nil)
}`},
	{"openai-go", `import ("context"; "github.com/openai/openai-go/v3")
func main() { c := openai.NewClient(); _ = c.Post(context.Background(), "", nil, nil) }`},
	{"anthropic-sdk-go", `import ("context"; "github.com/anthropics/anthropic-sdk-go")
func main() { c := anthropic.NewClient(); _ = c.Post(context.Background(), "", nil, nil) }`},
}

// footprint builds a hello-world with each library, and prints what that costs
// a customer's program.
func footprint(*meter) error {
	dir, err := os.MkdirTemp(".", "hello") // inside this module, whose go.mod has the libraries
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	fmt.Print("\n### What a hello-world carries\n\n")
	fmt.Print("| | binary, stripped | against the floor | linked modules | init allocs | init bytes |\n")
	fmt.Print("|---|---:|---:|---:|---:|---:|\n")
	var floor int64
	for i, h := range hello {
		one := filepath.Join(dir, strconv.Itoa(i))
		if err := os.Mkdir(one, 0o700); err != nil {
			return err
		}
		source := []byte("package main\n\n" + h.code + "\n")
		if err := os.WriteFile(filepath.Join(one, "main.go"), source, 0o600); err != nil {
			return err
		}
		binary := filepath.Join(one, "hello")
		build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "./"+one)
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", h.name, err, out)
		}
		info, err := os.Stat(binary)
		if err != nil {
			return err
		}
		if strings.HasSuffix(h.name, "(floor)") {
			floor = info.Size()
		}
		against := ""
		if floor > 0 {
			against = fmt.Sprintf("%+.2f MiB", float64(info.Size()-floor)/(1<<20))
		}
		modules, err := linkedModules(binary)
		if err != nil {
			return err
		}
		allocs, bytes := initCost(binary)
		fmt.Printf("| %s | %.2f MiB | %s | %d | %d | %d |\n",
			h.name, float64(info.Size())/(1<<20), against, len(modules), allocs, bytes)
	}
	return nil
}

func linkedModules(binary string) ([]string, error) {
	out, err := exec.Command("go", "version", "-m", binary).Output()
	if err != nil {
		return nil, err
	}
	var modules []string
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "dep" && !slices.Contains(modules, f[1]) {
			modules = append(modules, f[1])
		}
	}
	return modules, nil
}

// initCost sums what the packages allocate before main.
func initCost(binary string) (allocs, size int) {
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	_ = cmd.Run() // a hello that panics after its init has said all that is asked here
	lines := bufio.NewScanner(&stderr)
	for lines.Scan() {
		f := strings.Fields(lines.Text()) // init PACKAGE @0.1 ms, 0.0 ms clock, 64 bytes, 1 allocs
		if len(f) < 11 || f[0] != "init" {
			continue
		}
		b, _ := strconv.Atoi(f[7])
		a, _ := strconv.Atoi(f[9])
		size += b
		allocs += a
	}
	return allocs, size
}

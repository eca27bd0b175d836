package readme

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

const root = "../.."

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// blocks returns a README's Go blocks.
func blocks(t *testing.T, dir string) []string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(root, dir))
	require.NoError(t, err)
	var all []string
	for _, m := range goBlock.FindAllStringSubmatch(string(readme), -1) {
		all = append(all, m[1])
	}
	require.NotEmpty(t, all)
	return all
}

func TestEveryBlockOfTheREADMEsBuilds(t *testing.T) {
	var all []string
	for _, page := range []string{
		"README.md", "docs/webhooks.md", "clinical/README.md", "durable/README.md", "otel/README.md",
		"report/README.md",
	} {
		all = append(all, blocks(t, page)...)
	}

	for i, block := range all {
		dir, err := os.MkdirTemp(".", "block") // inside this module, whose go.mod has the frameworks
		require.NoError(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		name := "block.go"
		if strings.Contains(block, "func Test") {
			name = "block_test.go"
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(block), 0o600))
		// Vet type-checks everything, and asks no block for a main function.
		out, err := command(t, ".", "go", "vet", "./"+dir).CombinedOutput()
		require.NoError(t, err, "block %d:\n%s", i+1, out)
		formatted, err := command(t, dir, "gofmt", "-l", name).CombinedOutput()
		require.NoError(t, err)
		assert.Empty(t, string(formatted), "block %d is not formatted", i+1)
	}
}

// TestACustomersModule gets the core as customers do, through a module proxy,
// here one of files that tools/release makes from the checkout. It builds the
// README's quick start in a module outside the tree, and runs it against the
// fake service. The test of tools/release gets the other modules.
func TestACustomersModule(t *testing.T) {
	const version = "v0.1.0"
	proxy := t.TempDir()
	output(t, "..", "go", "run", "./release", "-proxy", proxy, version)
	cache := strings.TrimSpace(output(t, ".", "go", "env", "GOMODCACHE"))
	upstream := strings.TrimSpace(output(t, ".", "go", "env", "GOPROXY"))
	dir := t.TempDir()
	proxies := []string{"file://" + proxy, "file://" + filepath.Join(cache, "cache", "download"), upstream}
	env := []string{
		"GOPROXY=" + strings.Join(proxies, ","),
		"GONOSUMDB=github.com/heliosai/helios-go",
		"GOMODCACHE=" + filepath.Join(t.TempDir(), "mod"),
		"GOFLAGS=-modcacherw",
		"GOWORK=off",
	}
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := command(t, dir, name, args...)
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s %s\n%s", name, strings.Join(args, " "), out)
		return string(out)
	}
	run("go", "mod", "init", "customer.example/app")
	run("go", "get", "github.com/heliosai/helios-go@"+version)
	quickStart := blocks(t, "README.md")[0]
	require.Contains(t, quickStart, "func main()")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(quickStart), 0o600))
	run("go", "build", "-o", "app", ".")

	var linked []string
	for line := range strings.Lines(run("go", "version", "-m", "app")) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "dep" {
			linked = append(linked, f[1])
		}
	}
	assert.ElementsMatch(t, []string{
		"github.com/heliosai/helios-go",
		"github.com/hashicorp/go-retryablehttp",
		"github.com/hashicorp/go-cleanhttp",
		"github.com/google/go-querystring",
	}, linked, "modules that the customer's binary links")

	fake := heliostest.NewServer()
	defer fake.Close()
	addr := freeAddress(t)
	env = append(env,
		"HELIOS_API_KEY="+fake.APIKey,
		"HELIOS_BASE_URL="+fake.URL,
		"HELIOS_WEBHOOK_SECRET="+fake.WebhookSecret,
		"HELIOS_WEBHOOK_URL=http://"+addr+"/webhook/helios",
		"ADDR="+addr,
	)
	printed := run("./app")
	for _, want := range []string{"Delivering final results", "Creatinine", "[1] "} {
		assert.Contains(t, printed, want)
	}
	assert.NotContains(t, printed, fake.APIKey)
	assert.Len(t, fake.Runs(), 1)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func command(t *testing.T, dir, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	return cmd
}

func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	out, err := command(t, dir, name, args...).Output()
	require.NoError(t, err)
	return string(out)
}

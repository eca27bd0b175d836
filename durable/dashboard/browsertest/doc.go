// Package browsertest tests the dashboard in a real browser: accessibility,
// keyboard, requests, and that it works without JavaScript.
//
//	npm ci && GOWORK=off go test ./...
//
// It needs chromium (Debian's package) and axe-core, which npm installs at the
// version that package-lock.json pins. Without them the tests are skipped, and
// fail where CI=true. SCREENSHOTS=DIR also writes a picture of every page.
package browsertest

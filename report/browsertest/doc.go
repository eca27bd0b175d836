// Package browsertest tests the pages of a report in a real browser:
// accessibility, keyboard, requests, the page's own security policy, and paper.
//
//	npm ci && GOWORK=off go test ./...
//
// It needs chromium (Debian's package) and axe-core, which npm installs at the
// version that package-lock.json pins. Without them the tests are skipped, and
// fail where CI=true. SCREENSHOTS=DIR also writes a picture of every page, and
// the printed ones as PDF.
package browsertest

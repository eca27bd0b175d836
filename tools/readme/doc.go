// Package readme builds every Go block of the READMEs, and builds and runs the
// quick start as a customer's module would.
package readme

import (
	// What the README's blocks import, so that go.mod has them.
	_ "github.com/aws/aws-lambda-go/events"
	_ "github.com/gin-gonic/gin"
	_ "github.com/go-chi/chi/v5"
	_ "github.com/jackc/pgx/v5"
	_ "github.com/labstack/echo/v5"
	_ "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	_ "riverqueue.com/riverui"

	_ "github.com/heliosai/helios-go"
	_ "github.com/heliosai/helios-go/clinical/fhir"
	_ "github.com/heliosai/helios-go/durable"
	_ "github.com/heliosai/helios-go/otel/durableotel"
	_ "github.com/heliosai/helios-go/report"
)

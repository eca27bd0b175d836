// Package readme builds every Go block of the README, and builds and runs its quick start as a customer's module would.
package readme

import (
	// What the README's blocks import, so that go.mod has them.
	_ "github.com/aws/aws-lambda-go/events"
	_ "github.com/gin-gonic/gin"
	_ "github.com/go-chi/chi/v5"
	_ "github.com/jackc/pgx/v5"
	_ "github.com/labstack/echo/v5"
	_ "riverqueue.com/riverui"

	_ "github.com/heliosai/helios-go"
	_ "github.com/heliosai/helios-go/durable"
)

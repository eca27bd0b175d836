// Package durable keeps submissions and webhooks of package helios in a store.
package durable

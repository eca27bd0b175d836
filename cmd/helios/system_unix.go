//go:build !windows

package main

import (
	"errors"
	"syscall"
)

const (
	errAddressInUse = syscall.EADDRINUSE
	errRefused      = syscall.ECONNREFUSED
)

// isBrokenPipe reports whether the reader of a pipe has gone away.
func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }

// takesColour reports whether stream is a terminal.
func takesColour(stream any) bool { return terminal(stream) > 0 }

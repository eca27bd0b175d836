package main

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// The errors of sockets and pipes here. Those of package syscall with the names
// of Unix are never returned on Windows.
const (
	errAddressInUse = windows.WSAEADDRINUSE
	errRefused      = windows.WSAECONNREFUSED
)

// isBrokenPipe reports whether the reader of a pipe has gone away.
func isBrokenPipe(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA)
}

// takesColour makes a console act on colours, which it does not by itself, and
// reports whether stream is one that can.
func takesColour(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	console := windows.Handle(file.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(console, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

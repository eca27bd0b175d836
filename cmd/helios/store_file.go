package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// sqliteHeader is how every SQLite file begins.
const sqliteHeader = "SQLite format 3\x00"

// checkFile reports why a file is no store. To open an engine is too late for
// that: it makes tables in any SQLite file, and another file beside anything.
// isNew reports that it is not there, or empty, and that create allows that.
func checkFile(path string, create bool) (isNew bool, err error) {
	name := printable(path)
	file, err := os.Open(path) //nolint:gosec // the file that the command line names
	switch {
	case errors.Is(err, fs.ErrNotExist) && create:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, failf("%s does not exist: helios store migrate --db FILE creates a store", name)
	case err != nil:
		return false, err
	}
	defer func() { _ = file.Close() }()

	header := make([]byte, len(sqliteHeader))
	n, err := io.ReadFull(file, header)
	switch {
	case errors.Is(err, io.EOF) && create:
		return true, nil
	case errors.Is(err, io.EOF):
		return false, failf("%s is empty: helios store migrate creates a store in it", name)
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return false, err
	case string(header[:n]) != sqliteHeader:
		return false, failf("%s is not a SQLite file", name)
	default:
		return false, nil
	}
}

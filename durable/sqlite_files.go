package durable

import (
	"context"
	"database/sql/driver"
	"errors"
	"os"
)

// errMoved means that a commit would be lost to, or was made in, a file that
// nobody finds at its path any more.
const errMoved = ownError("the SQLite file or its -wal was moved, deleted or replaced while it was open; " +
	"put it back, or restart with the file that is there now")

// openedFile is a file that a connection has open.
type openedFile struct {
	path string
	info os.FileInfo
}

// openFiles notes which files the connection has open: the database and its
// write-ahead log, which SQLite opens with the first read.
func (c *preparedConn) openFiles(ctx context.Context, path string) error {
	rows, err := c.sqliteConn.QueryContext(ctx, `SELECT count(*) FROM sqlite_schema`, nil)
	if err != nil {
		return err
	}
	if err := errors.Join(rows.Next(make([]driver.Value, 1)), rows.Close()); err != nil {
		return err
	}

	for _, path := range []string{path, path + "-wal"} {
		info, err := os.Stat(path)
		switch {
		case err == nil:
			c.files = append(c.files, openedFile{path, info})
		case !os.IsNotExist(err):
			return err
		}
	}
	if len(c.files) == 0 {
		return errMoved
	}
	return nil
}

// checkFiles returns an error if another file, or none, is at a path.
func (c *preparedConn) checkFiles() error {
	for _, opened := range c.files {
		info, err := os.Stat(opened.path)
		if err != nil || !os.SameFile(opened.info, info) {
			return errMoved
		}
	}
	return nil
}

// BeginTx begins a transaction whose commit fails if the files are not where
// they were.
func (c *preparedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.sqliteConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &checkedTx{tx, c}, nil
}

type checkedTx struct {
	driver.Tx
	conn *preparedConn
}

// Commit looks twice: before, so that nothing gets into a file that was moved,
// and after, since it may have been moved meanwhile.
func (t *checkedTx) Commit() error {
	if err := t.conn.checkFiles(); err != nil {
		return errors.Join(err, t.Rollback())
	}
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return t.conn.checkFiles()
}

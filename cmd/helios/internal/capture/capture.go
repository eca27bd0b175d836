// Package capture keeps deliveries on disk: the body exactly as it came in
// NAME.json, and its headers beside it in NAME.header. The files hold health
// data, so only their owner may read them.
package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
)

const (
	bodySuffix, headerSuffix = ".json", ".header"

	maxHeader = 1 << 20
	maxBody   = 16 << 20 // the receiver's own limit
)

// Delivery is one webhook as it came.
type Delivery struct {
	Name   string // of its file, without the suffix
	Header http.Header
	Body   []byte
}

// probeSize is about that of a result with its report, in bytes.
const probeSize = 64 << 10

// Prepare makes dir, if it is not there, and reports why no delivery could be
// kept in it: it writes a file and removes it again.
func Prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	probe, err := os.CreateTemp(dir, ".helios-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(probe.Name()) }()

	_, err = probe.Write(make([]byte, probeSize))
	if err == nil {
		err = probe.Sync()
	}
	if closeErr := probe.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Save keeps a delivery in dir, which it makes if it is not there, and returns
// the path of the body. When it returns without an error both files are on the
// disk. event names the file; it is nil for what is no event.
func Save(dir string, at time.Time, event *helios.Event, header http.Header, body []byte) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}

	name := at.UTC().Format("20060102T150405.000000000Z") + "-no-event"
	if event != nil {
		name = fmt.Sprintf("%s-%s-%d-%s", at.UTC().Format("20060102T150405.000000000Z"),
			FileName(event.RunID), event.SequenceNumber, FileName(event.Status))
	}

	// The header first: where the body is, the delivery is whole.
	path := filepath.Join(dir, name)
	if err := WriteFile(path+headerSuffix, headerText(header)); err != nil {
		return "", err
	}
	if err := WriteFile(path+bodySuffix, body); err != nil {
		return "", err
	}
	return path + bodySuffix, nil
}

// FileName makes a part of a file's name of text that came from elsewhere.
func FileName(text string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		default:
			return '_'
		}
	}, text)
	const most = 64
	return name[:min(len(name), most)]
}

// WriteFile writes a file that only its owner may read. It is whole or not
// there, and on the disk when WriteFile returns.
func WriteFile(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, ".helios-*") // mode 0600
	if err != nil {
		return named(path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()

	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return named(path, err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return named(path, err)
	}
	return syncDir(dir)
}

// named gives an error about a temporary file the name that the file was to
// get.
func named(path string, err error) error {
	var cause *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &cause):
		err = cause.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return &fs.PathError{Op: "write", Path: path, Err: err}
}

// syncDir puts a new name on the disk, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the file that the command line names
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	_ = d.Sync() // Windows cannot, and does not need to
	return nil
}

// private are headers that a proxy may add and that no one needs later.
var private = []string{"Authorization", "Cookie", "Proxy-Authorization"}

func headerText(header http.Header) []byte {
	kept := header.Clone()
	for _, name := range private {
		kept.Del(name)
	}
	var text bytes.Buffer
	_ = kept.Write(&text) // a buffer takes everything
	return text.Bytes()
}

// ReadHeader reads header lines up to an empty line or the end. A first line
// that is that of a request or an answer is left out.
func ReadHeader(r io.Reader) (http.Header, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxHeader+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxHeader {
		return nil, errors.New("the headers are larger than 1 MiB")
	}

	first, rest, _ := bytes.Cut(text, []byte("\n"))
	if start := string(first); strings.HasPrefix(start, "HTTP/") || strings.Contains(start, " HTTP/") {
		text = rest
	}
	text = append(bytes.TrimRight(text, "\r\n"), "\r\n\r\n"...)
	header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(text))).ReadMIMEHeader()
	if err != nil {
		return nil, errors.New("these are no header lines: write Name: value, one a line")
	}
	return http.Header(header), nil
}

// Load reads the deliveries of a directory, in the order in which they came.
func Load(dir string) ([]Delivery, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}

	var list []Delivery
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), bodySuffix)
		if !ok || entry.IsDir() {
			continue
		}
		body, err := readFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		header, err := loadHeader(filepath.Join(dir, name+headerSuffix))
		if err != nil {
			return nil, err
		}
		list = append(list, Delivery{name, header, body})
	}
	slices.SortFunc(list, func(a, b Delivery) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// loadHeader reads the file beside a body. Without one there are no headers.
func loadHeader(path string) (http.Header, error) {
	file, err := os.Open(path) //nolint:gosec // the file that the command line names
	if errors.Is(err, os.ErrNotExist) {
		return http.Header{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	header, err := ReadHeader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return header, nil
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the file that the command line names
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	body, err := io.ReadAll(io.LimitReader(file, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("%s is larger than 16 MiB", path)
	}
	return body, err
}

// Command report writes the page of a completed event, such as a stored
// [helios.Event.Raw], to report.html in the current directory:
//
//	go run ./report/examples/report [event.json]
//
// Without a file it shows an example. It needs no key and no network.
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
)

//go:embed event.json
var example []byte

func main() {
	log.SetFlags(0)
	clinician := flag.Bool("clinician", false, "write the page for clinicians")
	output := flag.String("o", "report.html", "where to write the page")
	flag.Parse()

	raw := example
	if flag.NArg() > 0 {
		var err error
		if raw, err = os.ReadFile(flag.Arg(0)); err != nil {
			log.Fatal(err)
		}
	}
	if err := write(raw, *clinician, *output); err != nil {
		log.Fatal(err)
	}
}

func write(raw []byte, clinician bool, output string) error {
	event, err := helios.ParseEvent(raw)
	if err != nil {
		return err
	}
	result, err := event.Result()
	if result == nil {
		return err
	}
	if err != nil {
		log.Print(err) // the rest of the result can be shown
	}

	audience := report.Patient
	if clinician {
		audience = report.Clinician
	}
	r := report.New(result, audience, report.Options{Time: event.Timestamp})
	for _, issue := range r.Issues() {
		log.Print(issue)
	}

	file, err := os.Create(output)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := r.WriteHTML(file); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}

	path, err := filepath.Abs(output)
	if err != nil {
		return err
	}
	fmt.Println("The page is in", path)
	return nil
}

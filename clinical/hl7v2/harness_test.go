package hl7v2_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

// referenceDate keeps the ages of the samples' patients from changing.
var referenceDate = time.Date(2025, 1, 15, 0, 0, 0, 0, time.UTC)

const (
	// hemoglobin is a result that is low.
	hemoglobin = `OBX|1|NM|718-7^Hb^LN||10|g/dL|12-16|L|||F|||20240305`
	head       = `MSH|^~\&|LAB|HOSP|EHR|HOSP|20240305140000||ORU^R01^ORU_R01|42|P|2.5.1`
	ada        = `PID|1||1001^^^HOSP^MR||Lovelace^Ada||19661210|F`
	cbc        = `OBR|1|P77|F88|58410-2^CBC panel^LN|||202403050800|||||||||||||||20240305120000||HM|F`
)

// message makes a message of segments.
func message(segments ...string) string { return strings.Join(segments, "\r") + "\r" }

// one makes a message with one OBX, from its second field on.
func one(obx string) string { return message(head, ada, cbc, "OBX|1|"+obx) }

func read(t *testing.T, in string, opts hl7v2.Options) ([]helios.LabResult, *clinical.Report) {
	t.Helper()
	if opts.ReferenceDate.IsZero() {
		opts.ReferenceDate = referenceDate
	}
	req, report, err := hl7v2.LabResults(strings.NewReader(in), opts)
	require.NotNil(t, report)
	if err != nil {
		require.ErrorIs(t, err, hl7v2.ErrNoResults)
		require.Nil(t, req)
		return nil, report
	}
	assert.Empty(t, req.WebhookURL)
	return req.LabResults, report
}

// order is a message about the order with a number; each result is its OBX-2,
// OBX-5, OBX-11 and OBX-14.
func order(id string, results ...string) string {
	segments := []string{head, ada, strings.Replace(cbc, "F88", id, 1)}
	for i, result := range results {
		f := strings.Split(result+"|||", "|")
		segments = append(segments, fmt.Sprintf("OBX|%d|%s|718-7^Hb^LN|1|%s|g/dL|12-16||||%s|||%s", i+1, f[0], f[1],
			f[2], f[3]))
	}
	return message(segments...)
}

// rows are the names and values that are sent, sorted by neither.
func rows(t *testing.T, in string) (rows []string, report *clinical.Report) {
	t.Helper()
	labs, report := read(t, in, hl7v2.Options{})
	for _, lab := range labs {
		rows = append(rows, lab.Name+": "+lab.Value)
	}
	assert.Equal(t, strings.Count(in, "OBX|"), len(rows)+report.Dropped())
	return rows, report
}

// values are those that are sent, sorted.
func values(t *testing.T, in string, opts hl7v2.Options) (values []string, report *clinical.Report) {
	t.Helper()
	labs, report := read(t, in, opts)
	for _, lab := range labs {
		values = append(values, lab.Value)
	}
	slices.Sort(values)
	return values, report
}

// samples returns the files of shared sample data, which are no part of the
// project.
func samples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../../shared/data/hl7v2-oru/*.hl7")
	require.NoError(t, err)
	if len(files) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("no sample messages beside the checkout")
		}
		t.Skip("no sample messages beside the checkout")
	}
	return files
}

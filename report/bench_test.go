package report_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
)

// longResponse is a response of 40 KiB: headings, lists, a table and markers.
func longResponse() string {
	part := "## Key health areas\n\nYour recent results show that your blood sugar has been **higher than the " +
		"target** over the last " +
		"three months: your hemoglobin A1c is 7.2 %, and the standard range is 4.0-5.6 % [1]. Your sodium is " +
		"normal.\n\n" +
		"- **Blood sugar.** A value of 7.2 % is close to the goal that many people with diabetes agree on with " +
		"their doctor. [1, 2]\n" +
		"- **Blood pressure.** 138/88 mmHg is a little above what is *usually* aimed for. One reading alone says " +
		"little. [3-5]\n\n" +
		"| When | What |\n|---|---|\n| Within two weeks | Talk to your doctor about the results |\n| In three " +
		"months | Repeat it [1] |\n\n"
	return strings.Repeat(part, 40<<10/len(part)+1)[:40<<10]
}

// BenchmarkPage makes a page of 40 KiB of Markdown.
func BenchmarkPage(b *testing.B) {
	page := pageBench(b)
	b.SetBytes(40 << 10)
	b.ReportAllocs()
	for b.Loop() {
		page()
	}
}

// BenchmarkMarkdownAlone is what any page needs at least: goldmark with tables,
// and a policy of bluemonday.
func BenchmarkMarkdownAlone(b *testing.B) {
	alone := aloneBench(b)
	b.SetBytes(40 << 10)
	b.ReportAllocs()
	for b.Loop() {
		alone()
	}
}

// BenchmarkRatio runs both in turn, and reports the median of how many times as
// long the page takes as its peer: a machine that is busy with something else
// slows both.
func BenchmarkRatio(b *testing.B) {
	page, alone := pageBench(b), aloneBench(b)
	elapsed := func(run func()) float64 {
		begin := time.Now()
		run()
		return float64(time.Since(begin))
	}

	var ratios []float64
	for b.Loop() {
		ratios = append(ratios, elapsed(page)/elapsed(alone))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "times")
}

func pageBench(b *testing.B) func() {
	result := &helios.Result{PatientResponse: longResponse(), Citations: helios.Citations{Patient: citations()}}
	return func() {
		if err := report.New(result, report.Patient, report.Options{}).WriteHTML(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func aloneBench(b *testing.B) func() {
	markdown, policy := goldmark.New(goldmark.WithExtensions(extension.Table)), bluemonday.UGCPolicy()
	source := []byte(longResponse())
	return func() {
		var out bytes.Buffer
		if err := markdown.Convert(source, &out); err != nil {
			b.Fatal(err)
		}
		_, _ = io.Discard.Write(policy.SanitizeBytes(out.Bytes()))
	}
}

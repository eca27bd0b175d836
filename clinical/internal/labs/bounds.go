package labs

import (
	"cmp"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/heliosai/helios-go/clinical"
)

func within(inner, outer clinical.Range) bool {
	low := inner.Low > outer.Low || inner.Low == outer.Low && (inner.LowOpen || !outer.LowOpen)
	high := inner.High < outer.High || inner.High == outer.High && (inner.HighOpen || !outer.HighOpen)
	return low && high
}

func below(a, b clinical.Range) bool {
	return a.High < b.Low || a.High == b.Low && (a.HighOpen || b.LowOpen)
}

// number reads a number, which in FHIR can have an exponent.
func number(s string) (float64, bool) {
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return n, !math.IsNaN(n) && !math.IsInf(n, 0)
	}
	q, ok := clinical.ParseQuantity(s)
	return q.Value, ok && q.Comparator == "" && q.Unit == ""
}

func (v Value) numbers() (clinical.Range, bool) {
	n, ok := number(v.Number)
	return clinical.Quantity{Comparator: v.Comparator, Value: n}.Range(), ok
}

// ParseValue reads a text such as "7.2" or "< 5" as a number. Any other is kept
// as text.
func ParseValue(s string) Value {
	s = strings.TrimSpace(s)
	if q, ok := clinical.ParseQuantity(s); ok && q.Unit == "" {
		return Value{Comparator: q.Comparator, Number: q.Number}
	}
	return Value{Text: s}
}

func (r *Range) bounds() (bounds clinical.Range, ok bool) {
	if r.Low == "" && r.High == "" {
		bounds, ok = clinical.ParseRange(r.Text)
		if bounds.Unit == "" {
			bounds.Unit = r.Unit
		}
		return bounds, ok
	}

	bounds = clinical.Range{Low: math.Inf(-1), High: math.Inf(1), Unit: r.Unit}
	isLow, isHigh := true, true
	if r.Low != "" {
		bounds.Low, isLow = number(r.Low)
	}
	if r.High != "" {
		bounds.High, isHigh = number(r.High)
	}
	return bounds, isLow && isHigh
}

// text returns the range as it is sent, without a unit where it has bounds.
func (r *Range) text() string { return r.withWords(r.numbers()) }

func (r *Range) numbers() string {
	low, high := strings.TrimSpace(r.Low), strings.TrimSpace(r.High)
	switch {
	case low == "" && high == "":
		return strings.TrimSpace(r.Text)
	case high == "":
		return ">=" + low
	case low == "":
		return "<=" + high
	}
	return Between(low, high)
}

// Between returns two numbers as a range, or the one that is there.
func Between(low, high string) string {
	switch {
	case low == "" || high == "":
		return low + high
	case strings.HasPrefix(low, "-") || strings.HasPrefix(high, "-"):
		return low + " to " + high
	}
	return low + "-" + high
}

// withWords adds what may limit the bounds, so that who reads them knows it.
func (r *Range) withWords(bounds string) string {
	if r.conditional && (r.Low != "" || r.High != "") {
		return bounds + " (" + strings.TrimSpace(r.Text) + ")"
	}
	return bounds
}

func (r *Range) withUnit(valueUnit string) string {
	bounds, ok := r.bounds()
	inText, _ := clinical.ParseRange(r.Text)
	if !ok || r.Low == "" && r.High == "" && inText.Unit != "" {
		return r.text()
	}
	return r.withWords(strings.TrimSpace(r.numbers() + " " + cmp.Or(bounds.Unit, valueUnit)))
}

// Round rounds a number to so many decimals, half away from zero. It reports
// false if it leaves the number as written: decimals is nil, or the number has
// no more of them, or is no decimal number.
func Round(number string, decimals *int) (string, bool) {
	if decimals == nil {
		return number, false
	}
	plain := strings.Replace(number, ",", ".", 1)
	if _, has, _ := strings.Cut(plain, "."); len(has) <= max(0, *decimals) || ParseValue(number).Number != number {
		return number, false
	}
	exact, ok := new(big.Rat).SetString(plain)
	if !ok {
		return number, false
	}

	rounded := exact.FloatString(max(0, *decimals))
	if !strings.ContainsAny(rounded, "123456789") {
		rounded = strings.TrimPrefix(rounded, "-")
	}
	if plain != number {
		rounded = strings.Replace(rounded, ".", ",", 1)
	}
	return rounded, true
}

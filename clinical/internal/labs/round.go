package labs

import (
	"math/big"
	"strings"
)

// Round rounds a number to so many decimals, half away from zero. It returns false if it leaves the number as it is written: it has no more decimals, is no plain
// number, or decimals is nil.
func Round(number string, decimals *int) (string, bool) {
	if decimals == nil || !isPlainNumber(number) {
		return number, false
	}
	if _, has, _ := strings.Cut(number, "."); len(has) <= max(0, *decimals) {
		return number, false
	}
	exact, ok := new(big.Rat).SetString(number)
	if !ok {
		return number, false
	}
	rounded := exact.FloatString(max(0, *decimals))
	if !strings.ContainsAny(rounded, "123456789") {
		rounded = strings.TrimPrefix(rounded, "-")
	}
	return rounded, true
}

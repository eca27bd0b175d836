package labs

import (
	"math/big"
	"strings"
)

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

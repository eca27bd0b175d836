package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// rgb is a color in sRGB.
type rgb struct{ r, g, b uint8 }

// The grounds that text stands on, and the brand color that stands unless
// there is another.
var (
	lightGround  = rgb{0xff, 0xff, 0xff}
	darkGround   = rgb{0x1a, 0x1e, 0x24}
	defaultBrand = rgb{0x1b, 0x5e, 0x7b}
)

// minContrast is what WCAG 2.2 asks of text, criterion 1.4.3.
const minContrast = 4.5

// parseColor reads "#1b5e7b" or "#15b".
func parseColor(s string) (c rgb, ok bool) {
	digits, found := strings.CutPrefix(strings.TrimSpace(s), "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if !found || len(digits) != 6 || err != nil {
		return rgb{}, false
	}
	return rgb{uint8(n >> 16 & 0xff), uint8(n >> 8 & 0xff), uint8(n & 0xff)}, true
}

func (c rgb) String() string { return fmt.Sprintf("#%02x%02x%02x", c.r, c.g, c.b) }

// contrast returns the ratio that WCAG defines, from 1 to 21.
func contrast(a, b rgb) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func (c rgb) luminance() float64 {
	linear := func(v uint8) float64 {
		f := float64(v) / 255
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
}

// onDark returns the color, lightened until it can be read on the dark ground.
func (c rgb) onDark() rgb {
	for contrast(c, darkGround) < minContrast {
		lighter := func(v uint8) uint8 { return v + (255-v)/8 + bump(v) }
		c = rgb{lighter(c.r), lighter(c.g), lighter(c.b)}
	}
	return c
}

// bump makes sure that a color gets lighter until it is white.
func bump(v uint8) uint8 {
	if v > 247 && v < 255 {
		return 1
	}
	return 0
}

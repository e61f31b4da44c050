package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// byteSize is a number of bytes on the command line: 1GiB, 500MB, 4096, 0.
type byteSize int64

var byteUnits = map[string]float64{
	"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
}

// UnmarshalText reads a number with or without a unit, in either case of letters.
func (b *byteSize) UnmarshalText(text []byte) error {
	number := strings.TrimRight(string(text), "BbGgIiKkMmTt ")
	unit, known := byteUnits[strings.ToUpper(strings.TrimSpace(string(text[len(number):])))]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || n < 0 || n*unit >= math.MaxInt64 || math.IsNaN(n) {
		return fmt.Errorf("%q is not a size; write for example 1GiB, 500MB or 0", text)
	}
	*b = byteSize(n * unit)
	return nil
}

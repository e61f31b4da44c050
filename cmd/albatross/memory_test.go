package main

import "testing"

func TestMemoryLimit(t *testing.T) {
	for text, want := range map[string]int64{
		"max\n":                 0,
		"9223372036854771712\n": 0, // what version 1 says where there is none
		"1000000000\n":          900000000,
		"0":                     0,
		"":                      0,
		"a lot":                 0,
	} {
		if got, ok := memoryLimit(text); got != want || ok != (want > 0) {
			t.Errorf("memoryLimit(%q) = %d, %v; want %d", text, got, ok, want)
		}
	}
}

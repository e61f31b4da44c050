package model

import "math"

// SeasonWaves returns n sine and cosine values, in pairs, for a week that begins on the day of year day (0 is 1 January).
func SeasonWaves(day, n int) []float64 {
	waves := make([]float64, n)
	// The middle of the week stands for it.
	angle := 2 * math.Pi * (float64(day) + 3.5) / 365.25
	for i := 0; i+1 < n; i += 2 {
		waves[i], waves[i+1] = math.Sincos(angle * float64(i/2+1))
	}
	return waves
}

// seasons are the waves that the trees read, two pairs, by day of year.
var seasons = func() (s [366][4]float32) {
	for day := range s {
		for i, w := range SeasonWaves(day, 4) {
			s[day][i] = float32(w)
		}
	}
	return s
}()

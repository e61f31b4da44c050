package model

import (
	"testing"
	"time"
)

func TestWeeks(t *testing.T) {
	m, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		date string
		week int
	}{
		{"1989-09-14", 1}, {"1989-09-20", 1}, {"1989-09-21", 2}, {"1989-09-13", 0}, {"1989-09-07", 0}, {"1989-09-06", -1},
		{"1990-06-14", 40}, {"1992-10-07", 160}, {"2024-01-01", 1790}, {"0001-01-01", -103765}, {"9999-12-31", 417958},
	} {
		d, ok := ParseDate(test.date)
		if !ok || d.Week() != test.week || d.String() != test.date {
			t.Errorf("%s: read as %s (%v), week %d, want %d", test.date, d, ok, d.Week(), test.week)
		}
		if start := WeekStart(d.Week()); start > d || start+6 < d {
			t.Errorf("%s: its week begins on %s", test.date, start)
		}
		first := m.Predict(Features{StoreID: 2, ProductID: 1, Date: WeekStart(d.Week()), Price: 2})
		if got := m.Predict(Features{StoreID: 2, ProductID: 1, Date: d, Price: 2}); got != first {
			t.Errorf("%s: %v, but %v on the first day of the week", test.date, got, first)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2024-01-01", "2023-02-29", "2024-02-29", "0000-01-01", "2024-13-01", "2024-1-01", "+024-01-01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := ParseDate(s)
		want, err := time.Parse(time.DateOnly, s)
		if ok != (err == nil && want.Year() > 0) {
			t.Fatalf("ParseDate(%q) = %v, %v; time.Parse: %v, %v", s, d, ok, want, err)
		}
		if ok && !d.Time().Equal(want) {
			t.Fatalf("ParseDate(%q) = %v, want %v", s, d, want)
		}
	})
}

func TestMonth(t *testing.T) {
	for date, month := range map[string]int{"2024-01-04": 1, "2024-01-03": 12, "2024-12-31": 12, "2023-07-01": 6, "2023-07-06": 7} {
		if d, _ := ParseDate(date); d.Month() != month {
			t.Errorf("the week of %s begins in month %d, want %d", date, d.Month(), month)
		}
	}
}

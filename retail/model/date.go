package model

import "time"

// Date is a calendar day: days since 1970-01-01, before it negative.
type Date int32

// DateOf returns the day of a time, in the time's own zone.
func DateOf(t time.Time) Date {
	y, mo, d := t.Date()
	return Date(time.Date(y, mo, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// ParseDate reads YYYY-MM-DD, the years 0001 to 9999 of the Gregorian calendar.
func ParseDate[T []byte | string](s T) (Date, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	number := func(from, to int) int {
		n := 0
		for i := from; i < to; i++ {
			if s[i] < '0' || s[i] > '9' {
				return -1
			}
			n = n*10 + int(s[i]-'0')
		}
		return n
	}
	y, mo, d := number(0, 4), number(5, 7), number(8, 10)
	if y < 1 || mo < 1 || mo > 12 || d < 1 {
		return 0, false
	}
	t := time.Date(y, time.Month(mo), d, 0, 0, 0, 0, time.UTC)
	if t.Day() != d { // time.Date carries 30 February over into March
		return 0, false
	}
	return Date(t.Unix() / 86400), true
}

// Time returns midnight UTC of the day.
func (d Date) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// String returns the day as YYYY-MM-DD.
func (d Date) String() string { return d.Time().Format(time.DateOnly) }

// firstWeek is the day on which week 1 of the training data begins, a Thursday: 1989-09-14.
const firstWeek Date = 7196

// WeekStart returns the day on which the week of the training data with this number begins. Week 1 begins on 1989-09-14.
func WeekStart(week int) Date { return firstWeek + Date(7*(week-1)) }

// Week returns the number of the week that holds the day.
func (d Date) Week() int {
	days := int(d - firstWeek)
	if days < 0 {
		days -= 6 // round down, not towards zero
	}
	return days/7 + 1
}

// seasonDay returns the day of year (0 to 365) on which the day's week begins: all days of a week have one answer.
func (d Date) seasonDay() int { return WeekStart(d.Week()).Time().YearDay() - 1 }

// SeasonDay is the day of year (0 to 365) on which week begins.
func SeasonDay(week int) int { return WeekStart(week).seasonDay() }

// monthsOfDays are the months by day of year, counted from 0, in a year with 29 February.
var monthsOfDays = func() (m [366]uint8) {
	day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range m {
		m[i] = uint8(day.AddDate(0, 0, i).Month())
	}
	return m
}()

// Month returns the month, 1 to 12, in which the day's week begins. A month's first day in a year without 29 February may count to
// the month before.
func (d Date) Month() int { return int(monthsOfDays[d.seasonDay()]) }

package accesslog

import (
	"sync/atomic"
	"time"
)

// day is the written form of one UTC day: every line of a day begins its two times
// with it, so working it out again each time would be a waste.
type day struct {
	number int64    // days since 1970-01-01
	text   [11]byte // "2006-01-02T"
}

var today atomic.Pointer[day]

const secondsPerDay = 24 * 60 * 60

// appendTime writes t in UTC as ISO 8601 with microseconds
// (2018-07-02T22:23:00.186641Z), "-" for the zero time and for years that do not
// have four digits.
func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, '-')
	}
	seconds := t.Unix()
	number := seconds / secondsPerDay
	second := seconds % secondsPerDay
	if second < 0 {
		number, second = number-1, second+secondsPerDay
	}
	d := today.Load()
	if d == nil || d.number != number {
		year, month, date := t.UTC().Date()
		if year < 0 || year > 9999 {
			return append(dst, '-')
		}
		fresh := newDay(number, year, int(month), date)
		// A request that began before midnight is written after it: yesterday does
		// not push today out.
		if d == nil || number != d.number-1 {
			today.Store(fresh)
		}
		d = fresh
	}
	dst = append(dst, d.text[:]...)
	s, us := int(second), t.Nanosecond()/1000
	h, m := s/3600, s/60%60
	s %= 60
	high, low := us/1000, us%1000
	return append(dst,
		byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10), ':', byte('0'+s/10), byte('0'+s%10), '.',
		byte('0'+high/100), byte('0'+high/10%10), byte('0'+high%10),
		byte('0'+low/100), byte('0'+low/10%10), byte('0'+low%10), 'Z')
}

func newDay(number int64, year, month, date int) *day {
	two := func(n int) (byte, byte) { return byte('0' + n/10), byte('0' + n%10) }
	d := &day{number: number}
	t := &d.text
	t[0], t[1] = two(year / 100)
	t[2], t[3] = two(year % 100)
	t[5], t[6] = two(month)
	t[8], t[9] = two(date)
	t[4], t[7], t[10] = '-', '-', 'T'
	return d
}

package lb

// Pairing finds the rules of a list in an earlier list that it came from by a change in one
// place.
type Pairing struct {
	first, last int // what is the same at both ends
	now, shift  int
}

// Earlier pairs rules with those of an earlier list that are the same but for their priority:
// as many as are the same from the start on, and from the end.
func Earlier(before, now []*Rule) Pairing {
	p := Pairing{now: len(now), shift: len(before) - len(now)}
	most := min(len(before), len(now))
	if identical(before, now) {
		p.first = most
		return p
	}
	for p.first < most && now[p.first].Is(before[p.first]) {
		p.first++
	}
	for p.last < most-p.first && now[len(now)-1-p.last].Is(before[len(before)-1-p.last]) {
		p.last++
	}
	return p
}

// Of is the index in the earlier list of the rule at an index in the later one, or -1.
func (p Pairing) Of(i int) int {
	switch {
	case i < p.first:
		return i
	case i >= p.now-p.last:
		return i + p.shift
	}
	return -1
}

// Is tells whether two rules are one and the same but for their priority: it is so where
// they share what they hold, which nobody changes.
func (r *Rule) Is(other *Rule) bool {
	return r == other || identical(r.Conditions, other.Conditions) && identical(r.Actions, other.Actions) &&
		identical(r.Transforms, other.Transforms) && r.Field == other.Field && r.Origin == other.Origin
}

// identical tells whether two lists are the same piece of memory.
func identical[T any](a, b []T) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

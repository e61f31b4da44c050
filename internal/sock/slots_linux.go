package sock

// Slots give those who wait for events of an epoll descriptor a number that the kernel keeps with a
// socket, and tells with its events. A slot is used again with another generation: an event that was
// on its way when its owner left is nobody's. The zero Slots is empty; callers hold a lock.
type Slots[T any] struct {
	all  []slot[T]
	free []int32
}

type slot[T any] struct {
	owner      *T
	generation int32
}

// Enter gives owner a slot.
func (s *Slots[T]) Enter(owner *T) (number, generation int32) {
	if n := len(s.free); n > 0 {
		number, s.free = s.free[n-1], s.free[:n-1]
	} else {
		number, s.all = int32(len(s.all)), append(s.all, slot[T]{})
	}
	s.all[number].owner = owner
	return number, s.all[number].generation
}

// Leave frees the slot of owner, once.
func (s *Slots[T]) Leave(owner *T, number int32) {
	if at := &s.all[number]; at.owner == owner {
		at.owner = nil
		at.generation++
		s.free = append(s.free, number)
	}
}

// Owner is whose an event is; nil if it is nobody's.
func (s *Slots[T]) Owner(number, generation int32) *T {
	if at := &s.all[number]; at.generation == generation {
		return at.owner
	}
	return nil
}

package http2

import "time"

// leaving are streams that the client has reset and whose handlers still run. They
// keep their places, but to the client these are free: when it gives up many calls
// at a time, whose deadline has passed, and makes as many again, that is within its
// limit. So the reader waits for such a place before it refuses a request. Handlers
// have been told to end and hardly take a millisecond; where none of them does, the
// reader does not wait again before one has.
type leaving struct {
	streams int
	stuck   bool // the last wait was in vain
}

// leaveTime is how long the reader waits for a place.
const leaveTime = 100 * time.Millisecond

// leave notes that the client has reset the stream.
func (s *Stream) leave() {
	if s.counted && !s.leaver {
		s.leaver = true
		s.c.leaving.streams++
	}
}

// left notes that the handler of such a stream has ended.
func (c *Conn) left() {
	c.leaving.streams--
	c.leaving.stuck = false
	c.gone.Broadcast()
}

// place reports whether there is a place for one more stream. It waits for one that
// the client may take to be free.
func (c *Conn) place() bool {
	if c.active < c.lim.Streams || c.leaving.streams == 0 || c.leaving.stuck {
		return c.active < c.lim.Streams
	}
	c.flush()
	late := false
	timer := time.AfterFunc(leaveTime, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		late = true
		c.gone.Broadcast()
	})
	defer timer.Stop()
	for c.active >= c.lim.Streams && !late && !c.over {
		c.gone.Wait()
	}
	c.leaving.stuck = late
	return c.active < c.lim.Streams
}

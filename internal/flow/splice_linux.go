package flow

import (
	"errors"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// pipeSize is what a pipe may hold and what one splice may move.
	pipeSize = 256 << 10
	// spliceLeast is what a splice should move to be worth more than copying.
	spliceLeast = bufferSize
	// mostPipes bounds the pipes there are: twice as many file descriptors.
	mostPipes = 512
)

// pipe is what bytes pass through between two sockets.
type pipe struct{ r, w int }

// pipes are those at rest, and how many there are.
var pipes struct {
	sync.Mutex
	rest []pipe
	all  int
}

var errNoPipe = errors.New("no pipe to splice through")

func takePipe() (pipe, error) {
	pipes.Lock()
	defer pipes.Unlock()
	if n := len(pipes.rest); n > 0 {
		p := pipes.rest[n-1]
		pipes.rest = pipes.rest[:n-1]
		return p, nil
	}
	if pipes.all >= mostPipes {
		return pipe{}, errNoPipe
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return pipe{}, err
	}
	unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, pipeSize) //nolint:errcheck // a smaller one does, too
	pipes.all++
	return pipe{fds[0], fds[1]}, nil
}

// givePipe takes back an empty pipe.
func givePipe(p pipe) {
	pipes.Lock()
	pipes.rest = append(pipes.rest, p)
	pipes.Unlock()
}

// dropPipe closes a pipe with bytes in it that nobody wants any more.
func dropPipe(p pipe) {
	unix.Close(p.r)
	unix.Close(p.w)
	pipes.Lock()
	pipes.all--
	pipes.Unlock()
}

// splicing is a way that the kernel carries.
type splicing struct {
	way      *way
	from, to syscall.RawConn
	pipe     pipe
	in       int // bytes in the pipe
	err      error
	fill     func(fd uintptr) bool
	drain    func(fd uintptr) bool
}

// splice carries for as long as much comes at a time. done: the data has ended.
func (w *way) splice() (done bool, err error) {
	s := splicing{way: w}
	if s.from, err = w.from.sock.SyscallConn(); err != nil {
		return false, err
	}
	if s.to, err = w.to.sock.SyscallConn(); err != nil {
		return false, errWriting{err}
	}
	s.fill, s.drain = s.doFill, s.doDrain
	for {
		s.err = nil
		err := s.from.Read(s.fill)
		if s.err == errNoPipe {
			return false, nil
		}
		if err = errors.Join(err, s.err); err != nil {
			return false, err
		}
		n := s.in
		if n == 0 {
			return true, nil
		}
		if err := s.empty(); err != nil {
			return false, errWriting{err}
		}
		w.bytes.Add(int64(n))
		if n < spliceLeast {
			return false, nil
		}
	}
}

// doFill moves what there is into a pipe, which is only held where there is something.
func (s *splicing) doFill(fd uintptr) bool {
	p, err := takePipe()
	if err != nil {
		s.err = errNoPipe
		return true
	}
	n, err := splice(int(fd), p.w, pipeSize)
	if n > 0 {
		s.pipe, s.in = p, n
		return true
	}
	givePipe(p)
	s.in, s.err = 0, err
	if err == unix.EAGAIN {
		s.err = nil
		return false
	}
	return true
}

// empty moves all of the pipe on.
func (s *splicing) empty() error {
	s.err = nil
	if err := errors.Join(s.to.Write(s.drain), s.err); err != nil {
		dropPipe(s.pipe)
		return err
	}
	givePipe(s.pipe)
	return nil
}

func (s *splicing) doDrain(fd uintptr) bool {
	for s.in > 0 {
		n, err := splice(s.pipe.r, int(fd), s.in)
		if err == unix.EAGAIN {
			return false
		}
		if err != nil {
			s.err = err
			return true
		}
		s.in -= n
	}
	return true
}

func splice(from, to, most int) (int, error) {
	for {
		n, err := unix.Splice(from, nil, to, nil, most, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if err != unix.EINTR {
			return int(max(n, 0)), err
		}
	}
}

package http2

import (
	"errors"
	"strconv"
)

// ErrCode is an error code of RFC 9113 section 7.
type ErrCode uint32

// The error codes.
const (
	NoError            ErrCode = 0x0
	ProtocolError      ErrCode = 0x1
	InternalError      ErrCode = 0x2
	FlowControlError   ErrCode = 0x3
	SettingsTimeout    ErrCode = 0x4
	StreamClosed       ErrCode = 0x5
	FrameSizeError     ErrCode = 0x6
	RefusedStream      ErrCode = 0x7
	Cancel             ErrCode = 0x8
	CompressionError   ErrCode = 0x9
	ConnectError       ErrCode = 0xa
	EnhanceYourCalm    ErrCode = 0xb
	InadequateSecurity ErrCode = 0xc
	HTTP11Required     ErrCode = 0xd
)

var codeNames = [...]string{"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
	"STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR",
	"ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"}

// String gives the code's name in the RFC; an unknown code as a number.
func (c ErrCode) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "0x" + strconv.FormatUint(uint64(c), 16)
}

// ConnError ends a connection. It is sent as GOAWAY when we found the fault, and
// is what the peer sent where Remote is set.
type ConnError struct {
	Code   ErrCode
	Reason string // what was wrong, for the log; goes out as debug data
	Remote bool
}

func (e *ConnError) Error() string {
	if e.Remote {
		return "http2: connection ended by peer with " + e.Code.String() + ": " + e.Reason
	}
	return "http2: connection ended with " + e.Code.String() + ": " + e.Reason
}

// StreamError says that a stream was reset.
type StreamError struct {
	Code   ErrCode
	Remote bool // by the peer; else by us
}

func (e *StreamError) Error() string {
	if e.Remote {
		return "http2: stream reset by peer with " + e.Code.String()
	}
	return "http2: stream reset with " + e.Code.String()
}

// Errors of streams.
var (
	// ErrClosed: the connection has ended under the stream.
	ErrClosed = errors.New("http2: connection closed")
	// ErrEnded: the stream's own side has already been ended.
	ErrEnded = errors.New("http2: stream already ended")

	errNoHead     = errors.New("http2: body before the head")
	errSecondHead = errors.New("http2: second head")
)

// Errors made in advance: a reset must not allocate.
var remoteResets, localResets = func() (r, l [len(codeNames)]*StreamError) {
	for i := range r {
		r[i] = &StreamError{ErrCode(i), true}
		l[i] = &StreamError{ErrCode(i), false}
	}
	return r, l
}()

func streamError(code ErrCode, remote bool) error {
	switch {
	case int(code) >= len(codeNames):
		return &StreamError{code, remote}
	case remote:
		return remoteResets[code]
	}
	return localResets[code]
}

func connError(code ErrCode, reason string) error { return &ConnError{Code: code, Reason: reason} }

package http2

import "encoding/binary"

// preface is what a client's connection begins with (RFC 9113 section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

const (
	frameHeaderSize = 9
	// maxFrame is the payload that we take: SETTINGS_MAX_FRAME_SIZE's initial value.
	maxFrame = 16 << 10
	// maxData is the payload of the DATA frames that we send: with its header such a
	// frame fills one TLS record.
	maxData = maxFrame - frameHeaderSize

	maxWindow = 1<<31 - 1
	maxID     = 1<<31 - 1
)

type frameType uint8

const (
	frameData         frameType = 0x0
	frameHeaders      frameType = 0x1
	framePriority     frameType = 0x2
	frameRSTStream    frameType = 0x3
	frameSettings     frameType = 0x4
	framePushPromise  frameType = 0x5
	framePing         frameType = 0x6
	frameGoAway       frameType = 0x7
	frameWindowUpdate frameType = 0x8
	frameContinuation frameType = 0x9
)

// Flags of frames; which mean something depends on the type.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// frame is one frame as it lies in the read buffer.
type frame struct {
	kind    frameType
	flags   uint8
	id      uint32
	payload []byte
}

func (f *frame) has(flag uint8) bool { return f.flags&flag != 0 }

// parseFrame takes the frame at the beginning of b. n is its whole length, also
// when b does not hold all of it yet; ok tells whether it does.
func parseFrame(b []byte) (f frame, n int, ok bool) {
	if len(b) < frameHeaderSize {
		return f, frameHeaderSize, false
	}
	n = frameHeaderSize + int(b[0])<<16 + int(b[1])<<8 + int(b[2])
	f = frame{kind: frameType(b[3]), flags: b[4], id: binary.BigEndian.Uint32(b[5:]) & maxID}
	if len(b) < n {
		return f, n, false
	}
	f.payload = b[frameHeaderSize:n]
	return f, n, true
}

// unpad cuts padding off (RFC 9113 section 6.1).
func (f *frame) unpad() error {
	if !f.has(flagPadded) {
		return nil
	}
	if len(f.payload) == 0 {
		return connError(FrameSizeError, "padded frame without a pad length")
	}
	pad := int(f.payload[0])
	f.payload = f.payload[1:]
	if pad > len(f.payload) {
		return connError(ProtocolError, "padding longer than the payload")
	}
	f.payload = f.payload[:len(f.payload)-pad]
	return nil
}

func appendFrameHeader(b []byte, length int, kind frameType, flags uint8, id uint32) []byte {
	return append(b, byte(length>>16), byte(length>>8), byte(length), byte(kind), flags,
		byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

func appendRSTStream(b []byte, id uint32, code ErrCode) []byte {
	b = appendFrameHeader(b, 4, frameRSTStream, 0, id)
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

func appendWindowUpdate(b []byte, id uint32, n int) []byte {
	b = appendFrameHeader(b, 4, frameWindowUpdate, 0, id)
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

func appendPing(b []byte, flags uint8, data [8]byte) []byte {
	b = appendFrameHeader(b, 8, framePing, flags, 0)
	return append(b, data[:]...)
}

func appendGoAway(b []byte, last uint32, code ErrCode, debug string) []byte {
	b = appendFrameHeader(b, 8+len(debug), frameGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return append(b, debug...)
}

// appendHeaderBlock appends a header block as HEADERS and as many CONTINUATION
// frames as it takes with payloads of at most size bytes.
func appendHeaderBlock(b []byte, id uint32, block []byte, size int, end bool) []byte {
	kind, flags := frameHeaders, uint8(0)
	if end {
		flags = flagEndStream
	}
	for {
		n := min(len(block), size)
		if n == len(block) {
			flags |= flagEndHeaders
		}
		b = appendFrameHeader(b, n, kind, flags, id)
		b = append(b, block[:n]...)
		block = block[n:]
		if len(block) == 0 {
			return b
		}
		kind, flags = frameContinuation, 0
	}
}

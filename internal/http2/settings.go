package http2

import "encoding/binary"

// Settings of RFC 9113 section 6.5.2, RFC 8441 and RFC 9218.
const (
	settingHeaderTableSize       = 0x1
	settingEnablePush            = 0x2
	settingMaxConcurrentStreams  = 0x3
	settingInitialWindowSize     = 0x4
	settingMaxFrameSize          = 0x5
	settingMaxHeaderListSize     = 0x6
	settingEnableConnectProtocol = 0x8
	settingNoRFC7540Priorities   = 0x9
)

const settingSize = 6

// settings are the peer's, as far as they concern us.
type settings struct {
	tableSize  uint32 // of its decoder: the most our encoder may use
	streams    uint32 // how many we may open; clients only
	window     int32  // a new stream's send window
	frameSize  int32
	headerList uint32 // how large a header it takes, by RFC 9113 section 10.5.1
	connect    bool   // extended CONNECT is understood
	noPriority bool
}

var initialSettings = settings{tableSize: tableSize, streams: 1<<32 - 1, window: initialWindow, frameSize: maxFrame, headerList: 1<<32 - 1}

func appendSetting(b []byte, id uint16, value uint32) []byte {
	b = binary.BigEndian.AppendUint16(b, id)
	return binary.BigEndian.AppendUint32(b, value)
}

// apply takes over a SETTINGS payload. Unknown settings are ignored.
func (s *settings) apply(p []byte) error {
	for ; len(p) >= settingSize; p = p[settingSize:] {
		value := binary.BigEndian.Uint32(p[2:])
		switch binary.BigEndian.Uint16(p) {
		case settingHeaderTableSize:
			s.tableSize = value
		case settingEnablePush:
			if value > 1 {
				return connError(ProtocolError, "SETTINGS_ENABLE_PUSH is neither 0 nor 1")
			}
		case settingMaxConcurrentStreams:
			s.streams = value
		case settingInitialWindowSize:
			if value > maxWindow {
				return connError(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE over 2^31-1")
			}
			s.window = int32(value)
		case settingMaxFrameSize:
			if value < maxFrame || value > 1<<24-1 {
				return connError(ProtocolError, "SETTINGS_MAX_FRAME_SIZE out of range")
			}
			s.frameSize = int32(value)
		case settingMaxHeaderListSize:
			s.headerList = value
		case settingEnableConnectProtocol:
			if value > 1 || s.connect && value == 0 { // RFC 8441 section 3
				return connError(ProtocolError, "SETTINGS_ENABLE_CONNECT_PROTOCOL is wrong")
			}
			s.connect = value == 1
		case settingNoRFC7540Priorities:
			if value > 1 { // RFC 9218 section 2.1
				return connError(ProtocolError, "SETTINGS_NO_RFC7540_PRIORITIES is neither 0 nor 1")
			}
			s.noPriority = value == 1
		}
	}
	return nil
}

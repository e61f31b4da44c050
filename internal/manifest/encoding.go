package manifest

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// toText is what kubectl reads in a file: UTF-16 where its byte order mark says so, else
// UTF-8 with or without one, in which bytes that are none become U+FFFD. Ends of lines are
// "\n", of which "\r\n" and "\r" are other spellings (YAML 1.1, section 5.4); in a string of JSON there is none of them.
func toText(data []byte) []byte {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		data = fromUTF16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		data = fromUTF16(data[2:], binary.BigEndian)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		data = []byte(string([]rune(string(data))))
	}
	if bytes.IndexByte(data, '\r') >= 0 {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	}
	return data
}

func fromUTF16(data []byte, order binary.ByteOrder) []byte {
	text := make([]byte, 0, len(data))
	for len(data) >= 2 {
		r, size := rune(order.Uint16(data)), 2
		if utf16.IsSurrogate(r) {
			pair := rune(utf8.RuneError)
			if len(data) >= 4 {
				pair = utf16.DecodeRune(r, rune(order.Uint16(data[2:])))
			}
			if r = pair; r != utf8.RuneError {
				size = 4
			}
		}
		text, data = utf8.AppendRune(text, r), data[size:]
	}
	if len(data) > 0 {
		text = utf8.AppendRune(text, utf8.RuneError)
	}
	return text
}

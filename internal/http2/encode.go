package http2

// encoder encodes the header blocks of one direction (RFC 7541).
//
// A server's encoder indexes what is likely to come again. A client's must not:
// its connection carries requests of many users, who could find out each other's
// secrets by what compresses well (RFC 7541 section 7.1); its table has no room.
type encoder struct {
	table   table
	resized bool // the peer must be told the table's size
}

// setMax follows the peer's SETTINGS_HEADER_TABLE_SIZE. When the size goes down
// and up again between two blocks it stays down, which saves the second of the two
// updates that RFC 7541 section 4.2 asks for then: not every decoder takes it.
func (e *encoder) setMax(max int) {
	if e.resized {
		max = min(max, e.table.max)
	}
	if max != e.table.max {
		e.resized = true
		e.table.resize(max)
	}
}

// begin starts a block: a table size update comes first.
func (e *encoder) begin(dst []byte) []byte {
	if !e.resized {
		return dst
	}
	e.resized = false
	return appendInteger(dst, 5, 0x20, e.table.max)
}

// appendStatus encodes a response's :status.
func appendStatus(dst []byte, status int) []byte {
	switch status {
	case 200:
		return append(dst, 0x80|8)
	case 204:
		return append(dst, 0x80|9)
	case 206:
		return append(dst, 0x80|10)
	case 304:
		return append(dst, 0x80|11)
	case 400:
		return append(dst, 0x80|12)
	case 404:
		return append(dst, 0x80|13)
	case 500:
		return append(dst, 0x80|14)
	}
	return append(dst, 8, 3, byte('0'+status/100%10), byte('0'+status/10%10), byte('0'+status%10))
}

// appendField encodes a field. name is in lower case.
func (e *encoder) appendField(dst, name, value []byte) []byte {
	id := lookupName(name)
	index := int(id)
	if id > lastStatic {
		index = 0
	}
	switch how := indexing(id); {
	case how == neverIndex:
		return appendLiteral(dst, 4, 0x10, index, name, value)
	case how == withoutIndex, len(name)+len(value)+entryOverhead > e.table.max/2:
		return appendLiteral(dst, 4, 0, index, name, value)
	}
	hash := fieldHash(name, value)
	field, named := e.table.find(name, value, hash)
	if field > 0 {
		return appendInteger(dst, 7, 0x80, len(staticFields)+field)
	}
	if index == 0 && named > 0 {
		index = len(staticFields) + named
	}
	dst = appendLiteral(dst, 6, 0x40, index, name, value)
	e.table.add(name, value, id, true, hash)
	return dst
}

// Ways to treat a field.
const (
	mayIndex = iota
	withoutIndex
	neverIndex
)

// indexing tells which fields are worth a place in the table: not those that are
// never the same twice; and which must not be in anybody's: secrets (RFC 7541
// section 7.1.3).
func indexing(id nameID) int {
	switch id {
	case nameAuthorization, nameProxyAuthorization, nameCookie, nameSetCookie:
		return neverIndex
	case namePath, nameAge, nameContentLength, nameContentRange, nameETag, nameExpires, nameIfModifiedSince, nameIfNoneMatch,
		nameLastModified, nameLocation, nameTraceID, nameRequestID:
		return withoutIndex
	}
	return mayIndex
}

// appendLiteral encodes a literal field with the pattern of its kind in the bits
// above a prefix of n; index is that of its name, or 0.
func appendLiteral(dst []byte, n uint, pattern byte, index int, name, value []byte) []byte {
	dst = appendInteger(dst, n, pattern, index)
	if index == 0 {
		dst = appendText(dst, name)
	}
	return appendText(dst, value)
}

// appendText encodes a string, in Huffman's code where that is shorter.
func appendText(dst, text []byte) []byte {
	if n := huffmanLength(text); n < len(text) {
		return appendHuffman(appendInteger(dst, 7, 0x80, n), text)
	}
	return append(appendInteger(dst, 7, 0, len(text)), text...)
}

// appendInteger encodes v with a prefix of n bits below a pattern (RFC 7541 section 5.1).
func appendInteger(dst []byte, n uint, pattern byte, v int) []byte {
	most := 1<<n - 1
	if v < most {
		return append(dst, pattern|byte(v))
	}
	dst = append(dst, pattern|byte(most))
	for v -= most; v >= 0x80; v >>= 7 {
		dst = append(dst, 0x80|byte(v))
	}
	return append(dst, byte(v))
}

package http2

import "hash/maphash"

// tableSize is the dynamic tables' size in the units of RFC 7541 section 4.1. It
// is the initial one, and we neither offer nor use more.
const tableSize = 4096

// entryOverhead is what each entry counts besides its bytes (RFC 7541 section 4.1).
const entryOverhead = 32

// table is a dynamic table. Names and values of all entries lie one behind the
// other in one piece of memory, oldest first, which is moved to the front when it
// has no more room: an insertion allocates nothing once the memory has grown.
type table struct {
	text    []byte
	entries []entry // those from first on are alive
	first   int
	size    int
	max     int
}

type entry struct {
	start, nameLen, valueLen uint32 // in text
	id                       nameID
	valid                    bool   // name and value may stand in a field
	hash                     uint32 // of name and value; encoders only
}

func (t *table) len() int { return len(t.entries) - t.first }

// at gives the entry with the index that RFC 7541 section 2.3.2 counts from the newest, 1.
func (t *table) at(i int) *entry { return &t.entries[len(t.entries)-i] }

func (t *table) name(e *entry) []byte { return t.text[e.start : e.start+e.nameLen] }

func (t *table) value(e *entry) []byte {
	return t.text[e.start+e.nameLen : e.start+e.nameLen+e.valueLen]
}

// resize sets the size that the entries may have together.
func (t *table) resize(max int) {
	t.max = max
	t.evict(0)
}

// evict makes room for size more.
func (t *table) evict(size int) {
	for t.size+size > t.max && t.len() > 0 {
		e := &t.entries[t.first]
		t.size -= int(e.nameLen+e.valueLen) + entryOverhead
		t.first++
	}
	if t.len() == 0 {
		t.text, t.entries, t.first = t.text[:0], t.entries[:0], 0
	}
}

// add inserts an entry. One that is larger than the table empties it (RFC 7541
// section 4.4). name and value must not lie in the table itself.
func (t *table) add(name, value []byte, id nameID, valid bool, hash uint32) {
	size := len(name) + len(value) + entryOverhead
	t.evict(size)
	if size > t.max {
		return
	}
	if len(t.text)+len(name)+len(value) > cap(t.text) || len(t.entries) == cap(t.entries) {
		t.compact()
	}
	start := uint32(len(t.text))
	t.text = append(append(t.text, name...), value...)
	t.entries = append(t.entries, entry{start, uint32(len(name)), uint32(len(value)), id, valid, hash})
	t.size += size
}

// compact moves what is alive to the front.
func (t *table) compact() {
	if t.first == 0 {
		return
	}
	gone := t.entries[t.first].start
	t.text = t.text[:copy(t.text, t.text[gone:])]
	t.entries = t.entries[:copy(t.entries, t.entries[t.first:])]
	for i := range t.entries {
		t.entries[i].start -= gone
	}
	t.first = 0
}

var hashSeed = maphash.MakeSeed()

// fieldHash tells fields apart in find; equal hashes still have to be compared.
func fieldHash(name, value []byte) uint32 {
	return uint32(maphash.Bytes(hashSeed, name)*31 + maphash.Bytes(hashSeed, value))
}

// find looks for a field, and else for its name. An index is 0 where there is none.
func (t *table) find(name, value []byte, hash uint32) (field, named int) {
	for i := 1; i <= t.len(); i++ {
		e := t.at(i)
		if e.hash == hash && string(t.name(e)) == string(name) && string(t.value(e)) == string(value) {
			return i, i
		}
		if named == 0 && int(e.nameLen) == len(name) && string(t.name(e)) == string(name) {
			named = i
		}
	}
	return 0, named
}

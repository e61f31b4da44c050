package http2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for i, f := range staticFields {
		id := lookupName([]byte(f.name))
		if id.String() != f.name || int(id) > i+1 || !seen[f.name] && int(id) != i+1 {
			t.Errorf("%s: %d, static index %d", f.name, id, i+1)
		}
		seen[f.name] = true
	}
	for i, name := range moreNames {
		if id := lookupName([]byte(name)); id != lastStatic+1+nameID(i) {
			t.Errorf("%s: %d", name, id)
		}
	}
	for _, c := range []struct {
		id   nameID
		name string
	}{{nameAuthority, ":authority"}, {nameContentLength, "content-length"}, {nameSetCookie, "set-cookie"}, {nameTransferEncoding, "transfer-encoding"},
		{nameUpgrade, "upgrade"}, {nameTE, "te"}, {nameProtocol, ":protocol"}, {nameETag, "etag"}, {nameLocation, "location"}, {0, "x-other"}, {0, ""}} {
		if got := lookupName([]byte(c.name)); got != c.id {
			t.Errorf("%s: %d, want %d", c.name, got, c.id)
		}
	}
}

func TestHuffman(t *testing.T) {
	var all []byte
	for i := range 256 {
		all = append(all, byte(i), byte(255-i), 'e')
	}
	for _, text := range []string{"", "a", "www.example.com", "Mon, 21 Oct 2013 20:13:21 GMT", string(all)} {
		encoded := appendHuffman(nil, []byte(text))
		if want := hpack.AppendHuffmanString(nil, text); !bytes.Equal(encoded, want) || len(encoded) != huffmanLength([]byte(text)) {
			t.Errorf("%q: %x, want %x", text, encoded, want)
		}
		if got, err := appendHuffmanDecoded(nil, encoded); string(got) != text || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func FuzzHuffman(f *testing.F) {
	f.Add([]byte("\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := appendHuffmanDecoded(nil, b)
		want, wantErr := hpack.HuffmanDecodeToString(b)
		if (err == nil) != (wantErr == nil) || err == nil && string(got) != want {
			t.Fatalf("%x: %q, %v; want %q, %v", b, got, err, want, wantErr)
		}
	})
}

// plainFields decodes a block by d into text.
func plainFields(d *decoder, block []byte) (string, error) {
	var b strings.Builder
	for first := true; len(block) > 0; {
		if block[0]&0xe0 == 0x20 {
			size, rest, err := readInteger(block, 5)
			if err != nil || size > tableSize || !first {
				return "", errTableSize
			}
			d.table.resize(size)
			block = rest
			continue
		}
		first = false
		f, rest, err := d.field(block)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%q=%q\n", f.name, f.value)
		block = rest
	}
	return b.String(), nil
}

// FuzzDecode compares with x/net's decoder, block by block on one table.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"), []byte("\xbe\x3e\x7f\x00"))
	f.Add([]byte("\x40\x0acustom-key\x0dcustom-header"), []byte("\x20\xbe"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		ours := decoder{table: table{max: tableSize}}
		theirs := hpack.NewDecoder(tableSize, nil)
		for _, block := range [][]byte{a, b} {
			got, err := plainFields(&ours, block)
			fields, wantErr := theirs.DecodeFull(block)
			if wantErr != nil { // they forgive some integers and table sizes
				return
			}
			var want strings.Builder
			for _, f := range fields {
				fmt.Fprintf(&want, "%q=%q\n", f.Name, f.Value)
			}
			if err == errInteger || err == errTableSize {
				return
			}
			if err != nil || got != want.String() {
				t.Fatalf("%x: %s, %v; want %s", block, got, err, want.String())
			}
			if size := ours.table.size; size > tableSize {
				t.Fatalf("table holds %d", size)
			}
		}
	})
}

// TestEncode: x/net's decoder gets what our encoder was given, over many blocks
// and through changes of the table's size.
func TestEncode(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	enc := encoder{table: table{max: tableSize}}
	var got []string
	dec := hpack.NewDecoder(tableSize, func(f hpack.HeaderField) { got = append(got, f.Name+"="+f.Value) })
	names := []string{"server", "content-type", "date", "x-one", "x-two", "set-cookie", "etag", "x-" + strings.Repeat("long", 30), "vary"}
	for round := range 3000 {
		if rng.IntN(100) == 0 {
			enc.setMax(rng.IntN(tableSize + 1))
			enc.setMax(rng.IntN(tableSize + 1))
		}
		var want []string
		block := enc.begin(nil)
		for range 1 + rng.IntN(8) {
			name, value := names[rng.IntN(len(names))], strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(60)*rng.IntN(20))
			want = append(want, name+"="+value)
			block = enc.appendField(block, []byte(name), []byte(value))
		}
		got = got[:0]
		if _, err := dec.Write(block); err != nil {
			t.Fatal(round, err)
		}
		if err := dec.Close(); err != nil {
			t.Fatal(round, err)
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("round %d: got %v, want %v", round, got, want)
		}
		if enc.table.size > enc.table.max {
			t.Fatalf("table holds %d of %d", enc.table.size, enc.table.max)
		}
	}
}

// TestSecretsAreNeverIndexed: not by us, nor by whoever sends them on (RFC 7541 section 7.1.3).
func TestSecretsAreNeverIndexed(t *testing.T) {
	enc := encoder{table: table{max: tableSize}}
	for _, name := range []string{"cookie", "set-cookie", "authorization", "proxy-authorization"} {
		block := enc.appendField(nil, []byte(name), []byte("secret"))
		if block[0]&0xf0 != 0x10 || enc.table.len() > 0 {
			t.Errorf("%s: %x", name, block)
		}
	}
	client := encoder{} // shares its connection among many users
	client.appendField(nil, []byte("x"), []byte("y"))
	if client.table.len() > 0 {
		t.Error("a client's encoder has indexed a field")
	}
}

func TestStatus(t *testing.T) {
	for status := 100; status < 1000; status++ {
		d := decoder{table: table{max: tableSize}}
		if got, err := plainFields(&d, appendStatus(nil, status)); got != fmt.Sprintf("\":status\"=\"%d\"\n", status) || err != nil {
			t.Fatal(status, got, err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	enc := encoder{table: table{max: tableSize}}
	var blocks [2][]byte
	for i := range blocks {
		blocks[i] = appendLiteral([]byte{0x82, 0x87}, 4, 0, int(namePath), nil, []byte("/products/1234567/reviews"))
		for _, f := range [][2]string{{"user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}, {"accept", "text/html"},
			{"accept-language", "en-US,en;q=0.5"}, {"accept-encoding", "gzip, deflate, br"}, {"cookie", "session=0123456789abcdef0123456789abcdef"}} {
			blocks[i] = enc.appendField(blocks[i], []byte(f[0]), []byte(f[1]))
		}
	}
	d := decoder{table: table{max: tableSize}}
	var h Header
	h.reset(requestHeader)
	if err := d.decode(blocks[0], &h); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		h.reset(requestHeader)
		if d.decode(blocks[1], &h) != nil || h.Len() != 5 {
			b.Fatal("not decoded")
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	c := &Conn{enc: encoder{table: table{max: tableSize}}}
	lines := []byte("Date: Mon, 21 Oct 2013 20:13:21 GMT\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 12345\r\nServer: nginx\r\n" +
		"Cache-Control: max-age=3600\r\nVary: Accept-Encoding\r\nConnection: keep-alive\r\n")
	var block []byte
	b.ReportAllocs()
	for b.Loop() {
		block = c.appendLines(appendStatus(block[:0], 200), lines)
	}
}

package accesslog

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// unpack reads with the standard library what the packer has made.
func unpack(t *testing.T, members []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(members))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("unpacking: %v", err)
	}
	return string(text)
}

func TestPack(t *testing.T) {
	p := newPacker()
	var file bytes.Buffer
	want := ""
	for _, text := range []string{
		"one line\n",
		strings.Repeat("a line like all the others\n", 3000),
		"",
		"a line without an end",
		strings.Repeat("x", 100_000) + "\n" + strings.Repeat("x", 100_000) + "\n", // farther back than a repetition can lie
		strings.Repeat("y", 259) + "\n" + strings.Repeat("y", 259) + "\n",         // one byte more than a repetition can be long
		"http agent \"curl/8\" - - 1\nhttp agent \"Mozilla/5.0 (X11; Linux)\" - - 1\nhttp agent \"curl/8\" - - 2\n",
	} {
		file.Write(p.pack([]byte(text)))
		want += text
	}
	if got := unpack(t, file.Bytes()); got != want {
		t.Errorf("unpacked %d bytes; want the %d that were packed", len(got), len(want))
	}
}

// TestPackEveryByte: each byte has a code, and no text grows beyond the memory that is made for it.
func TestPackEveryByte(t *testing.T) {
	p := newPacker()
	for c := range 256 {
		text := bytes.Repeat([]byte{byte(c), '\n', byte(255 - c), byte(c)}, 20_000)
		if got := unpack(t, p.pack(text)); got != string(text) {
			t.Errorf("byte %#x does not come back", c)
		}
	}
	for i, w := range literals {
		if w.n == 0 || w.n > maxBits {
			t.Errorf("the code of %d has %d bits", i, w.n)
		}
	}
}

// TestPackLines: lines of many clients take a fifth of their size at most.
func TestPackLines(t *testing.T) {
	r := sample()
	var text []byte
	for i := range 100 {
		r.Time = r.Time.Add(137 * time.Microsecond)
		r.Client = netip.AddrPortFrom(r.Client.Addr(), uint16(20000+7919*i))
		r.ConnTraceID = fmt.Sprintf("TID_%032x", uint64(i)*0x9e3779b97f4a7c15)
		text = r.AppendTo(text)
	}
	if n := len(newPacker().pack(text)); n > len(text)/5 {
		t.Errorf("%d bytes of lines take %d", len(text), n)
	}
}

func FuzzPack(f *testing.F) {
	f.Add([]byte("a 1 b\na 2 b\n"))
	f.Add([]byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\naaaaaaaaaaaaaaaaaaaaaaaaaaaa\"aaaa aaaaaa\n\n\n"))
	r := sample()
	f.Add(r.AppendTo(r.AppendTo(nil)))
	p := newPacker()
	f.Fuzz(func(t *testing.T, text []byte) {
		if got := unpack(t, p.pack(text)); got != string(text) {
			t.Errorf("%q comes back as %q", text, got)
		}
	})
}

func BenchmarkPack(b *testing.B) {
	r := sample()
	var text []byte
	for range 100 {
		text = r.AppendTo(text)
	}
	p := newPacker()
	b.ReportAllocs()
	for b.Loop() {
		p.pack(text)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/line")
}

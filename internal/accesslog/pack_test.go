package accesslog

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

// TestPack reads with the standard library what another one has packed.
func TestPack(t *testing.T) {
	p := newPacker()
	var file bytes.Buffer
	want := ""
	for _, text := range []string{"one line\n", strings.Repeat("a line like all the others\n", 3000), ""} {
		file.Write(p.pack([]byte(text)))
		want += text
	}
	z, err := gzip.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || string(got) != want {
		t.Errorf("unpacked %d bytes, %v; want the %d that were packed", len(got), err, len(want))
	}
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

package accesslog

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

func unpack(t testing.TB, packed []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Texts of all sizes, with matches of all lengths at all distances, by a packer
// that has learnt from all of the ones before.
func TestPackUnpacks(t *testing.T) {
	p := newPacker()
	rng := rand.New(rand.NewPCG(5, 6))
	noise := make([]byte, 70_000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	check := func(name string, text []byte) {
		t.Helper()
		if got := unpack(t, p.pack(text)); !bytes.Equal(got, text) {
			t.Fatalf("%s of %d bytes came back as %d others", name, len(text), len(got))
		}
	}
	for size := range 40 {
		check("noise", noise[:size])
		check("ones", bytes.Repeat([]byte{'1'}, size))
	}
	for length := 1; length < 800; length++ {
		distance := 1 + rng.IntN(1000)
		if length%32 == 0 {
			distance = window - 2 + length/32%5 // just within and just beyond
		}
		text := append(bytes.Clone(noise[:distance]), noise[:min(length, distance)]...)
		check("a match", text)
		check("a run", append(bytes.Repeat([]byte{byte(length)}, length), "end"...))
	}
	check("noise", noise)
	check("lines", traffic(100))
	check("many lines", traffic(2000))
	check("nothing", nil)
}

// A code for counts as lopsided as can be keeps to the format's 15 bits, and is complete.
func TestHuffmanKeepsToItsLimit(t *testing.T) {
	counts, lengths := make([]uint32, distances), make([]uint8, distances)
	counts[0], counts[1] = 1, 1
	for i := 2; i < len(counts); i++ {
		counts[i] = counts[i-1] + counts[i-2]
	}
	huffman(counts, lengths)
	sum := 0
	for i, n := range lengths {
		if n < 1 || n > maxCodeBits || i > 0 && n > lengths[i-1] {
			t.Errorf("symbol %d has %d bits", i, n)
		}
		sum += 1 << (maxCodeBits - n)
	}
	if sum != 1<<maxCodeBits {
		t.Errorf("the code is not complete: %d", sum)
	}
}

func FuzzPack(f *testing.F) {
	f.Add(traffic(5), uint16(3))
	f.Add([]byte("aaaaaaaaaaaaaaaaaaaaab"), uint16(300))
	p := newPacker()
	f.Fuzz(func(t *testing.T, text []byte, times uint16) {
		text = bytes.Repeat(text, 1+int(times%400))
		text = text[:min(len(text), 40_000)]
		if got := unpack(t, p.pack(text)); !bytes.Equal(got, text) {
			t.Fatalf("%d bytes came back as %d others", len(text), len(got))
		}
	})
}

func TestPackAllocatesNothing(t *testing.T) {
	p, text := newPacker(), traffic(80)
	p.pack(text)
	if n := testing.AllocsPerRun(100, func() { p.pack(text) }); n > 1 { // of learning, once in a while
		t.Errorf("%v allocations a chunk", n)
	}
}

// The packer against compress/gzip, on chunks of one hundred lines.
func BenchmarkPack(b *testing.B) {
	const n, pieces = 100, 20
	lines := traffic(n * pieces)
	piece := len(lines) / pieces
	run := func(name string, pack func([]byte) int) {
		b.Run(name, func(b *testing.B) {
			in, out, i := 0, 0, 0
			for b.Loop() {
				out += pack(lines[i*piece : (i+1)*piece])
				in, i = in+piece, (i+1)%pieces
			}
			b.SetBytes(int64(piece))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/line")
			b.ReportMetric(float64(in)/float64(out), "ratio")
		})
	}
	p := newPacker()
	run("packer", func(text []byte) int { return len(p.pack(text)) })
	for _, level := range []int{gzip.HuffmanOnly, gzip.BestSpeed, gzip.DefaultCompression} {
		var out bytes.Buffer
		z, _ := gzip.NewWriterLevel(&out, level)
		run(fmt.Sprintf("gzip%d", level), func(text []byte) int {
			out.Reset()
			z.Reset(&out)
			z.Write(text)
			z.Close()
			return out.Len()
		})
	}
}

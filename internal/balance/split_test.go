package balance

import "testing"

func TestSplit(t *testing.T) {
	for _, weights := range [][]int{
		{1}, {1, 1}, {1, 1, 1}, {90, 10}, {999, 1}, {0, 5, 0}, {997, 991, 983}, {1, 2, 3, 4, 5}, {7, 0, 7, 14, 1}, {100, 300},
	} {
		s := NewSplit(weights)
		total := 0
		for _, w := range weights {
			total += w
		}
		counts := make([]int, len(weights))
		for n := 1; n <= 2*total; n++ {
			counts[s.Choose()]++
			for i, w := range weights {
				// Nobody is ever far from the share due: the sequence is even, not blockwise.
				if due := float64(n) * float64(w) / float64(total); abs(float64(counts[i])-due) > 3 {
					t.Fatalf("%v: after %d choices %d got %d, due %.1f", weights, n, i, counts[i], due)
				}
			}
		}
		for i, w := range weights {
			if counts[i] != 2*w {
				t.Errorf("%v: %d got %d in two rounds", weights, i, counts[i])
			}
		}
	}
}

func abs(f float64) float64 { return max(f, -f) }

func TestSplitOfNothing(t *testing.T) {
	for _, weights := range [][]int{nil, {0}, {0, 0}, {-1}} {
		if got := NewSplit(weights).Choose(); got != -1 {
			t.Errorf("%v: %d", weights, got)
		}
	}
	if n := testing.AllocsPerRun(100, func() { benchSplit.Choose() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var benchSplit = NewSplit([]int{90, 10})

func BenchmarkSplit(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			benchSplit.Choose()
		}
	})
}

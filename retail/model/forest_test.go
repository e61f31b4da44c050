package model

import (
	"math"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
)

// randomForest makes trees of random questions about n features, each with as many thresholds as may be.
func randomForest(t testing.TB, r *rand.Rand, trees, n int) ([]Tree, *Forest) {
	t.Helper()
	all := make([]Tree, trees)
	var thresholds [MaxInputs][maxCuts]float32
	for i := range thresholds {
		for j := range thresholds[i] {
			thresholds[i][j] = float32(r.NormFloat64())
		}
	}
	for i := range all {
		for j := range all[i].Splits {
			feature := r.IntN(n)
			all[i].Splits[j] = Split{Feature: uint8(feature), MissingRight: r.IntN(2) == 1, Threshold: thresholds[feature][r.IntN(maxCuts)]}
		}
		for j := range all[i].Leaves {
			all[i].Leaves[j] = float32(r.NormFloat64())
		}
	}
	f, err := NewForest(n, 0.5, all)
	if err != nil {
		t.Fatal(err)
	}
	return all, f
}

// plain walks a tree as its definition says.
func plain(t *Tree, v *[MaxInputs]float32) float32 {
	i := 0
	for range Depth {
		s := t.Splits[i]
		x := v[s.Feature]
		if x < s.Threshold || x != x && !s.MissingRight {
			i = 2*i + 1
		} else {
			i = 2*i + 2
		}
	}
	return t.Leaves[i-splits]
}

func TestForestIsTheSumOfItsTrees(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, trees := range []int{0, 1, 7, 8, 9, 200} {
		all, f := randomForest(t, r, trees, 21)
		if f.Trees() != trees {
			t.Errorf("%d trees counted as %d", trees, f.Trees())
		}
		for range 500 {
			var v [MaxInputs]float32
			for i := range v {
				switch r.IntN(8) {
				case 0:
					v[i] = float32(math.NaN())
				case 1:
					v[i] = float32(math.Inf(r.IntN(2)*2 - 1))
				case 2: // exactly a threshold: not below it
					if trees > 0 {
						v[i] = all[r.IntN(trees)].Splits[r.IntN(splits)].Threshold
					}
				case 3:
					v[i] = float32(math.Copysign(0, -1))
				default:
					v[i] = float32(r.NormFloat64())
				}
			}
			want := float32(0.5)
			for i := range all {
				want += plain(&all[i], &v)
			}
			if got := f.Sum(&v); got != want {
				t.Fatalf("%d trees of %v: %v, want %v", trees, v, got, want)
			}
		}
	}
}

func TestOrdered(t *testing.T) {
	in := []float32{float32(math.Inf(-1)), -math.MaxFloat32, -2, -1, -math.SmallestNonzeroFloat32, 0, math.SmallestNonzeroFloat32, 1, 2, math.MaxFloat32, float32(math.Inf(1))}
	for i := 1; i < len(in); i++ {
		if ordered(in[i-1]) >= ordered(in[i]) {
			t.Errorf("%v is not below %v", in[i-1], in[i])
		}
	}
	if ordered(float32(math.Copysign(0, -1))) != 0 || ordered(0) != 0 {
		t.Error("the zeros differ")
	}
	if ordered(in[0]) == math.MinInt32 || ordered(in[len(in)-1]) == math.MaxInt32 {
		t.Error("a number is taken for a missing value")
	}
}

func TestNewForestRefuses(t *testing.T) {
	var far, nan Tree
	many := make([]Tree, 5)
	for i := range many {
		for j := range many[i].Splits {
			many[i].Splits[j].Threshold = float32(i*splits + j)
		}
	}
	far.Splits[3].Feature = 5
	nan.Splits[3].Threshold = float32(math.NaN())
	for want, err := range map[string]error{
		"feature 5 of 5": func() error { _, err := NewForest(5, 0, []Tree{far}); return err }(),
		"not a number":   func() error { _, err := NewForest(5, 0, []Tree{nan}); return err }(),
		"315 thresholds": func() error { _, err := NewForest(5, 0, many); return err }(),
		"33 features":    func() error { _, err := NewForest(33, 0, nil); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %q", err, want)
		}
	}
}

// The budget is 3 microseconds of CPU on one core; on a machine with other work ns/op holds the waiting too.
func BenchmarkForest200TreesDepth6(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	_, f := randomForest(b, r, 200, 21)
	vectors := make([][MaxInputs]float32, 512)
	for i := range vectors {
		for j := range vectors[i] {
			vectors[i][j] = float32(r.NormFloat64())
		}
	}
	b.ReportAllocs()
	defer reportCPU(b)()
	for i := 0; b.Loop(); i++ {
		f.Sum(&vectors[i%len(vectors)])
	}
}

// reportCPU reports the time that processors spent on the process until the function it returns is called.
func reportCPU(b *testing.B) func() {
	cpu := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := cpu()
	return func() { b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op") }
}

func TestForestDoesNotAllocate(t *testing.T) {
	_, f := randomForest(t, rand.New(rand.NewPCG(1, 2)), 200, 21)
	var v [MaxInputs]float32
	if n := testing.AllocsPerRun(100, func() { f.Sum(&v) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

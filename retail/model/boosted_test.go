package model

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

func embeddedModel(t testing.TB) (*Trained, *Boosted) {
	t.Helper()
	m, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return m, m.Predictor.(*Boosted)
}

// The model in the binary has to keep what its users rely on, whatever it was trained with last.
func TestEmbedded(t *testing.T) {
	m, b := embeddedModel(t)
	if m.Version != "v1.0" || m.Training.Rows != 106139 || len(m.Evaluations) != 2 || len(m.SHA256) != 64 || b.Forest().Trees() != 200 {
		t.Errorf("version %q, %d rows, %d evaluations, sha256 %q, %d trees", m.Version, m.Training.Rows, len(m.Evaluations), m.SHA256, b.Forest().Trees())
	}
	for _, e := range m.Evaluations {
		of := map[string]Errors{}
		for _, x := range e.Errors {
			of[x.Method] = x
		}
		model, linear, naive := e.Errors[0], of["log-linear"], of["naive (last known week)"]
		if linear.MAPE == 0 || model.MAPE > linear.MAPE || model.WAPE > linear.WAPE {
			t.Errorf("%s: the model %+v is worse than %+v", e.Name, model, linear)
		}
		if model.MAPE > naive.MAPE*0.6 || model.WAPE > naive.WAPE*0.7 {
			t.Errorf("%s: the model %+v does not clearly beat %+v", e.Name, model, naive)
		}
	}
	if tsperf := m.Evaluations[1]; tsperf.Rows != 21054 || tsperf.Errors[0].MAPE >= 40 || tsperf.Coverage == nil {
		t.Errorf("TSPerf: %+v", tsperf)
	}
	cold := m.Predict(Features{StoreID: 1, ProductID: 123, Date: DateOf(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)), Price: 29.99})
	if !(cold.Units > 5 && cold.Units < 500 && cold.Low < cold.Units && cold.Units < cold.High) || !cold.UnknownProduct || !cold.UnknownStore || !cold.PriceHeld {
		t.Errorf("the documented question is answered by %+v", cold)
	}
}

// Units never rise with the price and never fall with a promotion, for any store and product, known or not.
func TestEmbeddedIsMonotone(t *testing.T) {
	_, b := embeddedModel(t)
	for _, store := range append([]int64{-1}, b.State().Stores...) {
		for _, product := range append([]int64{-1}, b.State().Products...) {
			last := math.Inf(1)
			for price := 0.3; price < 10; price *= 1.07 { // beyond them prices are held
				f := Features{StoreID: store, ProductID: product, Price: price}
				plain := b.Predict(f)
				f.Promotion = true
				promoted := b.Predict(f).Units
				if !(plain.Units > 0) || plain.Units > last*(1+1e-12) || promoted < plain.Units || math.IsInf(promoted, 0) {
					t.Fatalf("store %d, product %d, price %.2f: %v units, %v promoted, %v at the price before", store, product, price, plain.Units, promoted, last)
				}
				if !(plain.Low > 0 && plain.Low < plain.Units && plain.Units < plain.High) {
					t.Fatalf("store %d, product %d, price %.2f: %v units from %v to %v", store, product, price, plain.Units, plain.Low, plain.High)
				}
				last = plain.Units
			}
		}
	}
}

// Trees and regression have half each: units are the geometric mean of what the two say.
func TestEmbeddedIsHalfTreesHalfRegression(t *testing.T) {
	_, b := embeddedModel(t)
	for i, f := range []Features{
		{StoreID: 2, ProductID: 1, Date: 12000, Price: 2.5}, {StoreID: 5, ProductID: 11, Date: 12100, Price: 4, Promotion: true}, {StoreID: -1, ProductID: -1, Date: 1, Price: 30},
	} {
		var v [MaxInputs]float32
		b.Vector(&v, f)
		trees, regression := math.Exp(float64(b.Forest().Sum(&v))), b.linear.Predict(f).Units
		if got, want := b.Predict(f).Units, math.Sqrt(trees*regression); math.Abs(got-want) > 1e-9*want {
			t.Errorf("question %d: %v, want %v, between %v and %v", i, got, want, trees, regression)
		}
	}
}

// The trainer itself answered these questions. It adds up single precision numbers, and so do we, in the same order.
func TestTrainersVectors(t *testing.T) {
	_, b := embeddedModel(t)
	data, err := os.ReadFile("testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	var vector struct {
		Store, Product, Date int32
		Price                float64
		Promotion            uint8
		Sum                  float32
	}
	in, n := bytes.NewReader(data), 0
	for ; in.Len() > 0; n++ {
		if err := binary.Read(in, binary.LittleEndian, &vector); err != nil {
			t.Fatal(err)
		}
		var v [MaxInputs]float32
		b.Vector(&v, Features{
			StoreID: int64(vector.Store), ProductID: int64(vector.Product), Date: Date(vector.Date), Price: vector.Price, Promotion: vector.Promotion == 1,
		})
		got, want := math.Exp(float64(b.Forest().Sum(&v))), math.Exp(float64(vector.Sum))
		if !(math.Abs(got-want) <= 1e-6*want) {
			t.Fatalf("question %d, %+v: %v, the trainer says %v", n, vector, got, want)
		}
	}
	if n != 5000 {
		t.Errorf("%d vectors", n)
	}
}

func TestFilesAreRead(t *testing.T) {
	for _, name := range []string{"retail-v1.0.model", "retail-v0.9.json"} {
		data, err := os.ReadFile("files/" + name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Load(data)
		if err != nil || !strings.Contains(name, m.Version) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	head, numbers, _ := bytes.Cut(embedded[len(magic):], []byte("\n"))
	file := func(head string, numbers []byte) []byte { return append([]byte(magic+head+"\n"), numbers...) }
	replaced := func(old, new string) []byte {
		if !strings.Contains(string(head), old) {
			t.Fatalf("the file has no %s", old)
		}
		return file(strings.Replace(string(head), old, new, 1), numbers)
	}
	nan := append([]byte(nil), numbers...)
	copy(nan, "\xff\xff\xff\xff") // the first elasticity
	for want, data := range map[string][]byte{
		"ends in its first lines":    []byte(magic + "{}"),
		"numbers: unexpected EOF":    file(string(head), numbers[:len(numbers)-1]),
		"1 bytes follow":             file(string(head), append(append([]byte(nil), numbers...), 0)),
		"version is \"\"":            replaced(`"version":"v1.0"`, `"version":""`),
		"version is \"a b\"":         replaced(`"version":"v1.0"`, `"version":"a b"`),
		"0 trees":                    replaced(`"trees":200`, `"trees":0`),
		"2001 trees":                 replaced(`"trees":200`, `"trees":2001`),
		"is \"prize\"":               replaced(`"inputs":["price"`, `"inputs":["prize"`),
		"reads 22 features":          replaced(`"inputs":["price"`, `"inputs":["x","price"`),
		"regression of 2":            replaced(`"linear_weight":`, `"linear_weight":2,"was":`),
		"appears twice":              replaced(`"stores":[2,5,`, `"stores":[2,2,`),
		"prices for":                 replaced(`"price_edges":[`, `"price_edges":[0.1,`),
		"elasticity NaN":             file(string(head), nan),
		"invalid character":          file("x", numbers),
		"unexpected end of JSON":     nil,
		"has the price range 0 to 0": []byte(`{"version":"v1"}`),
	} {
		if _, err := Load(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %q", err, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(embedded[:2000])
	f.Add([]byte(`{"version":"v1"}`))
	f.Fuzz(func(t *testing.T, data []byte) { Load(data) })
}

func BenchmarkPredict(b *testing.B) {
	_, m := embeddedModel(b)
	var questions [512]Features
	for i := range questions {
		questions[i] = Features{
			StoreID: m.state.Stores[i%83], ProductID: m.state.Products[i%11], Date: Date(12000 + i), Price: 1 + float64(i%64)/16, Promotion: i%3 == 0,
		}
	}
	b.ReportAllocs()
	defer reportCPU(b)()
	for i := 0; b.Loop(); i++ {
		m.Predict(questions[i%len(questions)])
	}
}

package retail

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/albatross-lb/albatross/retail/model"
)

// Weighted is a model and its share of the requests that do not name one, relative to the other models'.
type Weighted struct {
	*model.Trained
	Weight int
}

// maxWeight bounds a weight, so that sums stay small.
const maxWeight = 1_000_000

// models are the versions served side by side. A set is never changed, only replaced as a whole, and a request takes it
// once: all of its answers are of one version.
type models struct {
	all     []*served // by version, the newest last
	total   uint32    // of weights
	primary *served   // the one with the largest weight
}

// served is one version with what is counted of it.
type served struct {
	Weighted
	until   uint32   // sum of the weights up to and with this one
	suffix  []byte   // ,"model_version":"v1.0"
	outputs []string // of the Open Inference Protocol
	counts  *modelMetrics
}

// SetModels replaces what is served. Requests under way end with the models they began with.
func (s *Server) SetModels(all []Weighted) error {
	set := &models{}
	for _, w := range all {
		if w.Weight < 0 || w.Weight > maxWeight {
			return fmt.Errorf("model %s has the weight %d, want 0 to %d", w.Version, w.Weight, maxWeight)
		}
		set.all = append(set.all, &served{
			Weighted: w, suffix: strconv.AppendQuote([]byte(`,"model_version":`), w.Version), outputs: outputsOf(w.Trained),
		})
	}
	slices.SortFunc(set.all, func(a, b *served) int { return compareVersions(a.Version, b.Version) })
	for i, m := range set.all {
		if i > 0 && m.Version == set.all[i-1].Version {
			return fmt.Errorf("there are two models of version %s", m.Version)
		}
		set.total += uint32(m.Weight)
		m.until = set.total
		if set.primary == nil || m.Weight >= set.primary.Weight {
			set.primary = m
		}
	}
	if set.total == 0 {
		return errors.New("no model has a weight above 0")
	}
	s.metrics.attach(set, s.models.Load())
	s.models.Store(set)
	return nil
}

// compareVersions orders versions as people do: v1.9 comes before v1.10.
func compareVersions(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a = cutPiece(a)
		y, b = cutPiece(b)
		m, errM := strconv.Atoi(x)
		n, errN := strconv.Atoi(y)
		c := strings.Compare(x, y)
		if errM == nil && errN == nil {
			c = cmp.Or(cmp.Compare(m, n), c)
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// cutPiece cuts the digits that s begins with, or else what comes before the next digits.
func cutPiece(s string) (piece, rest string) {
	digit := func(i int) bool { return s[i] >= '0' && s[i] <= '9' }
	n := 1
	for n < len(s) && digit(n) == digit(0) {
		n++
	}
	return s[:n], s[n:]
}

// modelHeader chooses a version, for those who want to try one.
const modelHeader = "X-Retail-Model"

// choose returns the model that answers the request: the one it names, or else one by weight. Where it names one that is
// not there, the request is answered and nil returned.
func (s *Server) choose(x *exchange, r *http.Request) *served {
	set := s.models.Load()
	if names := r.Header[modelHeader]; len(names) > 0 {
		m := set.version(names[0])
		if m == nil {
			writeWrong(x, set.noModel("header", "x-retail-model"))
		}
		return m
	}
	return set.byWeight()
}

func (m *models) byWeight() *served {
	if len(m.all) == 1 {
		return m.all[0]
	}
	at := rand.Uint32N(m.total)
	for _, one := range m.all {
		if at < one.until {
			return one
		}
	}
	return m.primary
}

func (m *models) version(name string) *served {
	for _, one := range m.all {
		if one.Version == name {
			return one
		}
	}
	return nil
}

func (m *models) versions() []string {
	var names []string
	for _, one := range m.all {
		names = append(names, one.Version)
	}
	return names
}

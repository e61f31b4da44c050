package train

import (
	"fmt"
	"math"
)

// term is one non-zero entry of a row of the design matrix.
type term struct {
	column int
	value  float64
}

// normal gathers the normal equations (X'WX + diag(penalty)) b = X'Wy of a weighted ridge regression, row by row. Rows are
// sparse (a dozen terms among a thousand columns), so gathering costs little and only the solution is dense.
type normal struct {
	n   int
	xtx []float64 // n x n, lower triangle, row by row
	xty []float64
}

func newNormal(columns int) *normal {
	return &normal{n: columns, xtx: make([]float64, columns*columns), xty: make([]float64, columns)}
}

// add takes in one row with its weight.
func (q *normal) add(terms []term, y, weight float64) {
	for _, a := range terms {
		wa := weight * a.value
		q.xty[a.column] += wa * y
		for _, b := range terms {
			if b.column <= a.column {
				q.xtx[a.column*q.n+b.column] += wa * b.value
			}
		}
	}
}

// solve returns the coefficients under a ridge penalty for each column (0 for none). It consumes the equations.
func (q *normal) solve(penalty []float64) ([]float64, error) {
	for i, p := range penalty {
		q.xtx[i*q.n+i] += p
	}
	if err := cholesky(q.xtx, q.n); err != nil {
		return nil, err
	}
	b := q.xty
	for i := range q.n { // L z = X'Wy
		row := q.xtx[i*q.n : i*q.n+i+1]
		b[i] = (b[i] - dot(row[:i], b[:i])) / row[i]
	}
	for i := q.n - 1; i >= 0; i-- { // L' b = z
		b[i] /= q.xtx[i*q.n+i]
		for j := range i {
			b[j] -= q.xtx[i*q.n+j] * b[i]
		}
	}
	return b, nil
}

// cholesky replaces the lower triangle of the symmetric matrix a (n x n, row by row) by L with L L' = a.
func cholesky(a []float64, n int) error {
	for i := range n {
		row := a[i*n : i*n+i+1]
		for j := range i {
			other := a[j*n : j*n+j+1]
			row[j] = (row[j] - dot(row[:j], other[:j])) / other[j]
		}
		d := row[i] - dot(row[:i], row[:i])
		if !(d > 1e-9*math.Abs(row[i])) {
			return fmt.Errorf("column %d of the regression is a combination of earlier columns", i)
		}
		row[i] = math.Sqrt(d)
	}
	return nil
}

func dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	for len(a) >= 4 && len(b) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		s0 += v * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// Package train fits the demand model of package model to Dominick's orange juice data and measures it.
//
// The data are real weekly sales of eleven orange juices in the stores of a Chicago grocery chain (Montgomery 1997), as the
// R package bayesm carries them. ReadCSV turns the package's own columns into units, prices and promotions; Fit solves one
// ridge regression over sparse rows by normal equations and a Cholesky factorisation, which needs no library and gives
// the same answer every time; Evaluate forecasts weeks that the fit has not seen and sets the errors beside those of naive
// forecasts of the same weeks.
//
// Forecasts are made by model.Model itself, so what is measured is what is served.
package train

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/albatross-lb/albatross/retail/model"
)

// Row is one product in one store in one week.
type Row struct {
	Store, Product int64
	Week           int
	// Units is packages sold, above zero.
	Units float64
	// Price is US dollars a package.
	Price     float64
	Promotion bool
}

// Features returns the row's question to the model.
func (r Row) Features() model.Features {
	return model.Features{StoreID: r.Store, ProductID: r.Product, Date: model.WeekStart(r.Week), Price: r.Price, Promotion: r.Promotion}
}

// Products is how many products the data has; they are numbered from 1.
const Products = 11

// ounces returns the size of a product's package. The data counts sales and prices by the ounce; all packages hold 64
// ounces but two cartons of 96 and a jug of 128.
func ounces(product int64) float64 {
	switch product {
	case 2, 6:
		return 96
	case 11:
		return 128
	}
	return 64
}

// ReadCSV reads the columns store, brand, week, logmove, price1 to price11 and feat, in any order, beside any others. The
// rows are returned sorted by week, store and product, whatever their order was.
func ReadCSV(r io.Reader) ([]Row, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	column := map[string]int{}
	for i, name := range header {
		column[name] = i
	}
	names := []string{"store", "brand", "week", "logmove", "feat"}
	for p := 1; p <= Products; p++ {
		names = append(names, "price"+strconv.Itoa(p))
	}
	for _, name := range names {
		if _, ok := column[name]; !ok {
			return nil, fmt.Errorf("the header has no column %q", name)
		}
	}
	var rows []Row
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		row, err := readRow(record, column)
		if err != nil {
			line, _ := in.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, compareRows)
	for i := 1; i < len(rows); i++ {
		if compareRows(rows[i-1], rows[i]) == 0 {
			return nil, fmt.Errorf("store %d, product %d, week %d appears twice", rows[i].Store, rows[i].Product, rows[i].Week)
		}
	}
	return rows, nil
}

func readRow(record []string, column map[string]int) (Row, error) {
	var bad error
	number := func(name string) float64 {
		v, err := strconv.ParseFloat(record[column[name]], 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			bad = fmt.Errorf("column %q: %q is not a number", name, record[column[name]])
		}
		return v
	}
	product := int64(number("brand"))
	if bad == nil && (product < 1 || product > Products) {
		return Row{}, fmt.Errorf("column %q: there is no product %d", "brand", product)
	}
	if bad != nil {
		return Row{}, bad
	}
	row := Row{
		Store:     int64(number("store")),
		Product:   product,
		Week:      int(number("week")),
		Units:     math.Exp(number("logmove")) / ounces(product),
		Price:     number("price"+strconv.FormatInt(product, 10)) * ounces(product),
		Promotion: number("feat") > 0,
	}
	if bad == nil && !(row.Price > 0) {
		bad = fmt.Errorf("price %v is not above 0", row.Price)
	}
	return row, bad
}

func compareRows(a, b Row) int {
	switch {
	case a.Week != b.Week:
		return a.Week - b.Week
	case a.Store != b.Store:
		return int(a.Store - b.Store)
	}
	return int(a.Product - b.Product)
}

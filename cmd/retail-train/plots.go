package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/albatross-lb/albatross/retail/model"
	"github.com/albatross-lb/albatross/retail/train"
)

// plots writes what retail/train/plot.py draws: forecasts.csv, one line a row of the TSPerf rounds, and prices.csv, what the model
// that was just written, or else the one in the program, expects at different prices.
func plots(o options, report *train.Report) error {
	trained, err := model.Embedded()
	if o.out != "" {
		var data []byte
		if data, err = os.ReadFile(filepath.Join(o.out, "files", "retail-"+o.boosted+".model")); err == nil {
			trained, err = model.Load(data)
		}
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.plots, 0o755); err != nil {
		return err
	}
	forecasts := func(out io.Writer) {
		fmt.Fprintln(out, "week,store,product,units,forecast,low,high")
		for _, f := range report.Forecasts {
			fmt.Fprintf(out, "%d,%d,%d,%g,%g,%g,%g\n", f.Week, f.Store, f.Product, f.Row.Units, f.Prediction.Units, f.Low, f.High)
		}
	}
	return errors.Join(
		table(filepath.Join(o.plots, "forecasts.csv"), forecasts),
		table(filepath.Join(o.plots, "prices.csv"), func(out io.Writer) { prices(out, trained) }),
	)
}

// prices asks what an average store would sell in the middle of a year, at prices from the lowest to the highest that each
// product had.
func prices(out io.Writer, m *model.Trained) {
	fmt.Fprintln(out, "product,price,units,low,high,promoted")
	date, _ := model.ParseDate("1992-06-18")
	state := m.Predictor.(*model.Boosted).State()
	const steps = 40
	for i, product := range state.Products {
		low, high := float64(state.Terms[i].MinPrice), float64(state.Terms[i].MaxPrice)
		for step := range steps + 1 {
			f := model.Features{ProductID: product, Date: date, Price: low + (high-low)*float64(step)/steps}
			plain := m.Predict(f)
			f.Promotion = true
			fmt.Fprintf(out, "%d,%g,%g,%g,%g,%g\n", product, f.Price, plain.Units, plain.Low, plain.High, m.Predict(f).Units)
		}
	}
}

func table(path string, write func(io.Writer)) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	write(out)
	return errors.Join(out.Flush(), file.Close())
}

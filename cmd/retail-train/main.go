// Retail-train trains the models of the Retail Prediction API and measures them.
//
//	Rscript retail/train/export.R /tmp/orange-juice.csv
//	go run ./cmd/retail-train -data /tmp/orange-juice.csv -out retail/model
//	go run ./cmd/retail-train -data /tmp/orange-juice.csv
//	go run ./cmd/retail-train -data /tmp/orange-juice.csv -choose
//
// Without -out nothing is written: the table of errors is printed, as it is with it. It takes some minutes, for each error
// is that of a model trained anew on what was known before. With -choose other settings are tried on weeks before all reported ones. The same data give the same files. The data stay where they are:
// they are not ours to pass on, the models are.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/albatross-lb/albatross/retail/train"
)

// options are the flags.
type options struct {
	data, out, plots, python string
	boosted, linear          string // versions
	choose                   bool
}

func main() {
	var o options
	flag.StringVar(&o.data, "data", "", "CSV `FILE` with the orange juice data, as retail/train/export.R writes it")
	flag.StringVar(&o.out, "out", "", "`FOLDER` to write files/ and testdata/ to: the models and the test vectors")
	flag.StringVar(&o.plots, "plots", "", "`FOLDER` to write tables for retail/train/plot.py to")
	flag.StringVar(&o.python, "python", "/usr/bin/python3", "Python `interpreter` that has XGBoost 1.7 (Debian: python3-xgboost)")
	flag.StringVar(&o.boosted, "version", "v1.0", "version of the boosted trees, part of every answer")
	flag.StringVar(&o.linear, "linear-version", "v0.9", "version of the log-linear model")
	flag.BoolVar(&o.choose, "choose", false, "try other settings of the trees on weeks before all reported ones, and print how they do")
	flag.Parse()
	if o.data == "" || flag.NArg() != 0 {
		fmt.Fprintln(os.Stderr, "retail-train: -data is needed")
		flag.Usage()
		os.Exit(2)
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "retail-train:", err)
		os.Exit(1)
	}
}

func run(o options) (err error) {
	rows, err := read(o.data)
	if err != nil {
		return err
	}
	booster, err := train.StartBooster(o.python)
	if err != nil {
		return err
	}
	defer func() {
		if closing := booster.Close(); err == nil {
			err = closing
		}
	}()
	if o.choose {
		return train.Choose(rows, booster, os.Stdout)
	}
	report, err := train.Evaluate(rows, booster, os.Stderr)
	if err != nil {
		return err
	}
	print(os.Stdout, rows, report)
	if o.out != "" {
		if err := write(o, rows, booster, report); err != nil {
			return err
		}
	}
	if o.plots != "" {
		return plots(o, report)
	}
	return nil
}

func read(path string) ([]train.Row, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the data: %w", err)
	}
	defer file.Close()
	rows, err := train.ReadCSV(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("reading %s: it has no rows", path)
	}
	return rows, nil
}

// write trains both models on all rows and writes their files and the test vectors.
func write(o options, rows []train.Row, booster *train.Booster, report *train.Report) error {
	file, vectors, err := train.Boosted(rows, booster, report, o.boosted)
	if err != nil {
		return err
	}
	encoded, err := train.EncodeVectors(vectors)
	if err != nil {
		return err
	}
	linear, err := train.Linear(rows, report, o.linear)
	if err != nil {
		return err
	}
	text, err := encode(linear)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		"files/retail-" + o.boosted + ".model": file, "files/retail-" + o.linear + ".json": text, "testdata/vectors": encoded,
	} {
		path := filepath.Join(o.out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// print writes the report for people.
func print(to io.Writer, rows []train.Row, report *train.Report) {
	fmt.Fprintf(to, "%d rows; the trees' answers differ from the trainer's by %.1g at most, relatively, over %d held-out rows\n",
		len(rows), report.Worst, report.Compared)
	for _, e := range report.Evaluations {
		fmt.Fprintf(to, "\n%s: %d rows\n  %6s %6s %6s\n", e.Name, e.Rows, "MAPE", "WAPE", "bias")
		for _, x := range e.Errors {
			fmt.Fprintf(to, "  %6.1f %6.1f %+6.1f  %s\n", x.MAPE, x.WAPE, x.Bias, x.Method)
		}
		for _, x := range e.Published {
			fmt.Fprintf(to, "  %6.1f %6s %6s  %s\n", x.MAPE, "", "", x.Method)
		}
		if c := e.Coverage; c != nil {
			d := report.Against
			fmt.Fprintf(to, "  the model less log-linear: MAPE %+.1f (95%%: %+.1f to %+.1f), WAPE %+.1f (%+.1f to %+.1f)\n",
				d.MAPE.Is, d.MAPE.Low, d.MAPE.High, d.WAPE.Is, d.WAPE.Low, d.WAPE.High)
			fmt.Fprintf(to, "  the intervals of 10%% to 90%% hold %.1f%% (%.1f%% with a promotion); %.1f%% fell below, %.1f%% above\n",
				c.All, c.Promotion, c.Below, c.Above)
		}
	}
}

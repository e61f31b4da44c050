// Retail-train fits the demand model of the Retail Prediction API and writes it as the JSON that the service embeds.
//
//	Rscript retail/train/export.R /tmp/orange-juice.csv
//	go run ./cmd/retail-train -data /tmp/orange-juice.csv -out retail/model/coefficients.json
//
// The same data give the same file. The data stay where they are: they are not ours to pass on, the coefficients are.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"strconv"

	"github.com/albatross-lb/albatross/retail/model"
	"github.com/albatross-lb/albatross/retail/train"
)

func main() {
	data := flag.String("data", "", "CSV `FILE` with the orange juice data, as retail/train/export.R writes it")
	out := flag.String("out", "", "`FILE` to write the model to")
	version := flag.String("version", "v1.0", "the model's version, part of every answer")
	flag.Parse()
	if *data == "" || *out == "" || flag.NArg() != 0 {
		fmt.Fprintln(os.Stderr, "retail-train: -data and -out are needed")
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*data, *out, *version); err != nil {
		fmt.Fprintln(os.Stderr, "retail-train:", err)
		os.Exit(1)
	}
}

func run(data, out, version string) error {
	file, err := os.Open(data)
	if err != nil {
		return fmt.Errorf("reading the data: %w", err)
	}
	defer file.Close()
	rows, err := train.ReadCSV(file)
	if err != nil {
		return fmt.Errorf("reading %s: %w", data, err)
	}
	if len(rows) == 0 {
		return fmt.Errorf("reading %s: it has no rows", data)
	}
	coefficients, err := train.Fit(rows, train.Chosen)
	if err != nil {
		return err
	}
	evaluations, err := train.Evaluate(rows, train.Chosen)
	if err != nil {
		return err
	}
	round(reflect.ValueOf(&coefficients).Elem())
	text, err := encode(artifact(version, rows, coefficients, evaluations))
	if err != nil {
		return err
	}
	report(rows, evaluations)
	return os.WriteFile(out, text, 0o644)
}

func artifact(version string, rows []train.Row, c model.Coefficients, e []model.Evaluation) model.Artifact {
	first, last := rows[0].Week, rows[len(rows)-1].Week
	return model.Artifact{
		Version: version,
		Kind:    "log-linear regression with store and product effects",
		Source: model.Source{
			Name:      "Dominick's Finer Foods, refrigerated orange juice: weekly sales, 11 products, 83 stores",
			Reference: "Montgomery (1997), Creating Micro-Marketing Pricing Strategies Using Supermarket Scanner Data, Marketing Science 16(4)",
			Package:   "bayesm for R (Debian package r-cran-bayesm), data set orangeJuice",
			License:   "GPL-2.0-or-later",
		},
		Training: model.Training{
			Rows: len(rows), Weeks: last - first + 1,
			FirstDate: model.WeekStart(first).String(), LastDate: (model.WeekStart(last+1) - 1).String(),
		},
		Evaluations: e, Coefficients: c,
	}
}

// round keeps nine digits of every number. More say nothing, and the last few differ between processors.
func round(v reflect.Value) {
	switch v.Kind() {
	case reflect.Float64:
		f, err := strconv.ParseFloat(strconv.FormatFloat(v.Float(), 'g', 9, 64), 64)
		if err != nil || math.IsNaN(f) {
			panic(fmt.Sprintf("the fit holds %v", v.Float()))
		}
		v.SetFloat(f)
	case reflect.Struct:
		for i := range v.NumField() {
			round(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			round(v.Index(i))
		}
	}
}

// encode writes the artifact indented, but a row of cells on one line.
func encode(a model.Artifact) ([]byte, error) {
	text, err := json.MarshalIndent(a, "", " ")
	if err != nil {
		return nil, fmt.Errorf("writing the model: %w", err)
	}
	return append(joinNumbers(text), '\n'), nil
}

// joinNumbers drops the line breaks between the members of arrays of numbers.
func joinNumbers(text []byte) []byte {
	var out []byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\n' && len(out) > 0 && (out[len(out)-1] == '[' || out[len(out)-1] == ',' || isDigit(out[len(out)-1])) {
			next := i + 1
			for next < len(text) && text[next] == ' ' {
				next++
			}
			before := out[len(out)-1]
			number := isDigit(text[next]) || text[next] == '-'
			if number || text[next] == ']' && isDigit(before) {
				i = next - 1
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func report(rows []train.Row, evaluations []model.Evaluation) {
	fmt.Printf("%d rows\n", len(rows))
	for _, e := range evaluations {
		fmt.Printf("\n%s: %d rows\n  %6s %6s %6s\n", e.Name, e.Rows, "MAPE", "WAPE", "bias")
		for _, x := range e.Errors {
			fmt.Printf("  %6.1f %6.1f %+6.1f  %s\n", x.MAPE, x.WAPE, x.Bias, x.Method)
		}
	}
}

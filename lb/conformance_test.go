package lb_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// conformanceCases are the expected results of the folder of compatibility cases.
func conformanceCases(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("ALBATROSS_CONFORMANCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "conformance")
	}
	files, err := filepath.Glob(filepath.Join(dir, "lbc", "*.expected.json"))
	if err != nil || len(files) == 0 {
		t.Skipf("no compatibility cases in %s; name their folder in ALBATROSS_CONFORMANCE", dir)
	}
	return files
}

// readCase is the Config of one expected result, and its JSON without the case's own keys.
func readCase(t *testing.T, file string) (*lb.Config, map[string]any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]any
	if err := json.Unmarshal(data, &plain); err != nil {
		t.Fatal(err)
	}
	for _, own := range []string{"case", "error", "errors"} {
		delete(plain, own)
	}
	rest, err := json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &lb.Config{}
	decoder := json.NewDecoder(bytes.NewReader(rest))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(cfg); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return cfg, plain
}

// Every word of the normalised form has its place in the types, and comes out of them
// as it went in.
func TestJSONFormIsTheNormalisedForm(t *testing.T) {
	for _, file := range conformanceCases(t) {
		cfg, plain := readCase(t, file)
		if plain["loadBalancers"] == nil {
			continue
		}
		data, err := json.Marshal(cfg)
		if err != nil {
			t.Fatal(err)
		}
		var again map[string]any
		if err := json.Unmarshal(data, &again); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(plain, again) {
			t.Errorf("%s: came out as\n%s", filepath.Base(file), data)
		}
	}
}

// What AWS's controller makes of a manifest can be served, all of it: what AWS itself
// would refuse later is worth a warning, and nothing is set aside or rewritten.
func TestValidateKeepsWhatTheControllerMakes(t *testing.T) {
	for _, file := range conformanceCases(t) {
		cfg, plain := readCase(t, file)
		if plain["loadBalancers"] == nil {
			continue
		}
		lb.Validate(cfg)
		for _, p := range cfg.SetAside {
			t.Errorf("%s: set aside: %v", filepath.Base(file), p)
		}
		data, err := json.Marshal(cfg)
		if err != nil {
			t.Fatal(err)
		}
		var again map[string]any
		if err := json.Unmarshal(data, &again); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(plain, again) {
			t.Errorf("%s: Validate made of it\n%s", filepath.Base(file), data)
		}
	}
}

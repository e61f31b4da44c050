package retail

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/albatross-lb/albatross/retail/model"
)

// linear returns the log-linear model of the repository under another version.
func linear(t testing.TB, version string) []byte {
	t.Helper()
	data, err := os.ReadFile("model/files/retail-v0.9.json")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Replace(data, []byte(`"version": "v0.9"`), []byte(`"version": "`+version+`"`), 1)
}

func write(t testing.TB, folder, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestVersionsAreOrdered(t *testing.T) {
	want := []string{"v0.9", "v0.10", "v1", "v1.0", "v1.0-rc1", "v2"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, compareVersions)
	if !slices.Equal(got, want) {
		t.Errorf("ordered as %v, want %v", got, want)
	}
}

// Two models side by side: by weight, by header, and changed while serving.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "one.json", linear(t, "v0.9"))
	write(t, dir, "two.json", linear(t, "v0.10"))
	write(t, dir, "notes.txt", []byte("not a model"))
	folder := &Folder{Path: dir}
	all, err := folder.Load()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s, err := New(Options{Models: all, Name: "r1", Log: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	version := func(headers ...string) string {
		var answer struct {
			ModelVersion string `json:"model_version"`
		}
		w := ask(s, "POST", "/predict", documented, headers...)
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return answer.ModelVersion
	}
	if got := version(); got != "v0.10" || folder.Changed() {
		t.Errorf("without weights %s answers; changed: %v", got, folder.Changed())
	}
	if got := version("X-Retail-Model", "v0.9"); got != "v0.9" {
		t.Errorf("asked for v0.9, %s answers", got)
	}
	w := ask(s, "POST", "/predict", documented, "X-Retail-Model", "v7")
	want(t, "no such model", w, 422, `{"detail":[{"loc":["header","x-retail-model"],"msg":"Input should be one of v0.9, v0.10","type":"enum"}]}`)

	write(t, dir, "weights.json", []byte(`{"v0.9": 3, "v0.10": 1}`))
	if !folder.Changed() {
		t.Fatal("new weights are no change")
	}
	s.reload(folder)
	count := map[string]int{}
	for range 2000 {
		count[version()]++
	}
	if n := count["v0.9"]; n < 1350 || n > 1650 { // ten standard deviations off at the least
		t.Errorf("of 2000 requests %v, want 3 to 1", count)
	}
	for _, path := range []string{"/model-info", "/model-info?version=v0.9"} {
		body := ask(s, "GET", path, "").Body.String()
		if !strings.Contains(body, `"model_version":"v0.9"`) || !strings.Contains(body, `"weight":3`) || !strings.Contains(body, `"model_version":"v0.10"`) {
			t.Errorf("%s: %s", path, body)
		}
	}
	w = ask(s, "GET", "/model-info?version=v7", "")
	want(t, "model-info of none", w, 422, `{"detail":[{"loc":["query","version"],"msg":"Input should be one of v0.9, v0.10","type":"enum"}]}`+"\n")
	metrics := ask(s, "GET", "/metrics", "").Body.String()
	for _, line := range []string{`retail_model_weight{model_version="v0.9"} 3`, fmt.Sprintf(`retail_prediction_units_count{model_version="v0.9"} %d`, count["v0.9"]+1), `retail_model_reloads_total{result="loaded"} 1`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no line %q", line)
		}
	}

	// A folder with a mistake in it changes nothing.
	for name, data := range map[string]string{"broken.json": "{", "weights.json": `{"v9": 1}`, "twin.json": string(linear(t, "v0.9"))} {
		before, had := os.ReadFile(filepath.Join(dir, name))
		write(t, dir, name, []byte(data))
		log.Reset()
		s.reload(folder)
		if got := version("X-Retail-Model", "v0.9"); got != "v0.9" || !strings.Contains(log.String(), "those before are still served") {
			t.Errorf("%s: %s answers, logged %s", name, got, &log)
		}
		if had == nil {
			write(t, dir, name, before)
		} else {
			os.Remove(filepath.Join(dir, name))
		}
	}
	os.Remove(filepath.Join(dir, "two.json"))
	write(t, dir, "weights.json", []byte(`{"v0.9": 1}`))
	s.reload(folder)
	if got := version(); got != "v0.9" {
		t.Errorf("the other one was removed, %s answers", got)
	}
}

func TestFolderRefuses(t *testing.T) {
	dir := t.TempDir()
	folder := &Folder{Path: dir}
	if _, err := folder.Load(); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := (&Folder{Path: filepath.Join(dir, "none")}).Load(); err == nil {
		t.Error("no folder was taken")
	}
	for i := range maxModels + 1 {
		write(t, dir, fmt.Sprintf("%d.json", i), []byte("{}"))
	}
	if _, err := folder.Load(); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("too many: %v", err)
	}
	trained, err := model.Load(linear(t, "v1"))
	if err != nil {
		t.Fatal(err)
	}
	for what, all := range map[string][]Weighted{"none": nil, "no weight": {{trained, 0}}, "negative": {{trained, -1}}, "twice": {{trained, 1}, {trained, 1}}} {
		if _, err := New(Options{Models: all, Log: slog.New(slog.DiscardHandler)}); err == nil {
			t.Errorf("%s: was taken", what)
		}
	}
}

// What the example in the documentation does must go on working: the folder of the repository's own models.
func TestRepositorysModels(t *testing.T) {
	if _, err := fs.Stat(os.DirFS("model/files"), "retail-v1.0.model"); err != nil {
		t.Fatal(err)
	}
	all, err := (&Folder{Path: "model/files"}).Load()
	if err != nil || len(all) != 2 || all[1].Version != "v1.0" || all[1].Weight != 1 {
		t.Errorf("%d models, %v", len(all), err)
	}
}

// A folder that changes is served as it is now within the interval.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "one.json", linear(t, "v1"))
	folder := &Folder{Path: dir}
	all, err := folder.Load()
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Models: all, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			s.Watch(ctx, folder, time.Second)
			close(done)
		}()
		before := s.models.Load()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if s.models.Load() != before {
			t.Error("nothing changed, and the models were loaded again")
		}
		write(t, dir, "two.json", linear(t, "v2"))
		time.Sleep(time.Second)
		synctest.Wait()
		if got := s.models.Load().primary.Version; got != "v2" {
			t.Errorf("%s is served, want v2", got)
		}
		cancel()
		<-done
	})
}

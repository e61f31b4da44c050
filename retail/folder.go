package retail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/albatross-lb/albatross/retail/model"
)

// weightsFile says, in a folder of models, how requests are shared out: {"v1.0": 95, "v0.9": 5}.
const weightsFile = "weights.json"

// What a folder of models may hold.
const (
	maxModels    = 16
	maxModelFile = 64 << 20
)

// Folder is a folder of model files: *.model and *.json, but for weights.json.
type Folder struct {
	Path  string
	stamp string
}

// Load reads the models. Without weights.json the newest version has all the weight; a model that it does not name
// has none and can be asked by header only.
func (f *Folder) Load() ([]Weighted, error) {
	f.stamp = f.look()
	names, err := f.names()
	if err != nil {
		return nil, err
	}
	var all []Weighted
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(f.Path, name))
		if err != nil {
			return nil, fmt.Errorf("reading the models: %w", err)
		}
		trained, err := model.Load(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(f.Path, name), err)
		}
		all = append(all, Weighted{Trained: trained})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("reading the models: there is no *.model and no *.json in %s", f.Path)
	}
	slices.SortFunc(all, func(a, b Weighted) int { return compareVersions(a.Version, b.Version) })
	return all, f.weigh(all)
}

// names lists the model files.
func (f *Folder) names() ([]string, error) {
	entries, err := os.ReadDir(f.Path)
	if err != nil {
		return nil, fmt.Errorf("reading the models: %w", err)
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if name == weightsFile || strings.HasPrefix(name, ".") || filepath.Ext(name) != ".model" && filepath.Ext(name) != ".json" {
			continue
		}
		info, err := os.Stat(filepath.Join(f.Path, name)) // a link's target: that is how Kubernetes mounts files
		if err != nil {
			return nil, fmt.Errorf("reading the models: %w", err)
		}
		if info.Size() > maxModelFile {
			return nil, fmt.Errorf("reading the models: %s has %d bytes, want %d at most", name, info.Size(), maxModelFile)
		}
		names = append(names, name)
	}
	if len(names) > maxModels {
		return nil, fmt.Errorf("reading the models: %s holds %d, want %d at most", f.Path, len(names), maxModels)
	}
	return names, nil
}

// weigh gives the models their weights.
func (f *Folder) weigh(all []Weighted) error {
	path := filepath.Join(f.Path, weightsFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		all[len(all)-1].Weight = 1
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the models: %w", err)
	}
	var weights map[string]int
	if err := json.Unmarshal(data, &weights); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for i := range all {
		all[i].Weight = weights[all[i].Version]
		delete(weights, all[i].Version)
	}
	for version := range weights {
		return fmt.Errorf("%s: there is no model of version %q", path, version)
	}
	return nil
}

// look says what is in the folder, without reading the files: names, sizes and times.
func (f *Folder) look() string {
	entries, err := os.ReadDir(f.Path)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(f.Path, e.Name())); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// Changed reports whether the folder is another than when it was loaded last.
func (f *Folder) Changed() bool { return f.look() != f.stamp }

// Watch looks into the folder every interval until ctx ends, and serves what has changed. A folder with a mistake in it changes
// nothing: the models that were served go on, and the mistake is logged.
func (s *Server) Watch(ctx context.Context, f *Folder, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if f.Changed() {
			s.reload(f)
		}
	}
}

func (s *Server) reload(f *Folder) {
	all, err := f.Load()
	if err == nil {
		err = s.SetModels(all)
	}
	if err != nil {
		s.metrics.reloads.WithLabelValues("refused").Inc()
		s.Log.Error("the models were not loaded: those before are still served", "folder", f.Path, "error", err)
		return
	}
	s.metrics.reloads.WithLabelValues("loaded").Inc()
	for _, m := range all {
		s.Log.Warn("model loaded", "version", m.Version, "weight", m.Weight, "sha256", m.SHA256)
	}
}

package file

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/internal/manifest"
)

// project is a folder whose manifests a tool makes: a Helm chart, or a kustomization.
type project struct {
	path, shown string
	file        string   // that makes it one, as shown
	command     []string // that prints the manifests
	parts       []string // folders and files that it is made of: those in it, and what it names elsewhere
	names       manifest.Kustomization
}

// charted tells whether a folder is a Helm chart, with templates.
func charted(path string, entries []fs.DirEntry) bool {
	named := func(name string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
	}
	if !named("Chart.yaml") || !named("templates") {
		return false
	}
	templates, err := os.ReadDir(filepath.Join(path, "templates"))
	return err == nil && len(templates) > 0
}

// chart takes a chart's own files out of what is read: templates are no manifests, nor are
// other charts within it.
func (k *walk) chart(path, shown string, entries []fs.DirEntry) []fs.DirEntry {
	k.projects = append(k.projects, &project{path: path, shown: shown, file: filepath.Join(shown, "Chart.yaml"), parts: []string{path},
		command: []string{"helm", "template", shown}})
	return slices.DeleteFunc(slices.Clone(entries), func(e fs.DirEntry) bool {
		return slices.Contains([]string{"Chart.yaml", "values.yaml", "templates", "charts"}, e.Name())
	})
}

// kustomization remembers a kustomization for when all folders have been seen.
func (k *walk) kustomization(path, shown, name string) {
	file := filepath.Join(path, name)
	data, _, err := readBounded(file, k.maxBytes)
	if err != nil {
		k.problem(filepath.Join(shown, name), "%v", err)
		return
	}
	p := &project{path: path, shown: shown, file: filepath.Join(shown, name), command: []string{"kubectl", "kustomize", shown}, names: manifest.ReadKustomization(data), parts: []string{file}}
	for _, word := range p.names.Names {
		if !filepath.IsAbs(word) && !strings.ContainsAny(word, "\n:") {
			p.parts = append(p.parts, filepath.Join(path, word))
		}
	}
	k.projects = append(k.projects, p)
}

// settleProjects decides what is read of the folders of tools, once all have been seen. A kustomization that
// only puts files together is left to be read file by file, as it stands. Of one that changes them, and
// of what it is made of, nothing is: a patch is no object, and a base is not what its author
// wants to be served. Its owner is told which command makes manifests of it; where rendering is asked for, it is run.
func (k *walk) settleProjects(render bool) {
	byFolder := map[string]*project{}
	for _, p := range k.projects {
		byFolder[p.path] = p
	}
	inner := map[string]bool{}
	for _, p := range k.projects {
		for _, part := range p.parts {
			inner[part] = inner[part] || part != p.path && byFolder[part] != nil
		}
	}
	taken := map[string]bool{}
	for _, p := range k.projects {
		parts, changes := p.whole(byFolder, map[*project]bool{})
		if inner[p.path] || !changes && !render {
			continue
		}
		for _, part := range parts {
			taken[part] = true
		}
		if render {
			k.files = append(k.files, k.rendered(p, parts))
			continue
		}
		k.problem(p.file, "%s; check what comes of it: %s | albatross check -, or give --render", p.what(), strings.Join(p.command, " "))
	}
	k.files = slices.DeleteFunc(k.files, func(f found) bool { return taken[f.path] && f.render == nil && !f.named })
}

func (p *project) what() string {
	if p.command[0] == "helm" {
		return "this is a Helm chart, whose templates are no manifests yet and are not read"
	}
	return "this is a kustomization that changes the files it names, which are not read as they stand"
}

// whole are the parts of a project and of all that it names, and whether any of them changes what it is made of.
func (p *project) whole(byFolder map[string]*project, seen map[*project]bool) (parts []string, changes bool) {
	if seen[p] {
		return nil, false
	}
	seen[p] = true
	parts, changes = p.parts, p.names.Changes || p.command[0] == "helm"
	for _, part := range p.parts {
		if other := byFolder[part]; other != nil && other != p {
			more, too := other.whole(byFolder, seen)
			parts, changes = append(slices.Clip(parts), more...), changes || too
		}
	}
	return parts, changes
}

// rendered is what a project's command prints, as a file.
func (k *walk) rendered(p *project, parts []string) found {
	return found{path: p.path + "\x00", shown: fmt.Sprintf("<%s>", strings.Join(p.command, " ")),
		render: &rendering{command: append(slices.Clone(p.command[:2]), p.path), state: stateOf(parts)}}
}

// Package file is the door for manifests in files: folders and single files, read
// whole and watched.
//
// Every *.yaml, *.yml and *.json below the paths is read, in the order of their
// names; what starts with a dot is passed over, as editors' leftovers and the inner
// folders of a ConfigMap mount do. Symbolic links are followed.
//
// The file system says that something happened (fsnotify): after each quiet moment, and
// every two seconds in case a notice was lost, the source walks the paths, reads the
// files that look different and compares their bytes. So the swap of a ConfigMap's
// ..data link, new folders and network file systems without notices are all the same
// case. Where the system has no watches left, it only walks more often. One case is
// shorter: where every notice is about a file that is known, and which was written or
// replaced, only such files are looked at, so that a change among thousands costs little.
// And the moment is shorter for one file that another was renamed onto: its writer is done
// with it, as one who writes into a file may not be.
//
// Standard input (the path -), pipes and devices that are named are read once, and what they said stays.
// What is found in folders only is regular files; of those, the ones that are plainly another tool's are
// passed over even if they are broken (manifest.ParseAny).
//
// Helm charts and kustomizations are not read as they stand (project.go): their owner is told which command makes manifests
// of them, or it is run where Render says so (render.go), again when one of their files has changed.
//
// What is served must not suffer from the way files are written. A file that cannot
// be parsed leaves its last good objects in service; so does a folder that cannot be
// read or is suddenly gone as a whole. A file that shrinks or vanishes is looked at
// again a moment later (Grace) before anything is sent, since many
// editors and tools empty or unlink a file before they write it again. Some take their time for that:
// `helm template > web.yaml` empties the file and then begins to work. So a file that still looks half
// written keeps what it served, while others change, until it has been quiet for Patience (part.go), and one that is
// gone until it has been for Absence. What another file was renamed onto is whole.
package file

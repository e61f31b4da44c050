// Package rollout puts the whole thing under load while the world around it
// changes: manifests are edited, files break and heal, replicas are killed and come
// back. It starts the real binaries, three replicas of the Retail API behind one
// albatross, and counts every answer that a client gets. What it insists on is that
// none is lost; how fast a change took effect it prints and does not judge.
package rollout

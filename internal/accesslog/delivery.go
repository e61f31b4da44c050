package accesslog

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// check says what is wrong with a bucket and a prefix, nil if nothing is. Both become names of folders, so what S3 would allow is narrowed to letters,
// digits and the characters . _ - and, in a prefix, / between its parts. A delivery
// that is not enabled is never wrong.
func (k *kind) check(d lb.LogDelivery) error {
	if !d.Enabled {
		return nil
	}
	if d.Bucket == "" {
		return fmt.Errorf("%s are enabled without a bucket: set %s.bucket", k.words, k.attribute)
	}
	if err := checkName(d.Bucket); err != nil {
		return fmt.Errorf("bucket %q of the %s: %w", d.Bucket, k.words, err)
	}
	if d.Prefix == "" {
		return nil
	}
	// AWS's own rule: the part of the name that begins with AWSLogs is not the user's.
	if strings.Contains(d.Prefix, "AWSLogs") {
		return fmt.Errorf("prefix %q of the %s: AWSLogs is added behind it and may not be in it", d.Prefix, k.words)
	}
	if len(d.Prefix) > 512 {
		return fmt.Errorf("prefix of the %s: %d bytes long, at most 512 are allowed", k.words, len(d.Prefix))
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(d.Prefix, "/"), "/") {
		if err := checkName(part); err != nil {
			return fmt.Errorf("prefix %q of the %s: %w", d.Prefix, k.words, err)
		}
	}
	return nil
}

// checkName says why name cannot be a folder below the log folder.
func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("it begins with a slash or has two in a row; write a/b")
	case strings.HasPrefix(name, "."):
		return fmt.Errorf("%q begins with a dot, which would hide it or lead out of the log folder", name)
	case len(name) > 128:
		return fmt.Errorf("a part of it is %d bytes long, at most 128 are allowed", len(name))
	}
	for i := range len(name) {
		if !nameByte(name[i]) {
			return fmt.Errorf("the character %q is not allowed; use letters, digits, '.', '_' and '-'", name[i])
		}
	}
	return nil
}

func nameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
}

// safe makes text fit for a file name: what is not allowed in one becomes '-'.
func safe(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && nameByte(byte(r)) {
			return r
		}
		return '-'
	}, text)
}

// destination is where one load balancer's lines go. It does not change; a
// changed delivery makes a new one.
type destination struct {
	elb    string // app/<name>/<id> or net/<name>/<id>, as in the lines
	node   string // the address in the lines
	files  bool   // whether there are files at all
	stdout bool   // whether the lines also go to standard output
	folder string // <dir>/<bucket>/[prefix/]AWSLogs/<account>/elasticloadbalancing/<region>
	before string // what a file's name has before its time
	after  string // and behind: _<ip>_, or _ alone for a network load balancer
}

func (s *Store) destination(k *kind, name, id string, d lb.LogDelivery) (*destination, error) {
	err := k.check(d)
	to := &destination{elb: k.balancer + "/" + name + "/" + id, files: d.Enabled && err == nil && s.opts.Dir != "", stdout: k.stdout && s.opts.Stdout != nil}
	if s.opts.IP.IsValid() {
		to.node = s.opts.IP.String()
	}
	if to.files {
		account, region := safe(s.opts.Account), safe(s.opts.Region)
		to.folder = filepath.Join(s.opts.Dir, d.Bucket, filepath.FromSlash(d.Prefix), "AWSLogs", account, "elasticloadbalancing", region)
		to.before = k.before + account + "_elasticloadbalancing_" + region + "_" + k.balancer + "." + safe(name) + "." + safe(id) + "_"
		if to.after = "_"; k.balancer == "app" {
			to.after = "_" + safe(to.node) + "_"
		}
	}
	if !to.files && !to.stdout {
		return nil, err
	}
	return to, err
}

// path is the full name of a file whose time ends at end; random tells files of
// the same five minutes apart.
func (d *destination) path(end time.Time, random string) string {
	end = end.UTC()
	return filepath.Join(d.folder, end.Format("2006"), end.Format("01"), end.Format("02"),
		d.before+end.Format("20060102T1504Z")+d.after+random+".log.gz")
}

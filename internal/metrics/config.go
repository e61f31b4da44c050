package metrics

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxFileErrors is how many broken files are named one by one: a label for each of
// a thousand would cost more than it tells.
const maxFileErrors = 50

// ConfigReload says how reading the configuration went.
type ConfigReload struct {
	OK         bool // all of it could be read; objects set aside do not change that
	At         time.Time
	SetAside   int         // objects that are not served
	Warnings   int         // what is served, though not quite as its author may think
	FileErrors []FileError // files that could not be read or understood
}

// FileError is a place in a file that could not be understood.
type FileError struct {
	File string
	Line int // 1-based; 0: not known
}

// configState is the last reload and how often each came out.
type configState struct {
	last              ConfigReload
	lastOK            time.Time
	succeeded, failed uint64
}

// ConfigReloaded takes down a reload of the configuration, the first one at start included.
func (r *Registry) ConfigReloaded(reload ConfigReload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reload.FileErrors = slices.Clone(reload.FileErrors)
	slices.SortFunc(reload.FileErrors, func(a, b FileError) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	reload.FileErrors = slices.Compact(reload.FileErrors)
	r.config.last = reload
	if reload.OK {
		r.config.succeeded++
		r.config.lastOK = reload.At
	} else {
		r.config.failed++
	}
}

var (
	configReloads = prometheus.NewDesc("albatross_config_reloads_total",
		"Reloads of the configuration, by result: success or failure.", []string{"result"}, nil)
	configLastOK = prometheus.NewDesc("albatross_config_last_reload_successful",
		"Whether the last reload of the configuration could read all of it: 1 or 0.", nil, nil)
	configLastOKTime = prometheus.NewDesc("albatross_config_last_reload_success_timestamp_seconds",
		"When the configuration was last reloaded with success, in seconds since 1970.", nil, nil)
	configSetAside = prometheus.NewDesc("albatross_config_objects_set_aside",
		"Objects of the configuration that are not served.", nil, nil)
	configWarnings = prometheus.NewDesc("albatross_config_warnings",
		"Warnings about objects of the configuration that are served.", nil, nil)
	configFileErrors = prometheus.NewDesc("albatross_config_file_errors",
		"Files that could not be read or understood; beyond the first 50 they are summed under an empty file.", []string{"file", "line"}, nil)
)

// collect shows the state of the configuration.
func (c configState) collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(configReloads, prometheus.CounterValue, float64(c.succeeded), "success")
	to <- prometheus.MustNewConstMetric(configReloads, prometheus.CounterValue, float64(c.failed), "failure")
	if c.succeeded+c.failed == 0 {
		return // nothing has been read yet: neither good nor bad
	}
	ok := 0.0
	if c.last.OK {
		ok = 1
	}
	to <- prometheus.MustNewConstMetric(configLastOK, prometheus.GaugeValue, ok)
	if !c.lastOK.IsZero() {
		to <- prometheus.MustNewConstMetric(configLastOKTime, prometheus.GaugeValue, float64(c.lastOK.UnixMilli())/1000)
	}
	to <- prometheus.MustNewConstMetric(configSetAside, prometheus.GaugeValue, float64(c.last.SetAside))
	to <- prometheus.MustNewConstMetric(configWarnings, prometheus.GaugeValue, float64(c.last.Warnings))
	named := c.last.FileErrors[:min(len(c.last.FileErrors), maxFileErrors)]
	shown := map[[2]string]bool{}
	for _, e := range named {
		labels := [2]string{label(e.File), ""}
		if e.Line > 0 {
			labels[1] = strconv.Itoa(e.Line)
		}
		if labels != [2]string{} && !shown[labels] {
			shown[labels] = true
			to <- prometheus.MustNewConstMetric(configFileErrors, prometheus.GaugeValue, 1, labels[:]...)
		}
	}
	if rest := len(c.last.FileErrors) - len(shown); rest > 0 {
		to <- prometheus.MustNewConstMetric(configFileErrors, prometheus.GaugeValue, float64(rest), "", "")
	}
}

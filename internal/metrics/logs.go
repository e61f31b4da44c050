package metrics

import "github.com/prometheus/client_golang/prometheus"

// DroppedLines says where the numbers of lines lost so far are to be asked for, for each log of
// an application load balancer.
type DroppedLines struct{ Access, Connection, HealthCheck func() uint64 }

// LogFiles is what the log folder held when it was last looked through.
type LogFiles struct {
	Files   int
	Bytes   int64
	Deleted uint64 // since the process began, for their age or for the size of all
}

// SetLogFiles says where to ask, at each scrape, for what the log folder holds.
func (r *Registry) SetLogFiles(files func() LogFiles) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logFiles = files
}

var (
	droppedLinesDesc = prometheus.NewDesc("albatross_access_log_dropped_lines_total",
		"Access log lines that could not be kept.", balancerLabels, nil)
	droppedConnectionsDesc = prometheus.NewDesc("albatross_connection_log_dropped_lines_total",
		"Connection log lines that could not be kept.", balancerLabels, nil)
	droppedChecksDesc = prometheus.NewDesc("albatross_health_check_log_dropped_lines_total",
		"Health check log lines that could not be kept.", balancerLabels, nil)
	logFilesDesc = prometheus.NewDesc("albatross_log_files",
		"Log files in the state folder, those included that are being written.", nil, nil)
	logBytesDesc = prometheus.NewDesc("albatross_log_files_bytes",
		"Bytes of the log files in the state folder.", nil, nil)
	logDeletedDesc = prometheus.NewDesc("albatross_log_files_deleted_total",
		"Log files deleted for their age or for the size of all.", nil, nil)
)

func (d DroppedLines) collect(to chan<- prometheus.Metric, name string) {
	for _, log := range []struct {
		desc  *prometheus.Desc
		lines func() uint64
	}{{droppedLinesDesc, d.Access}, {droppedConnectionsDesc, d.Connection}, {droppedChecksDesc, d.HealthCheck}} {
		if log.lines != nil {
			to <- prometheus.MustNewConstMetric(log.desc, prometheus.CounterValue, float64(log.lines()), name)
		}
	}
}

func (f LogFiles) collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(logFilesDesc, prometheus.GaugeValue, float64(f.Files))
	to <- prometheus.MustNewConstMetric(logBytesDesc, prometheus.GaugeValue, float64(f.Bytes))
	to <- prometheus.MustNewConstMetric(logDeletedDesc, prometheus.CounterValue, float64(f.Deleted))
}

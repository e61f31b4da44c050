package retail

import "net/http"

// health answers whether this replica wants requests: 200 {"status":"healthy","timestamp":"2024-01-01T12:00:00Z"}, or 503
// once it was told to stop.
func (s *Server) health(x *exchange, _ *http.Request) {
	if s.stopping.Load() {
		s.status(x, http.StatusServiceUnavailable, "stopping")
		return
	}
	s.status(x, http.StatusOK, "healthy")
}

// live answers whether this replica's process works, which it does while it stops too.
func (s *Server) live(x *exchange, _ *http.Request) { s.status(x, http.StatusOK, "alive") }

func (s *Server) status(x *exchange, code int, status string) {
	b := make([]byte, 0, 64)
	b = append(b, `{"status":"`...)
	b = append(b, status...)
	b = append(b, `","timestamp":"`...)
	b = s.Now().UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
	b = append(b, `"}`...)
	x.Header().Set("Cache-Control", "no-store")
	writeJSON(x, code, b)
}

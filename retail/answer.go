package retail

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/albatross-lb/albatross/retail/request"
)

// Header values that are set on every answer, kept so that setting them allocates nothing. They must not be changed.
var (
	closeConnection = []string{"close"}
	contentJSON     = []string{"application/json"}
)

// writeJSON writes an answer that is JSON already.
func writeJSON(x *exchange, status int, body []byte) {
	x.Header()["Content-Type"] = contentJSON
	if status != http.StatusOK {
		x.WriteHeader(status)
	}
	x.Write(body)
}

// writeDetail writes an error as FastAPI services do, {"detail": ...}; below /v2 also as the Open Inference Protocol has it, with
// {"error": "..."} beside it. Here detail is a text or a list of mistakes.
func writeDetail(x *exchange, status int, detail any) {
	var answer struct {
		Error  string `json:"error,omitempty"`
		Detail any    `json:"detail"`
	}
	answer.Detail = detail
	if x.inference {
		switch d := detail.(type) {
		case string:
			answer.Error = d
		case []request.Error:
			answer.Error = d[0].String()
		}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	writeJSON(x, status, body)
}

// writeWrong refuses a body that was read but not accepted.
func writeWrong(x *exchange, errs ...request.Error) {
	writeDetail(x, http.StatusUnprocessableEntity, errs)
}

func (s *Server) notFound(x *exchange, _ *http.Request) {
	writeDetail(x, http.StatusNotFound, "Not Found")
}

// home sends those who open the service in a browser to its documentation.
func (s *Server) home(x *exchange, r *http.Request) {
	http.Redirect(x, r, "/docs", http.StatusTemporaryRedirect)
}

// static answers with the same JSON each time.
func static(body []byte) func(*exchange, *http.Request) {
	return func(x *exchange, _ *http.Request) { writeJSON(x, http.StatusOK, body) }
}

// readBody reads a body of at most limit bytes into buffer. When it cannot, it answers the request and returns false.
func readBody(x *exchange, r *http.Request, buffer *[]byte, limit int) bool {
	b := (*buffer)[:0]
	defer func() { *buffer = b }()
	if r.ContentLength > int64(limit) {
		tooLarge(x)
		return false
	}
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if len(b) > limit {
			tooLarge(x)
			return false
		}
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil { // broken chunks, or a client that is too slow or gone
			x.Header()["Connection"] = closeConnection
			writeDetail(x, http.StatusBadRequest, "There was an error parsing the body")
			return false
		}
	}
}

func tooLarge(x *exchange) {
	x.Header()["Connection"] = closeConnection // the rest of the body is not worth reading
	writeDetail(x, http.StatusRequestEntityTooLarge, "Request body too large")
}

// isJSON reports whether a Content-Type header names JSON: application/json or something +json, with any parameters.
func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

func wrongContentType(want string) request.Error {
	return request.Error{
		Loc: []any{"header", "content-type"}, Msg: "Content-Type should be " + want, Type: "content_type",
	}
}

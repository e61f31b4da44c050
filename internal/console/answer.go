package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// writeJSON answers with v, indented for reading.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // it is no HTML, and says so with nosniff
	if err := encoder.Encode(v); err != nil {
		fail(w, http.StatusInternalServerError, "InternalFailure", "encoding the answer: "+err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(data.Bytes())
}

// failure has the shape of AWS's errors.
type failure struct {
	Error struct {
		Code    string
		Message string
	}
}

func fail(w http.ResponseWriter, status int, code, message string) {
	var f failure
	f.Error.Code, f.Error.Message = code, message
	writeJSON(w, status, f)
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(text))
}

// quote shows at most 100 bytes of what a client sent.
func quote(s string) string {
	if len(s) > 100 {
		return strconv.QuoteToASCII(s[:100]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

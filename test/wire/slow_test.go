package wire

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestSlowClients lets slowhttptest hold a hundred and fifty connections with heads (-H), bodies (-B) and
// answers (-X) that go byte by byte, while another client goes on as if nothing were.
func TestSlowClients(t *testing.T) {
	program, err := exec.LookPath("slowhttptest")
	if err != nil {
		t.Skip("slowhttptest is not installed (apt-get install slowhttptest)")
	}
	t.Parallel()
	for name, flags := range map[string]string{
		"slow-heads":   "-H -c 150 -r 100 -l 6 -i 1 -x 24 -p 2 -t GET",
		"slow-bodies":  "-B -c 150 -r 100 -l 6 -i 1 -x 24 -p 2 -s 100000 -t POST",
		"slow-answers": "-X -c 150 -r 100 -l 6 -n 1 -w 256 -y 512 -z 16 -k 3 -p 2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := findPlace(name)
			if err := p.relisten(); err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.HandlerFunc(answerLong)}
			go server.Serve(p.targets)
			t.Cleanup(func() { server.Close() })
			ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
			defer cancel()
			command := exec.CommandContext(ctx, program, append(strings.Fields(flags), "-u", "http://"+p.addr()+"/large")...)
			ended := make(chan error, 1)
			var out []byte
			go func() {
				var err error
				out, err = command.CombinedOutput()
				ended <- err
			}()
			served, slowest := serveMeanwhile(t, "http://"+p.addr()+"/", ended)
			if served < 1 {
				t.Errorf("only %d requests were served meanwhile, the slowest in %v", served, slowest)
			}
			counters, err := scrape()
			if err != nil {
				t.Fatal(err)
			}
			if n := counters.of(name, "new_connection_count"); n < 50 {
				t.Errorf("slowhttptest has opened %v connections, not the 150 it was told to, nor a good part of them: nothing was tested\n%s", n, tail(out))
			}
			t.Logf("%d requests of another client were served meanwhile, the slowest in %v", served, slowest)
		})
	}
}

// answerLong reads the request's body, and answers /large with more than sockets hold.
func answerLong(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	if r.URL.Path == "/large" {
		w.Write(bytes.Repeat([]byte("x"), 1<<20))
		return
	}
	io.WriteString(w, "ok")
}

// serveMeanwhile asks again and again, on connections of its own and on kept ones, until ended.
// It gives how many were answered, and the longest that one took.
func serveMeanwhile(t *testing.T, url string, ended chan error) (served int, slowest time.Duration) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for pause := time.NewTicker(50 * time.Millisecond); ; <-pause.C {
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("slowhttptest: %v", err)
			}
			pause.Stop()
			return served, slowest
		default:
		}
		request, err := http.NewRequest("POST", url, strings.NewReader("hello"))
		if err != nil {
			t.Error(err)
			return served, slowest
		}
		request.Close = served%2 == 0
		begin := time.Now()
		response, err := client.Do(request)
		if err != nil {
			t.Error(err)
			return served, slowest
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != 200 || string(body) != "ok" || err != nil {
			t.Errorf("got %d %q, %v", response.StatusCode, body, err)
		}
		slowest = max(slowest, time.Since(begin))
		served++
	}
}

func tail(out []byte) []byte { return out[max(0, len(out)-2000):] }

package wire

import (
	"fmt"
	"net"
	"net/http"
	"testing"
)

// TestClientsLeaveDescriptors: more clients than the process may have files open wait in the kernel's queue. The
// admin API answers, whoever has been accepted is served, and so are the others once there is room.
func TestClientsLeaveDescriptors(t *testing.T) {
	t.Parallel()
	o := startOwn(t, "sh", "-c", `ulimit -n 128 && exec "$0" "$@"`)
	o.answerOK()
	served := o.dial()
	served.asks()
	var crowd []net.Conn
	for range 300 {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", o.port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		crowd = append(crowd, c)
	}
	for range 3 {
		served.asks()
		r, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + o.admin + "/readyz")
		if err != nil {
			t.Fatalf("the admin API: %v", err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			t.Errorf("the admin API answers %s", r.Status)
		}
	}
	for _, c := range crowd {
		c.Close()
	}
	o.dial().asks()
}

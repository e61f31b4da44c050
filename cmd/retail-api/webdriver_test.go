package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// browser is a Chromium, steered through ChromeDriver by the WebDriver protocol (https://www.w3.org/TR/webdriver2/), which is JSON
// over HTTP: no more than this is needed of it.
type browser struct {
	t       *testing.T
	session string // URL
}

var driverReady = regexp.MustCompile(`started successfully on port (\d+)`)

// openBrowser starts one, or skips the test where there is none.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	driver, err := exec.LookPath("chromedriver")
	if err != nil {
		t.Skip("no chromedriver (Debian: apt-get install chromium chromium-driver)")
	}
	cmd := exec.Command(driver, "--port=0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	b := &browser{t: t}
	lines := bufio.NewScanner(out)
	for b.session == "" && lines.Scan() {
		if found := driverReady.FindStringSubmatch(lines.Text()); found != nil {
			b.session = "http://127.0.0.1:" + found[1] + "/session"
		}
	}
	if b.session == "" {
		t.Fatal("chromedriver did not start")
	}
	var session struct {
		SessionID string `json:"sessionId"`
	}
	b.do("POST", "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{"goog:chromeOptions": map[string]any{"args": []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1200,1500", "--user-data-dir=" + t.TempDir(),
	}}}}}, &session)
	b.session += "/" + session.SessionID
	t.Cleanup(func() { b.do("DELETE", "", nil, nil) }) // before the driver ends
	return b
}

// do sends one command.
func (b *browser) do(method, path string, body, value any) {
	b.t.Helper()
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body)
	} else if method == "POST" {
		text = []byte("{}")
	}
	request, err := http.NewRequest(method, b.session+path, bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	var got struct{ Value json.RawMessage }
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || answer.StatusCode != 200 {
		b.t.Fatalf("%s %s: %d %s, %v", method, path, answer.StatusCode, got.Value, err)
	}
	if value != nil {
		if err := json.Unmarshal(got.Value, value); err != nil {
			b.t.Fatalf("%s %s: %s, %v", method, path, got.Value, err)
		}
	}
}

// run runs JavaScript in the page and returns what it returns.
func (b *browser) run(script string, args ...any) (value any) {
	b.t.Helper()
	if args == nil {
		args = []any{}
	}
	b.do("POST", "/execute/sync", map[string]any{"script": script, "args": args}, &value)
	return value
}

// find waits for an element that is shown, and returns its path.
func (b *browser) find(selector string) string {
	b.t.Helper()
	b.wait(selector, "")
	var element map[string]string
	b.do("POST", "/element", map[string]string{"using": "css selector", "value": selector}, &element)
	for _, id := range element {
		return "/element/" + id
	}
	return ""
}

// wait waits until the element is shown with a text in it.
func (b *browser) wait(selector, text string) {
	b.t.Helper()
	const shown = `const e = document.querySelector(arguments[0])
		return e !== null && e.getClientRects().length > 0 && e.innerText.includes(arguments[1])`
	for end := time.Now().Add(time.Minute); b.run(shown, selector, text) != true; {
		if time.Now().After(end) {
			b.t.Fatalf("there is no %s with %q in the page:\n%v", selector, text, b.run(`return document.body.innerText`))
		}
	}
}

func (b *browser) click(selector string) {
	b.t.Helper()
	element := b.find(selector)
	b.run(`document.querySelector(arguments[0]).scrollIntoView({block: "center"})`, selector)
	b.do("POST", element+"/click", nil, nil)
}

func (b *browser) write(selector, text string) {
	b.t.Helper()
	element := b.find(selector)
	b.do("POST", element+"/clear", nil, nil)
	b.do("POST", element+"/value", map[string]string{"text": text}, nil)
}

func (b *browser) text(selector string) (text string) {
	b.t.Helper()
	b.do("GET", b.find(selector)+"/text", nil, &text)
	return strings.TrimSpace(text)
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.do("POST", "/url", map[string]string{"url": url}, nil)
}

// screenshot returns the page as PNG.
func (b *browser) screenshot() []byte {
	b.t.Helper()
	var text string
	b.do("GET", "/screenshot", nil, &text)
	image, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		b.t.Fatal(fmt.Errorf("the screenshot: %w", err))
	}
	return image
}

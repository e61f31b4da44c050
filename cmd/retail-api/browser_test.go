package main

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"syscall"
	"testing"
)

var screenshot = flag.String("screenshot", "", "`file` for a picture of the documentation page at the end of TestDocsInABrowser")

// The documentation page in a real browser, from the binary alone: authorise, send a prediction, read the answer.
//
//	go test ./cmd/retail-api -run Browser -screenshot ../../docs/retail-docs.png
func TestDocsInABrowser(t *testing.T) {
	b := openBrowser(t)
	r := start(t, []string{"RETAIL_DEV_PASSWORD=try me"}, "--dev", "--drain=0s", "--quiet")
	b.open(r.url + "/docs")
	b.click(".auth-wrapper .authorize")
	b.write("#oauth_username", "demo")
	b.write("#oauth_password", "try me")
	b.click(".auth-container .auth-btn-wrapper .authorize")
	b.wait(".auth-container", "Logout")
	b.click(".auth-container .auth-btn-wrapper .btn-done")

	const operation = "#operations-predictions-predict"
	b.click(operation + " .opblock-summary-control")
	b.click(operation + " .try-out__btn")
	if body := b.run(`return document.querySelector(arguments[0]).value`, operation+" textarea.body-param__text"); body == nil || !strings.Contains(body.(string), `"product_id": 123`) {
		t.Fatalf("the example is %v", body)
	}
	b.click(operation + " .execute")
	answer := b.text(operation + " .live-responses-table tr.response .microlight")
	if status := b.text(operation + " .live-responses-table tr.response .response-col_status"); !strings.HasPrefix(status, "200") {
		t.Fatalf("answered %s: %s", status, answer)
	}
	var prediction struct {
		Prediction   float64
		ModelVersion string `json:"model_version"`
	}
	if err := json.Unmarshal([]byte(answer), &prediction); err != nil || !(prediction.Prediction > 0) || prediction.ModelVersion != "v1.0" {
		t.Errorf("the page shows %s, %v", answer, err)
	}
	if *screenshot != "" {
		b.run(`document.querySelector(arguments[0]).scrollIntoView({block: "start"})`, operation+" .opblock-section-request-body")
		if err := os.WriteFile(*screenshot, b.screenshot(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r.end(t, syscall.SIGTERM)
}

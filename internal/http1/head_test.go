package http1

import "testing"

func TestFieldSlotsDoNotCollide(t *testing.T) {
	for id := Other + 1; id < fieldIDs; id++ {
		if got := LookupField([]byte(id.String())); got != id {
			t.Errorf("LookupField(%q) = %v", id.String(), got)
		}
	}
}

const typicalRequest = "GET /api/v1/products/42?expand=reviews&page=2 HTTP/1.1\r\n" +
	"Host: shop.example.com\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
	"Accept-Language: en-US,en;q=0.5\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\n" +
	"Cookie: session=4f2a9c7be1d84e0b9a; theme=dark\r\n" +
	"X-Forwarded-For: 203.0.113.7\r\n" +
	"Connection: keep-alive\r\n" +
	"\r\n"

func BenchmarkRequest(b *testing.B) {
	buf := []byte(typicalRequest)
	var r Request
	b.ReportAllocs()
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		if n, err := r.Parse(buf, Limits{}); n != len(buf) || err != nil {
			b.Fatal(n, err)
		}
	}
}

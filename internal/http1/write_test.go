package http1

import "testing"

func TestAppend(t *testing.T) {
	tests := []struct{ got, want string }{
		{string(AppendStatusLine(nil, 404, "Not Found")), "HTTP/1.1 404 Not Found\r\n"},
		{string(AppendStatusLine(nil, 299, []byte(""))), "HTTP/1.1 299 \r\n"},
		{string(AppendLine([]byte("x"), "A", []byte("b"))), "xA: b\r\n"},
		{string(AppendIntLine(nil, "X-Forwarded-Port", 8080)), "X-Forwarded-Port: 8080\r\n"},
		{string(AppendFraming(nil, Length, 12)), "Content-Length: 12\r\n"},
		{string(AppendFraming(nil, Chunked, -1)), "Transfer-Encoding: chunked\r\n"},
		{string(AppendFraming(nil, NoBody, 0)), ""},
		{string(AppendEncoded(nil, []byte("/a b\x01\x7f\xff"))), "/a%20b%01%7F\xff"},
		{string(AppendChunk(nil, []byte("0123456789abcdef"))), "10\r\n0123456789abcdef\r\n"},
		{string(AppendChunk(nil, nil)), ""},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestLookupField(t *testing.T) {
	for id := Other + 1; id < fieldIDs; id++ {
		if got := LookupField([]byte(id.String())); got != id {
			t.Errorf("LookupField(%q) = %v: two names share a slot", id, got)
		}
	}
	for _, name := range []string{"x", "Hos", "Hosts", "H0st", "content_length", "x-forwarded-fox"} {
		if got := LookupField([]byte(name)); got != Other {
			t.Errorf("LookupField(%q) = %v", name, got)
		}
	}
	if LookupField([]byte("hOST")) != Host || LookupField([]byte("x-amzn-TRACE-id")) != XAmznTraceID {
		t.Error("case matters")
	}
}

func TestValidFieldName(t *testing.T) {
	for name, want := range map[string]bool{"X-Foo-1": true, "": false, "X_Foo": false, "X.Foo": false, "X Foo": false, "-": true} {
		if got := ValidFieldName([]byte(name)); got != want {
			t.Errorf("ValidFieldName(%q) = %v", name, got)
		}
	}
}

// TestIndexControl: eight bytes at a time finds what one at a time finds.
func TestIndexControl(t *testing.T) {
	for place := range 20 {
		for c := range 256 {
			b := []byte("abcdefgh\tijk\xffmno~ pq")[:19]
			b = append(b, '\t')
			b[place] = byte(c)
			want := len(b)
			target := true
			for i := len(b) - 1; i >= 0; i-- {
				if class[b[i]]&control != 0 {
					want = i
				}
				target = target && b[i] > ' ' && b[i] != 0x7f
			}
			for from := 0; from <= place; from++ {
				if got := indexControl(b, from); got != want {
					t.Fatalf("indexControl(%q, %d) = %d, want %d", b, from, got, want)
				}
			}
			if plainTarget(b) != target {
				t.Fatalf("plainTarget(%q) = %v", b, !target)
			}
		}
	}
}

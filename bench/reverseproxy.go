package main

import (
	"context"
	"runtime"
	"strings"
)

func reverseProxy() *proxy {
	p := &proxy{name: "reverseproxy"}
	p.begin = func(ctx context.Context, s *site, plain, secure string) (*child, error) {
		binary, err := s.build(ctx, "./bench/reverseproxy")
		if err != nil {
			return nil, err
		}
		p.version = strings.TrimPrefix(runtime.Version(), "go")
		args := []string{"-http", plain, "-https", secure, "-cert", s.cert, "-key", s.key, "-log", s.path("reverseproxy.log")}
		return s.start(binary, append(args, s.targets...)...)
	}
	return p
}

package main

import (
	"context"
	"runtime"
	"strings"
)

func reverseProxy() *proxy {
	return &proxy{name: "reverseproxy", begin: func(ctx context.Context, s *site, p *proxy) (*child, error) {
		binary, err := s.build(ctx, "./bench/reverseproxy")
		if err != nil {
			return nil, err
		}
		p.version = strings.TrimPrefix(runtime.Version(), "go")
		folder, err := s.folderFor(p)
		if err != nil {
			return nil, err
		}
		args := []string{"-http", p.plain, "-https", p.secure, "-cert", s.cert, "-key", s.key, "-log", folder + "/access.log"}
		return s.start(binary, append(args, s.targets...)...)
	}}
}

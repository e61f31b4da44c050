#!/bin/sh
# Newer nginx and HAProxy to compare with, where Debian 12 itself (and its backports) has none: those
# of a later Debian, unpacked with the libraries they need into .cache/newer and installed nowhere.
# Prints what --newer takes. The packages come by apt, which verifies them; amd64 only.
#     go run ./bench --newer "$(bench/newer.sh)"
set -eu
suite=${1:-trixie}
cache=$PWD/.cache/newer/$suite
packages="nginx haproxy libc6 libcrypt1 libpcre2-8-0 libssl3t64 zlib1g libjemalloc2 liblua5.4-0 libopentracing-c-wrapper0t64 libopentracing1
	libzstd1 libgcc-s1 libstdc++6 libcap2 libsystemd0"

if ! [ -x "$cache/done" ]; then
	mkdir -p "$cache/lists/partial" "$cache/archives/partial" "$cache/packages" "$cache/root"
	: >"$cache/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" >"$cache/sources.list"
	apt() {
		apt-get -q -o Dir::Etc::sourcelist="$cache/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$cache/lists" \
			-o Dir::State::status="$cache/status" -o Dir::Cache="$cache" -o APT::Sandbox::User=root "$@" >&2
	}
	apt update
	# shellcheck disable=SC2086
	(cd "$cache/packages" && apt download $packages)
	for package in "$cache"/packages/*.deb; do dpkg-deb -x "$package" "$cache/root"; done
	loader=$(find "$cache/root" -name 'ld-linux-x86-64.so.2' | head -n 1)
	libraries=$(find "$cache/root" -name 'lib*.so*' -not -path '*/gconv/*' -exec dirname {} + | sort -u | paste -sd:)
	for name in nginx haproxy; do
		printf '#!/bin/sh\nexec %s --library-path %s --argv0 %s %s "$@"\n' "$loader" "$libraries" "$name" "$cache/root/usr/sbin/$name" >"$cache/$name-$suite"
		chmod +x "$cache/$name-$suite"
	done
	install -m 755 /dev/null "$cache/done"
fi
echo "nginx=$cache/nginx-$suite,haproxy=$cache/haproxy-$suite"

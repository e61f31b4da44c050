#!/bin/sh
# Sees to it that the tools named are there: bench/tools.sh wrk nginx haproxy ab h2load slowhttptest artillery bayesm
# Installs from Debian's archive what is missing where it may (as root), and otherwise
# says what to install. artillery goes into .cache, for this repository alone.
set -eu

missing=
need() { # need PACKAGE: by its command, or by Debian's record of it
	missing="$missing $1"
}

for tool in "$@"; do
	case $tool in
	h2load) command -v h2load >/dev/null || need nghttp2-client ;;
	ab) command -v ab >/dev/null || need apache2-utils ;;
	slowhttptest) command -v slowhttptest >/dev/null || need slowhttptest ;;
	wrk) command -v wrk >/dev/null || need wrk ;;
	nginx) command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || need nginx-light ;;
	apache2) command -v apache2 >/dev/null || [ -x /usr/sbin/apache2 ] || need apache2-bin ;;
	kubectl) command -v kubectl >/dev/null || need kubernetes-client ;;
	haproxy) command -v haproxy >/dev/null || [ -x /usr/sbin/haproxy ] || need haproxy ;;
	bayesm) Rscript -e 'q(status = !requireNamespace("bayesm", quietly = TRUE))' 2>/dev/null || need r-cran-bayesm ;;
	xgboost) /usr/bin/python3 -c 'import xgboost, matplotlib' 2>/dev/null || need "python3-xgboost python3-matplotlib" ;;
	artillery)
		command -v artillery >/dev/null || [ -x .cache/artillery/node_modules/.bin/artillery ] || {
			command -v npm >/dev/null || need npm
			artillery=wanted
		} ;;
	*) echo "tools.sh: unknown tool $tool" >&2; exit 2 ;;
	esac
done

if [ -n "$missing" ]; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "tools.sh: missing:$missing. On Debian: sudo apt-get install$missing" >&2
		exit 1
	fi
	apt-get update -q
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -o DPkg::Lock::Timeout=300 -q -y --no-install-recommends $missing
fi

# The version is the last that runs on Debian 12's Node.js 18. No install scripts: one of artillery's dependencies would fetch web browsers.
if [ "${artillery:-}" = wanted ]; then
	mkdir -p .cache/artillery
	npm install --prefix .cache/artillery --no-audit --no-fund --ignore-scripts artillery@2.0.21
fi

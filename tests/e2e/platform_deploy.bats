#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The simulated host: what happens to apps between their creation and their end, and what runs behind the proxy.

# shellcheck disable=SC2016,SC2154 # hooks expand what they are given; bats sets output
bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "${BATS_TEST_DIRNAME}/../platform/host.bash"
	host_create
	: >"$HOST/tmp/record"
	chmod 666 "$HOST/tmp/record"
}

teardown() {
	host_destroy
}

answers() { # TEXT COMMAND...
	[[ $("${@:2}" 2>/dev/null) == *"$1"* ]]
}

answers_not() { # TEXT COMMAND...
	[[ $("${@:2}" 2>/dev/null) != *"$1"* ]]
}

# Hooks of a third-party plugin that write down that they were called.
record() { # HOOK...
	local hook
	host_plugin probe >/dev/null
	for hook in "$@"; do host_hook probe "$hook" <<<"printf '%s\n' \"$hook \$*\" >>'$HOST/tmp/record'"; done
}

address() { cat "$HOST/home/dokku/$1/IP.web.1"; }

status() { # NAME [PATH]
	host_http_get "$1" "${2:-/}" --output /dev/null --write-out '%{http_code}'
}

@test "a container answers for the app; each deploy makes a new one, and the old one goes with the deploy after the next" {
	local first second
	host_app web web.test
	host_deploy web
	host_until 20 answers "app web" host_http_get web.test
	first=$(address web)
	grep -q "server $first:$HOST_BACKEND_PORT;" "$HOST/home/dokku/web/nginx.conf"
	host_deploy web
	second=$(address web)
	[[ $second != "$first" && -e $HOST/run/containers/$first ]]
	host_run ps:restart web
	[[ ! -e $HOST/run/containers/$first && -e $HOST/run/containers/$second ]]
	rm "$HOST/run/containers/$second" "$HOST/run/containers/$(address web)"
	host_until 20 answers "502 Bad Gateway" host_http_get web.test
	run -52 host_curl "http://127.0.0.1:$HOST_BACKEND_PORT/"
}

@test "stop and start, clone and destroy: containers belong to one app" {
	host_app web web.test
	host_deploy web
	host_run ps:stop web
	[[ ! -e $HOST/run/containers/$(address web) ]]
	host_until 20 is_502 web.test
	host_run ps:start web
	host_until 20 answers "app web" host_http_get web.test
	host_run apps:clone --skip-deploy web copy
	host_run domains:set copy copy.test
	host_until 20 is_502 copy.test
	host_deploy copy
	host_deploy copy
	host_until 20 answers "app copy" host_http_get copy.test
	host_run --force apps:destroy copy
	answers "app web" host_http_get web.test
	[[ $(cat "$HOST"/run/containers/*) == "app web" && $(ls "$HOST/run/retiring") == "" ]]
}

is_502() { [[ $(status "$1") == 502 ]]; }

@test "a build is written down while the user sees it, also one that fails; its folder goes and its lock too" {
	local output log
	record post-extract
	host_app web
	run -0 host_deploy web
	log=$(echo "$HOST"/var/lib/dokku/data/builds/web/*.log)
	[[ $(<"$log") == "$output" && $output == *"Application deployed:"* ]]
	rm "$log"
	host_hook probe post-extract <<<'pwd; echo "no such luck" >&2; exit 3'
	run -3 host_deploy web
	[[ $(cat "$HOST"/var/lib/dokku/data/builds/web/*.log) == "$output" && ${lines[1]} == "no such luck" ]]
	[[ ${lines[0]} == "$HOST"/tmp/build.* && ! -e ${lines[0]} ]]
	flock --nonblock "$HOST/var/lib/dokku/data/apps/web/.deploy.lock" true
}

@test "a restart deploys again without a build" {
	record pre-build post-extract pre-release-builder check-deploy post-deploy nginx-pre-reload
	host_app web
	host_deploy web
	: >"$HOST/tmp/record"
	host_run ps:restart web
	[[ $(cut -d ' ' -f 1 "$HOST/tmp/record" | paste -sd ' ') == "pre-release-builder check-deploy nginx-pre-reload nginx-pre-reload post-deploy" ]]
}

@test "boot: containers and configurations are gone, apps that ran are deployed again, nothing else comes back" {
	local app before
	record pre-restore post-deploy
	for app in web stopped; do
		host_app "$app" "$app.test"
		host_deploy "$app"
	done
	host_app idle idle.test
	host_run ps:stop stopped
	before=$(address web)
	: >"$HOST/tmp/record"
	host_boot
	[[ $(paste -sd , "$HOST/tmp/record") == "pre-restore ,post-deploy web   latest" ]]
	host_until 20 answers "app web" host_http_get web.test
	[[ $(address web) != "$before" && ! -e $HOST/home/dokku/stopped/nginx.conf && ! -e $HOST/home/dokku/idle/nginx.conf ]]
	host_run ps:start stopped
	host_until 20 answers "app stopped" host_http_get stopped.test
}

@test "deploys of different apps run at once; a second one of the same app is refused" {
	local pids=() pid number
	host_plugin probe >/dev/null
	for number in 1 2 3 4; do host_app "app$number" "app$number.test"; done
	for number in 1 2 3 4; do
		host_deploy "app$number" >/dev/null 2>&1 &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	for number in 1 2 3 4; do host_until 20 answers "app app$number" host_http_get "app$number.test"; done
	host_hook probe post-deploy <<<"touch '$HOST/tmp/inside'; while [ ! -e '$HOST/tmp/go' ]; do sleep 0.05; done"
	host_deploy app1 >/dev/null 2>&1 &
	pid=$!
	host_until 20 test -e "$HOST/tmp/inside"
	run -1 host_deploy app1
	[[ $output == *"app1 currently has a deploy lock in place"* ]]
	touch "$HOST/tmp/go"
	wait "$pid"
}

# ---- templates, addresses, protocols ----

@test "an app's own template counts once it was tested with the app's snippets; one that collides fails the deploy and changes nothing" {
	host_app web web.test
	host_deploy web
	echo 'location ^~ /.well-known/acme-challenge { return 200 "snippet"; }' >"$HOST/home/dokku/web/nginx.conf.d/own.conf"
	host_template web '^~ /.well-known/acme-challenge'
	run ! host_deploy web
	[[ $output == *"duplicate location"* && $output == *"The nginx.conf.sigil of web makes no valid nginx configuration"* ]]
	run -0 host_run proxy:build-config web
	host_until 20 answers snippet host_http_get web.test /.well-known/acme-challenge/x
	host_template web '^~ /.well-known/acme-challenge/'
	run -0 host_deploy web
	host_until 20 answers template host_http_get web.test /.well-known/acme-challenge/x
	answers "app web" host_http_get web.test
	rm "$HOST/home/dokku/web/source/nginx.conf.sigil"
	run -0 host_deploy web
	host_until 20 answers snippet host_http_get web.test /.well-known/acme-challenge/x
}

@test "an app may be bound to one address, and a listener may want the PROXY protocol" {
	host_app web web.test
	host_app behind behind.test
	host_deploy web
	host_run nginx:set web bind-address-ipv4 127.0.0.2
	host_run proxy:build-config web
	host_until 20 answers "app web" host_curl -H "Host: web.test" "http://127.0.0.2:$HOST_HTTP_PORT/"
	host_until 20 answers_not "app web" host_http_get web.test
	host_run nginx:set behind bind-address-ipv4 127.0.0.3
	host_template behind /x proxy_protocol
	host_deploy behind
	host_until 20 answers "app behind" host_curl --haproxy-protocol -H "Host: behind.test" "http://127.0.0.3:$HOST_HTTP_PORT/"
	run ! host_curl --fail -H "Host: behind.test" "http://127.0.0.3:$HOST_HTTP_PORT/"
	host_balancer 127.0.0.4 127.0.0.3
	run -0 host_curl -H "Host: behind.test" "http://127.0.0.4:$HOST_HTTP_PORT/"
	[[ $output == "app behind" ]]
}

# ---- schedulers ----

certificate() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" -addext "subjectAltName=DNS:$1" \
		-keyout "$HOST/tmp/server.key" -out "$HOST/tmp/server.crt" 2>/dev/null
	chmod 644 "$HOST/tmp/server.key"
}

@test "k3s deploys once more inside certs-set; null never deploys and serves a listener of its own" {
	record post-certs-update post-deploy post-domains-update
	host_app web web.test
	host_run scheduler:set web selected k3s
	host_deploy web
	host_until 20 is_502 web.test
	certificate web.test
	: >"$HOST/tmp/record"
	host_run certs:add web "$HOST/tmp/server.crt" "$HOST/tmp/server.key"
	[[ $(cut -d ' ' -f 1,2 "$HOST/tmp/record" | paste -sd ,) == "post-certs-update web,post-deploy web,post-domains-update web" ]]
	[[ $(<"$HOST/var/lib/dokku/config/scheduler-k3s/web/tls-cert-imported") == true ]]
	host_run certs:remove web
	[[ ! -e $HOST/var/lib/dokku/config/scheduler-k3s/web/tls-cert-imported ]]
	: >"$HOST/tmp/record"
	host_app plain plain.test
	host_run scheduler:set plain selected null
	echo "app elsewhere" >"$HOST/run/containers/127.252.0.1"
	host_run network:set plain static-web-listener "127.252.0.1:$HOST_BACKEND_PORT"
	host_run ps:rebuild plain </dev/null
	host_run proxy:build-config plain
	host_until 20 answers "app elsewhere" host_http_get plain.test
	run ! grep post-deploy "$HOST/tmp/record"
}

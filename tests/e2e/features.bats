#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What CAs offer beyond the plain certificate, and several commands at once.

# shellcheck disable=SC2154 # bats sets output and stderr
bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "${BATS_TEST_DIRNAME}/core.bash"
	host_create
	host_install_plugin
}

teardown() {
	host_destroy
}

start() {
	host_ca_start
	core_point_at_ca
	core_app web web.test
}

@test "external account binding: asked for by name, then used" {
	CA_EAB_KEYS='{"kid-1":"zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}' start
	run -1 host_run letsencrypt:enable web
	shows "eab-kid"
	shows "eab-hmac-key"
	app_setting --global eab-kid kid-1
	run -0 host_run letsencrypt:set --global eab-hmac-key - <<<"zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	shows_not zWND
	run -0 host_run letsencrypt:enable web
	run host_run letsencrypt:report web
	shows_not zWND
}

@test "profiles: an unknown one is refused with those that exist" {
	start
	[[ $PEBBLE_PROFILES == yes ]] || skip "this Pebble ($PEBBLE_VERSION) has no profiles"
	host_ca_stop
	CA_PROFILES='{"default":{"description":"d","validityPeriod":7776000},"shortlived":{"description":"s","validityPeriod":518400}}' host_ca_start
	app_setting web profile nosuch
	run -1 host_run letsencrypt:enable web
	shows "nosuch"
	shows "shortlived"
	app_setting web profile shortlived
	run -0 host_run letsencrypt:enable web
	run -1 openssl x509 -in "$HOST_ROOT_FOLDER/web/tls/server.crt" -noout -checkend $((7 * 86400))
}

@test "preferred chain by the root's name; an unknown one falls back and says so" {
	PEBBLE_ALTERNATE_ROOTS=2 start
	root=$(openssl x509 -in "$HOST/ca/root-2.pem" -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p')
	app_setting web preferred-chain "$root"
	run -0 host_run letsencrypt:enable web
	shows_not "No chain of this CA"
	openssl crl2pkcs7 -nocrl -certfile "$HOST_ROOT_FOLDER/web/tls/server.crt" | openssl pkcs7 -print_certs -noout | grep -q "issuer=.*$root"
	app_setting web preferred-chain "No Such Root"
	run -0 host_run letsencrypt:enable web --force
	shows "No chain of this CA ends in 'No Such Root'"
}

@test "what the older plugin's lego-args asked for is done, the rest is told" {
	start
	host_run letsencrypt:set web lego-args "--key-type rsa2048 --must-staple" >/dev/null
	run -0 host_run letsencrypt:enable web
	shows "--must-staple"
	host_until 5 is "rsaEncryption 2048" leaf_key web.test
}

@test "two commands at once: one works, the other follows and tells the same" {
	start
	core_app other other.test
	host_run letsencrypt:enable web >"$HOST/tmp/one" 2>&1 3>&- &
	first=$!
	host_run letsencrypt:enable other >"$HOST/tmp/two" 2>&1 3>&- &
	second=$!
	wait "$first"
	wait "$second"
	grep -q "Certificate retrieved successfully" "$HOST/tmp/one"
	grep -q "Certificate retrieved successfully" "$HOST/tmp/two"
	[[ $(ca_requests "sign-me-up") == 1 ]]
	host_until 5 host_https_get web.test
	host_until 5 host_https_get other.test
}

@test "a termination signal ends a command soon, and the next one goes on with the order" {
	PEBBLE_VA_NOSLEEP=0 PEBBLE_VA_SLEEPTIME=6 start
	host_run letsencrypt:enable web >"$HOST/tmp/one" 2>&1 3>&- &
	challenged() { [[ $(ca_requests "chalZ") -ge 1 ]]; }
	host_until 20 challenged
	pid=$(host_processes | while read -r one; do [[ $(readlink "/proc/$one/exe") == */bin/letsencrypt ]] && echo "$one"; done)
	[[ -n $pid ]]
	kill -TERM "$pid"
	gone() { ! kill -0 "$pid" 2>/dev/null; }
	host_until 10 gone
	before=$(ca_requests "order-plz")
	run -0 host_run letsencrypt:enable web
	[[ $(ca_requests "order-plz") == "$before" ]]
	host_until 5 host_https_get web.test
}

@test "retry-after as seconds and as a date" {
	CA_RETRY_ORDER=1 CA_RETRY_AUTHZ=1 start
	run -0 host_run letsencrypt:enable web
}

@test "a server that only speaks HTTP/1.1 is no CA, and is told apart" {
	start
	app_setting web server "https://localhost:$HOST_HTTPS_PORT/dir"
	run -1 host_run letsencrypt:enable web
	shows "localhost"
	app_setting web server "https://localhost:1/dir"
	run -1 host_run letsencrypt:enable web
	shows "localhost:1"
}

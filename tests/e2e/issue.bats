#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# From an app on plain HTTP to its certificate.

# shellcheck disable=SC2154 # bats sets output and stderr
bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "${BATS_TEST_DIRNAME}/core.bash"
	core_setup
}

teardown() {
	host_destroy
}

@test "one command gives an app HTTPS; the second finds nothing to do" {
	core_app web web.test www.web.test
	run -0 host_run letsencrypt web
	shows "=====> Enabling letsencrypt for web"
	shows "agreeing to its terms"
	shows "-----> Getting letsencrypt certificate for web via HTTP-01"
	shows "-----> Certificate retrieved successfully."
	shows "https://web.test is served until"
	host_until 5 is "app web" host_https_get web.test
	host_until 5 is "web.test www.web.test" leaf_names www.web.test
	before=$(ca_requests " -> ")
	run -0 host_run letsencrypt:enable web
	shows "-----> Certificate is still valid for web, skipping certificate request"
	shows "-----> Pass --force to letsencrypt:enable to request a new certificate anyway"
	[[ $(ca_requests " -> ") == "$before" ]]
	run -0 host_run letsencrypt:active web
	[[ $output == true ]]
}

@test "the installed files have the platform's modes, and the older plugin's layout is kept up" {
	core_app web web.test
	host_run letsencrypt:enable web
	tls=$HOST_ROOT_FOLDER/web/tls
	[[ $(stat -c %a "$tls" "$tls/server.crt" "$tls/server.key" | paste -sd ' ') == "750 640 640" ]]
	cmp "$tls/server.crt" "$tls/server.letsencrypt.crt"
	current=$HOST_ROOT_FOLDER/web/letsencrypt/certs/current
	[[ -L $current && $(readlink "$current") == /* ]]
	cmp "$tls/server.crt" "$current/certificates/web.test.crt"
	cmp "$tls/server.key" "$current/certificates/web.test.key"
	[[ $(stat -c %a "$current/certificates/web.test.key") == 600 ]]
	[[ -z $(find "$HOST_ROOT_FOLDER/web" -name '.tls-letsencrypt.*') ]]
	[[ -z $(find "$HOST_DATA_FOLDER/--global" -name '*.pem' -perm /077) ]]
}

@test "a domain may be as long as a domain can be: only the older plugin, which names its files by it, has no copy" {
	label=$(printf '%063d' 1)
	long=$label.$label.$label.${label:7}.test
	[[ ${#long} == 253 ]]
	core_app web "$long"
	core_app blog blog.test
	run -0 host_run letsencrypt:enable web
	host_until 5 is "$long" leaf_names "$long"
	[[ ! -e $HOST_ROOT_FOLDER/web/letsencrypt/certs/current ]]
	run -0 host_run letsencrypt:enable blog
	run -0 host_run letsencrypt:auto-renew
}

@test "a name that was added is in the next certificate; --force gets another one" {
	core_app web web.test
	host_run letsencrypt:enable web
	host_run domains:add web more.test
	run -0 host_run letsencrypt:enable web
	host_until 5 is "more.test web.test" leaf_names web.test
	serial=$(leaf_serial web.test)
	host_run letsencrypt:enable web --force
	host_until 5 is_replaced web.test "$serial"
}

@test "names that no certificate can have are named, the rest goes on" {
	core_app web web.test
	printf '%s\n' _ web.test 'a/b.test' localhost '*.wild.test' 10.1.2.3 WEB.test >"$HOST_ROOT_FOLDER/web/VHOST"
	run -0 host_run letsencrypt:enable web
	shows "Domain 'a/b.test' is left out"
	shows "Domain 'localhost' is left out: it has no dot"
	shows "Domain '*.wild.test' is left out: it is a wildcard"
	shows "Domain '10.1.2.3' is left out: it is an address"
	host_until 5 is web.test leaf_names web.test
}

@test "every key type" {
	core_app web web.test
	for pair in "ec384 id-ecPublicKey 384" "rsa2048 rsaEncryption 2048" "rsa3072 rsaEncryption 3072" "rsa4096 rsaEncryption 4096" \
		"ec256 id-ecPublicKey 256"; do
		app_setting web key-type "${pair%% *}"
		run -0 host_run letsencrypt:enable web
		host_until 5 is "${pair#* }" leaf_key web.test
	done
}

@test "only the trust that was given counts, whatever the environment says" {
	core_app web web.test
	openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -out "$HOST/ca/other.pem" -days 2 -subj /CN=other 2>/dev/null
	chmod a+r "$HOST/ca/other.pem"
	app_setting web ca-certificate "$HOST/ca/other.pem"
	run -1 host_run SSL_CERT_FILE="$HOST_CA_CERT" CURL_CA_BUNDLE="$HOST_CA_CERT" letsencrypt:enable web
	shows "certificate"
	shows "ca-certificate"
	[[ $(ca_requests "nonce-plz") == 0 ]]
	app_setting web ca-certificate ""
	run -0 host_run letsencrypt:enable web
}

@test "a name that leads elsewhere is named with the CA's words and left out of the certificate" {
	core_app web web.test gone.test
	host_dns set-servfail '{"host":"gone.test"}'
	run -1 host_run letsencrypt:enable web
	shows "gone.test: "
	shows "Trying again without them"
	host_until 5 is web.test leaf_names web.test
	before=$(ca_requests "order-plz")
	run host_run letsencrypt:auto-renew
	[[ $(ca_requests "order-plz") == "$before" ]]
}

@test "a name that does not lead here buys nothing when all others are in the certificate" {
	core_app web web.test
	core_app other other.test
	run -0 host_run letsencrypt:enable web
	before=$(ca_requests "order-plz")
	host_run letsencrypt:set web extra-domains other.test >/dev/null
	for verb in enable auto-renew; do
		run -1 host_run "letsencrypt:$verb" web
		shows "other.test: "
	done
	[[ $(ca_requests "order-plz") == "$before" ]]
}

@test "when every name fails nothing is installed and the failure says why" {
	core_app web web.test
	host_dns set-servfail '{"host":"web.test"}'
	run -1 host_run letsencrypt:enable web
	shows "-----> Certificate retrieval failed!"
	shows "web.test: "
	shows " !     Failed to setup letsencrypt"
	[[ ! -e $HOST_ROOT_FOLDER/web/tls ]]
	host_until 5 host_http_get web.test
}

@test "an app without plain HTTP gets the mapping that the challenge needs" {
	core_app web web.test
	host_run ports:set web https:443:3000 >/dev/null
	run -0 host_run letsencrypt:enable web
	shows "Adding http:80:3000 port mapping to web for ACME HTTP-01 challenge..."
	run -0 host_run ports:list web
	shows "http"
	host_until 5 host_https_get web.test
}

@test "a proxy that takes its time to listen is waited for" {
	core_app web web.test
	host_run ports:set web https:443:3000 >/dev/null
	host_fault slow-reload 2
	run -0 host_run letsencrypt:enable web
	host_mend slow-reload
	host_until 5 host_https_get web.test
	[[ $(ca_requests "order-plz") == 1 ]]
}

@test "two apps share an account, also under another e-mail address" {
	core_app one one.test
	core_app two two.test
	app_setting two email other@example.test
	host_run letsencrypt:enable one two
	[[ $(ca_requests "sign-me-up") == 1 ]]
	host_until 5 host_https_get one.test
	host_until 5 host_https_get two.test
}

@test "a CA that has forgotten the account gets the same key again" {
	core_app web web.test
	host_run letsencrypt:enable web
	key=$(find "$HOST_DATA_FOLDER/--global/accounts" -name '*.key' -exec sha256sum {} +)
	host_ca_stop
	host_ca_start
	run -0 host_run letsencrypt:enable web --force
	shows "does not know the account"
	[[ $(find "$HOST_DATA_FOLDER/--global/accounts" -name '*.key' -exec sha256sum {} +) == "$key" ]]
}

@test "a CA that refuses nine nonces of ten" {
	core_app web web.test
	host_ca_stop
	PEBBLE_WFE_NONCEREJECT=90 host_ca_start
	run -0 host_run letsencrypt:enable web
}

@test "orders of another account than the snippet's use token files and need no reload" {
	core_app web web.test
	host_run letsencrypt:enable web
	cp "$HOST_ROOT_FOLDER/web/nginx.conf.d/letsencrypt.conf" "$HOST/tmp/snippet"
	find "$HOST_DATA_FOLDER/--global/accounts" -mindepth 1 -delete
	before=$(host_reloads plugin)
	run -0 host_run letsencrypt:enable web --force
	shows "agreeing to its terms"
	cmp "$HOST_ROOT_FOLDER/web/nginx.conf.d/letsencrypt.conf" "$HOST/tmp/snippet"
	[[ $(host_reloads plugin) == $((before + 1)) ]]
	[[ -z $(find "$HOST_DATA_FOLDER/web" -type f) ]]
}

@test "a rule of the app's own that hides the challenge is found before the CA is asked" {
	core_app web web.test
	mkdir -p "$HOST_ROOT_FOLDER/web/nginx.conf.d"
	echo 'return 403;' >"$HOST_ROOT_FOLDER/web/nginx.conf.d/own.conf"
	chown -R "$HOST_USER" "$HOST_ROOT_FOLDER/web/nginx.conf.d"
	host_run proxy:build-config web
	run -1 host_run letsencrypt:enable web
	shows "web.test"
	shows "403"
	[[ $(ca_requests "order-plz") == 0 ]]
}

@test "an app that was never deployed gets its certificate too" {
	host_app web web.test >/dev/null
	rm -f "$HOST_ROOT_FOLDER/web/nginx.conf"
	run -0 host_run letsencrypt:enable web
	host_until 5 is web.test leaf_names web.test
}

@test "a dry machine reads the results: --format json" {
	core_app web web.test
	run -0 --separate-stderr host_run letsencrypt:enable web --format json
	echo "$output" | jq -e '.app == "web"'
	run -0 --separate-stderr host_run letsencrypt:list --format json
	echo "$output" | jq -e . >/dev/null
	run -0 --separate-stderr host_run letsencrypt:report web --format json
	[[ $(jq -r .active <<<"$output") == true ]]
}

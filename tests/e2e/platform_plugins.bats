#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The community plugins of the simulated host: what they do to the proxy.

# shellcheck disable=SC2016,SC2154 # the dollars are nginx's; bats sets output
bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "${BATS_TEST_DIRNAME}/../platform/host.bash"
	host_create
	host_community http-auth maintenance redirect
	host_app web web.test
	host_deploy web
}

teardown() {
	host_destroy
}

# What a challenge's location may say, from the simplest to the one that holds everywhere.
challenge() { # DIRECTIVES [MODIFIER]
	printf 'location %s /.well-known/acme-challenge { %s try_files /none =204; }\n' "${2:-}" "$1" >"$HOST/home/dokku/web/nginx.conf.d/own.conf"
	host_run nginx:reload
}

status_is() { # STATUS NAME PATH [CURL_OPTION...]
	[[ $(host_http_get "$2" "$3" "${@:4}" --output /dev/null --write-out '%{http_code}') == "$1" ]]
}

answers() { # TEXT COMMAND...
	[[ $("${@:2}" 2>/dev/null) == *"$1"* ]]
}

token=/.well-known/acme-challenge/x

@test "http-auth by user: 401 everywhere, in a location too unless it switches that off" {
	run -0 host_run http-auth:enable web someone secret
	host_until 20 status_is 401 web.test /
	host_until 20 status_is 200 web.test / --user someone:secret
	challenge '' '^~'
	host_until 20 status_is 401 web.test "$token"
	challenge 'auth_basic off;' '^~'
	host_until 20 status_is 204 web.test "$token"
	host_run proxy:build-config web
	host_until 20 status_is 401 web.test /
	host_run http-auth:disable web
	host_until 20 status_is 200 web.test /
}

@test "http-auth by address: 403 for all others, also where users might enter" {
	host_run http-auth:add-allowed-ip web 10.1.2.3
	host_until 20 status_is 403 web.test /
	challenge 'auth_basic off;' '^~'
	host_until 20 status_is 403 web.test "$token"
	challenge 'allow all;' '^~'
	host_until 20 status_is 204 web.test "$token"
	host_run http-auth:add-user web someone secret
	host_until 20 status_is 401 web.test /
	host_until 20 status_is 200 web.test / --user someone:secret
	host_run http-auth:add-allowed-ip web 127.0.0.1
	host_until 20 status_is 200 web.test /
}

@test "rules and users follow an app to its new name and its clone, and go with it" {
	local data=$HOST/var/lib/dokku/data/http-auth settings=$HOST/var/lib/dokku/config/http-auth
	host_run http-auth:enable web someone secret
	host_run apps:clone --skip-deploy web copy
	host_run apps:rename web fresh
	host_until 20 status_is 401 web.test /
	grep -q "$data/fresh/htpasswd" "$HOST/home/dokku/fresh/nginx.conf.d/http-auth.conf"
	[[ -s $data/copy/htpasswd && ! -e $data/web && ! -e $settings/web ]]
	host_run --force apps:destroy copy
	[[ ! -e $data/copy && ! -e $settings/copy ]]
}

@test "maintenance: 503 for every path; only a location that says ^~ wins over its regex" {
	host_run maintenance:enable web
	host_until 20 status_is 503 web.test /any/path
	host_until 20 answers "web is being worked on" host_http_get web.test /
	challenge ''
	host_until 20 status_is 503 web.test "$token"
	challenge '' '^~'
	host_until 20 status_is 204 web.test "$token"
	host_deploy web
	host_until 20 status_is 503 web.test /
	host_run maintenance:disable web
	host_until 20 answers "app web" host_http_get web.test
}

@test "redirect: servers of its own, which redirect every path, with TLS too once there is a certificate" {
	host_run redirect:set web old.test web.test
	host_run redirect:set web older.test web.test 302
	[[ $(<"$HOST/home/dokku/web/REDIRECTS") == $'old.test:web.test:301\nolder.test:web.test:302' ]]
	host_until 20 answers "http://web.test$token" host_http_get old.test "$token" --output /dev/null --write-out '%{redirect_url}'
	host_until 20 status_is 302 older.test /
	challenge '' '^~'
	host_until 20 status_is 301 old.test "$token"
	host_run certs:generate web web.test
	host_until 20 answers "https://web.test/x" host_https_get old.test /x --insecure --output /dev/null --write-out '%{redirect_url}'
	host_run redirect:unset web old.test
	host_until 20 answers_not old.test cat "$HOST/home/dokku/web/nginx.conf"
	run -1 host_run redirect:set web older.test elsewhere.test
	host_run apps:rename web fresh
	host_until 20 status_is 302 older.test /
}

answers_not() { # TEXT COMMAND...
	[[ $("${@:2}" 2>/dev/null) != *"$1"* ]]
}

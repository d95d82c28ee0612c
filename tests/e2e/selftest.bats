#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What the self-test makes of a proxy that sends the CA somewhere else, or that stands behind a load balancer. The CA believes everything: only we look.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "${BATS_TEST_DIRNAME}/core.bash"
	export PEBBLE_VA_ALWAYS_VALID=1
	core_setup
	core_app web web.test
}

teardown() {
	host_destroy
}

# redirect TARGET: old.test, a source of the redirect plugin, leads there with each path.
redirect() {
	local ipv6=''
	if [[ $HOST_IPV6 ]]; then ipv6="listen [::1]:$HOST_HTTP_PORT;"; fi
	echo "old.test:web.test:301" >"$HOST_ROOT_FOLDER/web/REDIRECTS"
	cat >"$HOST/etc/nginx/conf.d/redirect.conf" <<-EOF
		server {
			listen 127.0.0.1:$HOST_HTTP_PORT;
			$ipv6
			server_name old.test;
			return 301 $1;
		}
	EOF
	nginx_reload
	host_until 5 leads_to "${1%%\$*}"
}

leads_to() { # START
	[[ $(host_curl --output /dev/null --write-out '%{redirect_url}' --resolve "old.test:$HOST_HTTP_PORT:127.0.0.1" "http://old.test:$HOST_HTTP_PORT/") == "$1"* ]]
}

is_closed() { [[ $(host_http_get web.test / --output /dev/null --write-out '%{http_code}') == 503 ]]; }

# shellcheck disable=SC2016 # nginx's
@test "a name that redirects to the app's own is in its certificate, over HTTP and over HTTPS" {
	redirect 'http://web.test$request_uri'
	run -0 host_run letsencrypt:enable web
	shows_not "could not be made"
	host_until 5 is "old.test web.test" leaf_names web.test
	redirect 'https://web.test$request_uri'
	run -0 host_run letsencrypt:enable web --force
	shows_not "could not be made"
}

# shellcheck disable=SC2016 # nginx's
@test "a redirect to another host cannot be judged: it is noted, and the CA is asked" {
	redirect 'http://elsewhere.example$request_uri'
	run -0 host_run letsencrypt:enable web
	shows "Self-test of old.test could not be made (it redirects to elsewhere.example"
	host_until 5 is "old.test web.test" leaf_names web.test
}

# shellcheck disable=SC2016 # nginx's
@test "a redirect that loses the challenge, goes in circles, or to a port where no CA goes, is found before the CA is asked" {
	redirect 'http://web.test/'
	run -1 host_run letsencrypt:enable web
	shows "old.test: "
	shows "(and then http://web.test"
	host_until 5 is web.test leaf_names web.test
	for target in 'http://old.test$request_uri' 'http://web.test:8080$request_uri'; do
		redirect "$target"
		before=$(ca_requests "order-plz")
		run -1 host_run letsencrypt:enable web
		shows "old.test: "
		[[ $(ca_requests "order-plz") == "$before" ]]
	done
}

@test "a rule that answers for the whole server is named with its file and line" {
	local file=$HOST_ROOT_FOLDER/web/nginx.conf.d/closed.conf
	printf '# closed for today\n\nreturn 503;\n' >"$file"
	nginx_reload
	host_until 5 is_closed
	run -1 host_run letsencrypt:enable web
	shows "with status 503 instead of the challenge"
	shows "the 'return' for the whole server at $file:3 comes first"
	[[ $(ca_requests "order-plz") == 0 ]]
}

@test "listeners with proxy_protocol are looked at too" {
	local conf=$HOST_ROOT_FOLDER/web/nginx.conf
	mkdir -p "$HOST_ROOT_FOLDER/web/nginx.conf.d"
	echo 'return 403;' >"$HOST_ROOT_FOLDER/web/nginx.conf.d/own.conf"
	sed -i -E 's/^( *listen .*);/\1 proxy_protocol;/' "$conf"
	chown -R "$HOST_USER" "$HOST_ROOT_FOLDER/web/nginx.conf.d"
	nginx_reload
	run -1 host_run letsencrypt:enable web
	shows "403"
	[[ $(ca_requests "order-plz") == 0 ]]
	rm "$HOST_ROOT_FOLDER/web/nginx.conf.d/own.conf"
	nginx_reload
	run -0 host_run letsencrypt:enable web
	shows_not "could not be made"
	shows_not "has no plain HTTP listener"
}

@test "a domain that another app has too is told as that" {
	core_app first first.test
	host_run domains:add first shared.test
	host_run domains:add web shared.test
	run -1 host_run letsencrypt:enable web
	shows "shared.test: the proxy at"
	shows "another app of this host has this domain too and comes first"
	host_until 5 is web.test leaf_names web.test
	run -0 host_run letsencrypt:enable first
	host_until 5 is "first.test shared.test" leaf_names shared.test
}

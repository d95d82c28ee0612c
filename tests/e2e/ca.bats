#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The relay in front of Pebble: that the plugin works through it, and that it does what the other tests rely on.

# shellcheck disable=SC2154 # bats sets output and stderr
bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/core.bash"
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/../ca/relay.bash"
	host_create
	host_install_plugin
	# here it is not nginx that is tested
	PEBBLE_VA_ALWAYS_VALID=1 host_ca_start
	host_relay_start
	core_point_at_ca
}

teardown() {
	host_destroy
}

# stat_is FILTER VALUE
stat_is() {
	local value
	value=$(host_relay_stat "$1")
	[[ $value == "$2" ]] || {
		printf '%s is %s, not %s\n' "$1" "$value" "$2" >&2
		host_relay stats >&2
		return 1
	}
}

ask() { # PATH [CURL_OPTION...]
	curl --noproxy '*' --silent --show-error --max-time 10 --cacert "$HOST_CA_CERT" "${@:2}" "${HOST_CA_DIRECTORY%/dir}$1" 3>&-
}

@test "a certificate through the relay: HTTP/2, one connection, and it is counted" {
	core_app web web.test www.web.test
	run -0 host_run letsencrypt:enable web
	[[ $(leaf_names web.test) == "web.test www.web.test" ]]
	stat_is .connections.handshakes 1
	stat_is '.connections.protocols | keys | join(" ")' h2
	stat_is '[.requests.newOrder, .requests.finalize, .denied_total, .new_accounts, .valid] | join(" ")' "1 1 0 1 2"
	stat_is '[.accounts[].issued.new] | join(" ")' 1
	account=$(host_relay orders | jq -r '.[0].account')
	run -0 host_relay "buckets?account=$account&names=web.test,www.web.test"
	[[ $(jq -r '[.renewal, (.buckets[] | select(.limit | startswith("Certificates") or . == "NewOrdersPerAccount") | .remaining)] | join(" ")' <<<"$output") == "true 299 49 4" ]]
}

@test "a server that speaks only HTTP/1.1" {
	host_relay settings '{"http1":true}' >/dev/null
	core_app web web.test
	run -0 host_run letsencrypt:enable web
	stat_is '.connections.protocols | keys | join(" ")' http/1.1
}

@test "units that others have used: refused in the CA's words" {
	host_relay buckets '[{"limit":"CertificatesPerDomain","bucket":"web.test","spend":50}]' >/dev/null
	core_app web web.test
	run ! host_run letsencrypt:enable web
	shows 'too many certificates (50) already issued for "web.test" in the last 168h0m0s, retry after '
	stat_is '.denied.CertificatesPerDomain' 1
	stat_is '.requests.finalize' null
}

@test "a name on the list of those that fail" {
	host_relay failing '[{"name":"gone.test","type":"dns","detail":"NXDOMAIN looking up A for gone.test"}]' >/dev/null
	core_app web web.test gone.test
	run -1 host_run letsencrypt:enable web
	shows "gone.test: "
	shows "NXDOMAIN looking up A for gone.test"
	[[ $(leaf_names web.test) == "web.test" ]]
	stat_is '[.accounts[].failed] | join(" ")' 1
}

@test "time passes: the window opens by the relay's clock, and a replacement in it is exempt" {
	[[ -x ${TEST_PROGRAMS:-}/letsencrypt ]] || skip "the test build is not there (run it by 'make test')"
	host_relay settings '{"lifetime":{"":7776000}}' >/dev/null # Debian's Pebble gives five years
	host_clock 1800000000
	run -0 ask /dir --head
	shows "Fri, 15 Jan 2027 08:00:00 GMT"
	core_app web web.test
	app_setting web graceperiod ""
	run -0 host_run letsencrypt:enable web
	window=$(ask "/draft-ietf-acme-ari-03/renewalInfo/$(host_relay orders | jq -r '.[0].certificate')" | jq -c .suggestedWindow)
	[[ $(jq -r '[.start, .end] | map(fromdate - 1800000000) | map(. / 86400 | floor) | join(" ")' <<<"$window") == "59 60" ]]
	host_clock "$(jq '.end | fromdate - 1' <<<"$window")"
	run -0 host_run letsencrypt:auto-renew
	[[ $(host_relay orders | jq -r '[.[].as] | join(" ")') == "new ari" ]]
}

@test "lost answers, busy servers and spent nonces on the way to a certificate" {
	host_relay faults '[
		{"match":{"kind":"newNonce"},"count":1,"action":"unavailable","retry_after":1},
		{"match":{"kind":"newOrder"},"count":2,"action":"badNonce"},
		{"match":{"kind":"finalize"},"count":1,"action":"processing","polls":1},
		{"match":{"kind":"certificate"},"count":1,"action":"error","retry_after":1}]' >/dev/null
	core_app web web.test
	run -0 host_run letsencrypt:enable web
	stat_is .faults 5
	run -0 host_https_get web.test
}

@test "what tests say wrongly is refused" {
	run ! host_relay faults '[{"action":"explode"}]'
	shows "explode"
	run ! host_relay limits '{"defaults":{"CertificatesPerDomain":{"count":0,"burst":1,"period":"1h"}}}'
	run ! host_relay reset?what=nothing ''
}

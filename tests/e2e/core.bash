# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the tests of the core path share: a host with the plugin, a CA, and what to ask of both.

# shellcheck source=/dev/null
. "${BATS_TEST_DIRNAME}/../platform/host.bash"

# core_setup: host, plugin, CA, and the three settings that every host needs
core_setup() {
	host_create
	host_install_plugin
	host_ca_start
	core_point_at_ca
}

core_point_at_ca() {
	host_run letsencrypt:set --global server "$HOST_CA_DIRECTORY" >/dev/null
	host_run letsencrypt:set --global ca-certificate "$HOST_CA_CERT" >/dev/null
	host_run letsencrypt:set --global email a@example.test >/dev/null
}

# core_app NAME DOMAIN...: deployed and served over HTTP
core_app() {
	host_app "$@" >/dev/null
	host_deploy "$1" >/dev/null
}

# ca_requests PATTERN: how many requests of that kind Pebble answered
ca_requests() {
	grep -c -- "$1" "$HOST/log/pebble" || true
}

# leaf_names DOMAIN: the names in the certificate that is served for it, sorted
leaf_names() {
	host_served "$1" | openssl x509 -noout -ext subjectAltName | grep -o 'DNS:[^,]*' | sed 's/DNS://' | sort | paste -sd ' '
}

# leaf_key DOMAIN: "id-ecPublicKey 256" …
leaf_key() {
	host_served "$1" | openssl x509 -noout -text | awk '/Public Key Algorithm/ { kind = $NF } /Public-Key:/ { gsub(/[()]/, ""); print kind, $2; exit }'
}

# leaf_seconds_left DOMAIN: Debian's Pebble issues for five years, others for ninety days
leaf_seconds_left() {
	local end
	end=$(host_served "$1" | openssl x509 -noout -enddate) && echo $(($(date -d "${end#*=}" +%s) - $(date +%s)))
}

leaf_serial() {
	host_served "$1" | openssl x509 -noout -serial
}

# For host_until, since after a reload nginx's old workers answer beside the new ones for a moment.
is() { # TEXT COMMAND...
	[[ $("${@:2}") == "$1" ]]
}

is_replaced() { # DOMAIN SERIAL
	local serial
	serial=$(leaf_serial "$1")
	[[ $serial && $serial != "$2" ]]
}

# app_setting APP KEY VALUE
app_setting() {
	host_run letsencrypt:set "$@" >/dev/null
}

# set_clock SECONDS: the plugin's clock, that far from now; from here on the test build runs, which differs from the installed one in that alone
set_clock() {
	[[ -x ${TEST_PROGRAMS:-}/letsencrypt ]] || skip "the test build is not there (run it by 'make test')"
	install -m 755 -t "$HOST_LIB_FOLDER/plugins/available/letsencrypt/bin" "$TEST_PROGRAMS"/letsencrypt{,-hook}
	echo $(($(date +%s) + $1)) >"$HOST/tmp/clock.new"
	chmod a+r "$HOST/tmp/clock.new"
	mv "$HOST/tmp/clock.new" "$HOST/tmp/clock"
	# shellcheck disable=SC2034 # of the platform's functions
	HOST_ENVIRONMENT=(LETSENCRYPT_TEST_CLOCK="$HOST/tmp/clock")
}

shows() { # TEXT: in the output of the last run
	# shellcheck disable=SC2154
	[[ $output == *"$1"* ]] || {
		printf 'not shown: %s\n--- but ---\n%s\n' "$1" "$output" >&2
		return 1
	}
}

shows_not() { # TEXT
	[[ $output != *"$1"* ]] || {
		printf 'shown: %s\n--- in ---\n%s\n' "$1" "$output" >&2
		return 1
	}
}

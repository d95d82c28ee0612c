# SPDX-License-Identifier: MIT
#
# The relay of this folder between a simulated host (tests/platform) and its Pebble. Sourced by tests, after host.bash. README.md has the list.
# shellcheck shell=bash disable=SC2034

RELAY_SOURCE=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
RELAY_PROGRAM=${RELAY_PROGRAM:-$PROJECT/build/tools/relay}

# Built when it is missing or older than its source; one at a time.
relay_find() {
	local status=0
	mkdir -p "${RELAY_PROGRAM%/*}"
	exec {lock}>"$RELAY_PROGRAM.lock"
	flock "$lock"
	if [[ ! -x $RELAY_PROGRAM || $(find "$RELAY_SOURCE" -name '*.go' -newer "$RELAY_PROGRAM") ]]; then
		"$RELAY_SOURCE/build" "$RELAY_PROGRAM" >&2 {lock}>&- || status=$?
	fi
	exec {lock}>&-
	return "$status"
}

# host_relay_start [JSON]: after host_ca_start. From then on HOST_CA_DIRECTORY names the relay. JSON is its configuration: limits, settings, …
host_relay_start() {
	relay_find || return
	# the last two of the host's free ports
	HOST_RELAY_PORT=$((HOST_FREE_PORT + HOST_FREE_PORTS - 2)) HOST_RELAY_MANAGEMENT_PORT=$((HOST_FREE_PORT + HOST_FREE_PORTS - 1))
	printf '%s\n' "${1:-{\}}" >"$HOST/ca/relay.json"
	setsid "$RELAY_PROGRAM" -listen "127.0.0.1:$HOST_RELAY_PORT" -management "127.0.0.1:$HOST_RELAY_MANAGEMENT_PORT" \
		-pebble "https://127.0.0.1:$HOST_CA_PORT" -cert "$HOST/ca/tls.crt" -key "$HOST/ca/tls.key" -config "$HOST/ca/relay.json" \
		</dev/null >"$HOST/log/relay" 2>&1 3>&- 4>&- &
	echo $! >"$HOST/run/relay.pid"
	disown
	HOST_CA_DIRECTORY=https://localhost:$HOST_RELAY_PORT/dir
	if ! host_until 10 host_relay_settled || ! host_relay clock >/dev/null; then
		echo "the relay did not start:" >&2
		tail -n 5 "$HOST/log/relay" >&2
		return 1
	fi
	# what it signs when its clock shows another time than the machine's
	host_relay root >>"$HOST/ca/roots.pem"
}

# Answers, or never will.
host_relay_settled() { host_relay clock >/dev/null 2>&1 || ! host_ca_alive relay; }

host_relay_stop() {
	if [[ -s $HOST/run/relay.pid ]]; then process_end TERM "$(<"$HOST/run/relay.pid")"; fi
	rm -f "$HOST/run/relay.pid"
	HOST_CA_DIRECTORY=https://localhost:$HOST_CA_PORT/dir
}

# host_relay PATH [JSON]: asks its management; with JSON tells it something.
host_relay() {
	local output status=0
	output=$(curl --noproxy '*' --silent --show-error --fail-with-body --max-time 20 ${2+--data-binary "$2"} "http://127.0.0.1:$HOST_RELAY_MANAGEMENT_PORT/$1" 3>&-) || status=$?
	if ((status)); then output="relay: $1: $output"; fi
	printf '%s\n' "$output" >&$((status ? 2 : 1))
	return "$status"
}

# host_relay_stat FILTER: one value of its statistics, by jq
host_relay_stat() { host_relay stats | jq -r "$1"; }

# host_clock SECONDS: the time, Unix, of the relay and of the plugin; both stand still until it is called again. From the first call on the test build
# of the plugin runs, which differs from the installed one in its clock alone.
host_clock() {
	local file=$HOST/tmp/clock
	echo "$1" >"$file.new"
	chmod a+r "$file.new"
	mv "$file.new" "$file"
	if [[ " ${HOST_ENVIRONMENT[*]} " == *" LETSENCRYPT_TEST_CLOCK=$file "* ]]; then return 0; fi
	if [[ ! -x ${TEST_PROGRAMS:-}/letsencrypt ]]; then
		echo "host_clock: the test build is not there (run it by 'make test')" >&2
		return 1
	fi
	install -m 755 -t "$HOST_LIB_FOLDER/plugins/available/letsencrypt/bin" "$TEST_PROGRAMS"/letsencrypt{,-hook} || return
	HOST_ENVIRONMENT+=("LETSENCRYPT_TEST_CLOCK=$file")
	host_relay clock "{\"file\":\"$file\"}" >/dev/null
}

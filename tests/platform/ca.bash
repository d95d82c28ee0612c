# SPDX-License-Identifier: MIT
#
# Pebble as the CA of a host, with pebble-challtestsrv as its DNS. Sourced by host.bash.
# shellcheck shell=bash disable=SC2153

# Sets PEBBLE, PEBBLE_CHALLTESTSRV, PEBBLE_VERSION, PEBBLE_ARI, PEBBLE_PROFILES (yes or no), PEBBLE_ORIGIN.
pebble_find() {
	local facts
	if [[ ${PEBBLE:-} ]]; then return; fi
	facts=$("$PLATFORM/pebble") || return
	eval "$facts"
	export PEBBLE PEBBLE_CHALLTESTSRV PEBBLE_VERSION PEBBLE_ARI PEBBLE_PROFILES PEBBLE_ORIGIN
}

# The certificate of the CA's own HTTPS: a small authority of this host.
host_ca_make_certificate() {
	local folder=$HOST/ca
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=test authority of the CA's own HTTPS" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
		-keyout "$folder/authority.key" -out "$folder/tls-root.pem" 2>/dev/null &&
		openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
			-keyout "$folder/tls.key" -out "$folder/tls.csr" 2>/dev/null &&
		printf 'subjectAltName=DNS:localhost,DNS:ca.test,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth\n' >"$folder/tls.ext" &&
		openssl x509 -req -in "$folder/tls.csr" -CA "$folder/tls-root.pem" -CAkey "$folder/authority.key" -set_serial 2 -days 30 \
			-extfile "$folder/tls.ext" -out "$folder/tls.crt" 2>/dev/null
}

# Knobs, all with defaults: CA_PROFILES, CA_EAB_KEYS, CA_BLOCKLIST (JSON), CA_RETRY_ORDER, CA_RETRY_AUTHZ (seconds).
host_ca_write_configuration() {
	local eab=false
	if [[ ${CA_EAB_KEYS:-} ]]; then eab=true; fi
	cat >"$HOST/ca/pebble.json" <<-EOF
		{"pebble": {
			"listenAddress": "127.0.0.1:$HOST_CA_PORT",
			"managementListenAddress": "127.0.0.1:$HOST_CA_MANAGEMENT_PORT",
			"certificate": "$HOST/ca/tls.crt",
			"privateKey": "$HOST/ca/tls.key",
			"httpPort": $HOST_HTTP_PORT,
			"tlsPort": $HOST_HTTPS_PORT,
			"ocspResponderURL": "",
			"externalAccountBindingRequired": $eab,
			"externalAccountMACKeys": ${CA_EAB_KEYS:-{\}},
			"domainBlocklist": ${CA_BLOCKLIST:-[\"blocked-domain.example\"]},
			"retryAfter": {"authz": ${CA_RETRY_AUTHZ:-0}, "order": ${CA_RETRY_ORDER:-0}},
			"keyAlgorithm": "ecdsa",
			"profiles": ${CA_PROFILES:-{\"default\": {\"description\": \"ninety days\", \"validityPeriod\": 7776000\}\}}
		}}
	EOF
}

# Debian's older program offers fewer flags.
host_ca_start_dns() {
	local flags=(-management "127.0.0.1:$HOST_CHALLTEST_PORT" -defaultIPv4 127.0.0.1 -defaultIPv6 "" -http01 "" -https01 "" -tlsalpn01 "")
	if [[ $PEBBLE_ORIGIN == debian ]]; then flags+=(-dns01 "127.0.0.1:$HOST_DNS_PORT"); else flags+=(-dnsserver "127.0.0.1:$HOST_DNS_PORT" -doh ""); fi
	setsid "$PEBBLE_CHALLTESTSRV" "${flags[@]}" </dev/null >"$HOST/log/challtestsrv" 2>&1 3>&- 4>&- &
	echo $! >"$HOST/run/challtestsrv.pid"
	disown
}

# PEBBLE_* of the caller's environment count, with defaults that make runs quick and repeatable. One thread: Pebble 2.10 takes the locks of orders and
# authorizations in both orders, and with several threads many orders at once can bring it to a standstill.
host_ca_start_pebble() {
	local flags=(-config "$HOST/ca/pebble.json" -dnsserver "127.0.0.1:$HOST_DNS_PORT")
	if [[ ${CA_STRICT:-1} == 1 ]]; then flags+=(-strict); fi
	setsid env GOMAXPROCS=1 PEBBLE_VA_NOSLEEP="${PEBBLE_VA_NOSLEEP-1}" PEBBLE_WFE_NONCEREJECT="${PEBBLE_WFE_NONCEREJECT-0}" \
		PEBBLE_AUTHZREUSE="${PEBBLE_AUTHZREUSE-0}" "$PEBBLE" "${flags[@]}" </dev/null >"$HOST/log/pebble" 2>&1 3>&- 4>&- &
	echo $! >"$HOST/run/pebble.pid"
	disown
}

host_ca_answers() {
	host_curl --fail --max-time 2 --output /dev/null --cacert "$HOST_CA_CERT" "$HOST_CA_DIRECTORY" &&
		host_curl --max-time 2 --output /dev/null "http://127.0.0.1:$HOST_CHALLTEST_PORT/"
}

host_ca_alive() { # NAME
	[[ -s $HOST/run/$1.pid ]] && process_alive "$(<"$HOST/run/$1.pid")"
}

# All roots of the CA in one file, the first alone in another.
host_ca_fetch_roots() {
	local number
	: >"$HOST/ca/roots.pem"
	for number in 0 1 2 3 4; do
		host_ca_manage "roots/$number" >"$HOST/ca/root-$number.pem" 2>/dev/null || {
			rm -f "$HOST/ca/root-$number.pem"
			return 0
		}
		cat "$HOST/ca/root-$number.pem" >>"$HOST/ca/roots.pem"
	done
}

# host_ca_start: Pebble on this host's ports, validating over its HTTP port. HOST_CA_DIRECTORY is its URL, HOST_CA_CERT the PEM to trust for it.
host_ca_start() {
	pebble_find || return
	mkdir -p "$HOST/ca"
	if [[ ! -s $HOST/ca/tls.crt ]] && ! host_ca_make_certificate; then return 1; fi
	host_ca_write_configuration
	host_ca_start_dns
	host_ca_start_pebble
	if ! host_until 20 host_ca_settled || ! host_ca_answers; then
		echo "platform: the CA did not start:" >&2
		tail -n 5 "$HOST/log/pebble" "$HOST/log/challtestsrv" >&2
		return 1
	fi
	host_ca_fetch_roots
	chmod -R go+rX "$HOST/ca"
}

# Answers, or never will.
host_ca_settled() { host_ca_answers || ! host_ca_alive pebble || ! host_ca_alive challtestsrv; }

host_ca_stop() {
	local name
	for name in relay pebble challtestsrv; do
		if [[ -s $HOST/run/$name.pid ]]; then process_end TERM "$(<"$HOST/run/$name.pid")"; fi
		rm -f "$HOST/run/$name.pid"
	done
}

# host_ca_manage PATH [CURL_OPTION...]: Pebble's management interface, e.g. roots/0, cert-status-by-serial/X, set-renewal-info/
host_ca_manage() {
	host_curl --fail --max-time 5 --cacert "$HOST_CA_CERT" "${@:2}" "https://127.0.0.1:$HOST_CA_MANAGEMENT_PORT/$1"
}

# host_dns ACTION JSON: pebble-challtestsrv's management interface, e.g. host_dns add-a '{"host":"x.test","addresses":["127.0.0.1"]}'
host_dns() {
	host_curl --fail --max-time 5 --data "${2:-{\}}" "http://127.0.0.1:$HOST_CHALLTEST_PORT/$1"
}

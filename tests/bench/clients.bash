# SPDX-License-Identifier: MIT
#
# The clients: for each, an account at the far-away CA, and a certificate for names. Sourced by run; works on the present host.
# shellcheck shell=bash

# ---- ours ----

ours_setup() {
	host_install_plugin || return
	host_quietly letsencrypt:set --global server "$FAR_DIRECTORY" && host_quietly letsencrypt:set --global ca-certificate "$HOST_CA_CERT" &&
		host_quietly letsencrypt:set --global email bench@ours.test && host_app warm warm.ours.test && host_deploy warm >/dev/null &&
		host_quietly letsencrypt:enable warm
}

# ours_app APP NAMES: a deployed app with so many names
ours_app() {
	local names=() number
	for ((number = 1; number <= $2; number++)); do names+=("n$number.$1.ours.test"); done
	host_app "$1" "${names[@]}" && host_deploy "$1" >/dev/null
}

ours_issue() { # PREFIX RUN
	host_run letsencrypt:enable "$1$2"
}

# The proxy answers challenges already.
ours_renew() { # PREFIX RUN
	host_run letsencrypt:enable "$1$2" --force
}

ours_enable() { # APP... RUN
	host_run letsencrypt:enable "${@:1:$#-1}"
}

# ---- the others: webroot, served by the same nginx ----

peers_setup() {
	PEERS=$HOST/peers
	mkdir -p "$PEERS/webroot/.well-known/acme-challenge"
	cat >"$HOST/etc/nginx/conf.d/peers.conf" <<-EOT
		server {
			listen 127.0.0.1:$HOST_HTTP_PORT;
			listen [::1]:$HOST_HTTP_PORT;
			server_name .peer.test;
			root $PEERS/webroot;
		}
	EOT
	if [[ ! $HOST_IPV6 ]]; then sed -i '/::1/d' "$HOST/etc/nginx/conf.d/peers.conf"; fi
	nginx_reload
	echo up >"$PEERS/webroot/up"
	host_until 5 peers_answer
}

peers_answer() { [[ $(host_http_get any.peer.test /up 2>/dev/null) == up ]]; }

# Sets the array `names` for a client's run.
peer_names() { # CLIENT LABEL COUNT
	local number
	names=()
	for ((number = 1; number <= $3; number++)); do names+=("n$number.$2.$1.peer.test"); done
}

lego_setup() { lego_issue 1 warm 0; }

lego_issue() { # COUNT LABEL RUN
	local names=() domains=() name
	peer_names lego "$2$3" "$1"
	for name in "${names[@]}"; do domains+=(--domains "$name"); done
	LEGO_CA_CERTIFICATES=$HOST_CA_CERT lego --server "$FAR_DIRECTORY" --email bench@lego.test --accept-tos --path "$PEERS/lego" \
		--http --http.webroot "$PEERS/webroot" "${domains[@]}" run
}

# One process each, as it is used.
lego_issue_each() { # COUNT
	local number
	for ((number = 1; number <= $1; number++)); do lego_issue 1 each "$number" || return; done
}

certbot_setup() { certbot_issue 1 warm 0; }

certbot_issue() { # COUNT LABEL RUN
	local names=() domains=() name
	peer_names certbot "$2$3" "$1"
	for name in "${names[@]}"; do domains+=(-d "$name"); done
	REQUESTS_CA_BUNDLE=$HOST_CA_CERT certbot certonly --non-interactive --agree-tos --email bench@certbot.test --server "$FAR_DIRECTORY" \
		--config-dir "$PEERS/certbot" --work-dir "$PEERS/certbot" --logs-dir "$PEERS/certbot" --webroot --webroot-path "$PEERS/webroot" "${domains[@]}"
}

# It trusts the system's authorities only, so it gets a view of the file system in which the CA's own is among them.
uacme_run() { # ARGUMENT...
	local system=/etc/ssl/certs/ca-certificates.crt share=(unshare --mount)
	if ((EUID != 0)); then share=(unshare --mount --map-root-user); fi
	# shellcheck disable=SC2016 # for the inner shell
	"${share[@]}" sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$PEERS/trust.pem" "$system" \
		uacme --confdir "$PEERS/uacme" --acme-url "$FAR_DIRECTORY" --yes --type EC "$@"
}

uacme_setup() {
	mkdir -p "$PEERS/uacme"
	cat /etc/ssl/certs/ca-certificates.crt "$HOST_CA_CERT" >"$PEERS/trust.pem"
	cat >"$PEERS/uacme-hook" <<-EOT
		#!/bin/sh
		[ "\$2" = http-01 ] || exit 1
		[ "\$1" != begin ] || printf %s "\$5" >"$PEERS/webroot/.well-known/acme-challenge/\$4"
	EOT
	chmod 755 "$PEERS/uacme-hook"
	uacme_run new bench@uacme.test
}

uacme_issue() { # COUNT LABEL RUN
	local names=()
	peer_names uacme "$2$3" "$1"
	uacme_run --hook "$PEERS/uacme-hook" issue "${names[@]}"
}

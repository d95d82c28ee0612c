# SPDX-License-Identifier: MIT
#
# Functions of the end-to-end tests of the budget: a host whose CA limits as Let's Encrypt does, and whose time is the test's.
# shellcheck shell=bash disable=SC2154

# shellcheck source=/dev/null
. "${BATS_TEST_DIRNAME}/story.bash"
# shellcheck source=/dev/null
. "${BATS_TEST_DIRNAME}/../ca/relay.bash"

# shellcheck disable=SC2034 # for tests
WEEK=604800

# budget_setup [LIMIT COUNT SECONDS]...: host, plugin, and a CA with these numbers in place of Let's Encrypt's, which the plugin knows. Nobody validates.
budget_setup() {
	host_create
	host_install_plugin
	budget_trust_nginx
	PEBBLE_VA_ALWAYS_VALID=1 host_ca_start
	host_relay_start '{"settings":{"lifetime":{"":7776000}}}' # Debian's Pebble gives five years
	core_point_at_ca
	host_clock $((EPOCHSECONDS / 86400 * 86400 + 30 * 86400)) # far enough for the relay to date certificates itself
	budget_limits "$@"
}

# Its configuration is not tested here: four times for each certificate, that would take more time than all the rest.
budget_trust_nginx() {
	mv "$HOST/bin/sudo" "$HOST/bin/sudo.real"
	cat >"$HOST/bin/sudo" <<-EOF
		#!/bin/sh
		case " \$* " in *" nginx -t "* | *"/nginx -t "*)
			echo "nginx: configuration file $HOST/etc/nginx/nginx.conf test is successful" >&2
			exit 0
			;;
		esac
		exec "$HOST/bin/sudo.real" "\$@"
	EOF
	chmod 755 "$HOST/bin/sudo"
}

# In another test of the same file: HOST is as its setup_file has made it.
# shellcheck disable=SC2034 # for host_run and host_relay
budget_use() {
	host_use "$HOST"
	HOST_RELAY_PORT=$((HOST_FREE_PORT + HOST_FREE_PORTS - 2)) HOST_RELAY_MANAGEMENT_PORT=$((HOST_FREE_PORT + HOST_FREE_PORTS - 1))
	HOST_CA_DIRECTORY=https://localhost:$HOST_RELAY_PORT/dir
	HOST_ENVIRONMENT=("LETSENCRYPT_TEST_CLOCK=$HOST/tmp/clock")
}

# apps_under DOMAIN COUNT PREFIX: PREFIX1.DOMAIN …, each with an nginx.conf
apps_under() {
	local number
	host_apps "$2" "$3" "$1"
	for ((number = 1; number <= $2; number++)); do host_quietly proxy:build-config "$3$number"; done
}

# ---- the limits ----

# budget_limits [LIMIT COUNT SECONDS]...: a file for this host's CA from the one for Let's Encrypt, with other numbers; and the CA's own.
budget_limits() {
	local file=$HOST/etc/limits.json filter='.' number
	for ((number = 1; number < $#; number += 3)); do
		filter+=" | (.limits[] | select(.limit == \"${!number}\")) |= (.count = ${*:number+1:1} | .burst = .count | .period = \"${*:number+2:1}s\")"
	done
	jq --arg directory "$HOST_CA_DIRECTORY" "$filter | .name = \"the CA of tests\" | .directories = [\$directory] | .issuers = [\"relay\"]" \
		"$PROJECT/templates/limits/letsencrypt.json" >"$file"
	filter='{defaults: [.limits[] | {key: .limit, value: {count, burst, period: (.period | sub("7d"; "168h") | sub("1d"; "24h"))}}] | from_entries}'
	host_relay limits "$(jq "$filter" "$file")" >/dev/null
	ledger_on
}

# budget_grant DOMAIN COUNT: so many certificates a week for it, as the CA has granted.
budget_grant() {
	local rule="{\"CertificatesPerDomain\":{\"count\":$2,\"burst\":$2,\"period\":\"168h\",\"ids\":[{\"id\":\"$1\"}]}}"
	host_relay limits "{\"overrides\":[$rule]}" >/dev/null
	host_run letsencrypt:set --global "limit-CertificatesPerDomain:$1" "$2/7d" >/dev/null
}

ledger_on() { host_run letsencrypt:set --global limits "$HOST_CA_DIRECTORY=$HOST/etc/limits.json" >/dev/null; }

# Published limits are not looked at: what the CA says then.
ledger_off() { host_run letsencrypt:set --global limits "$HOST_CA_DIRECTORY=none" >/dev/null; }

# ---- the clock ----

now() { cat "$HOST/tmp/clock"; }

# What is booked counts from the end of its second.
next_second() { host_clock $(($(now) + 2)); }

# run_at SECONDS: the scheduled run at that moment. It ends with 0 also when apps only wait.
run_at() {
	local status=0
	host_clock "$1"
	host_run letsencrypt:auto-renew >"$HOST/log/run" 2>&1 </dev/null || status=$?
	if ((status)); then
		echo "auto-renew at $1 ends with $status:" >&2
		cat "$HOST/log/run" >&2
	fi
	return "$status"
}

# ---- what the CA did ----

denied() { host_relay_stat .denied_total; }
asked() { host_relay_stat '.requests.newOrder // 0'; }

# asked_is COUNT: so many orders were asked for; else what the last scheduled run said.
asked_is() {
	local count
	count=$(asked)
	[[ $count == "$1" ]] || {
		echo "asked $count times, not $1" >&2
		cat "$HOST/log/run" >&2
		return 1
	}
}

# issued_for PATTERN: first names of the orders with a certificate that match (a regular expression), oldest first; again for each certificate
issued_for() { host_relay orders | jq -r --arg pattern "$1" '.[] | select(.certificate // "" != "") | .names[0] | select(test($pattern))'; }

count_issued() { issued_for "$1" | wc -l; }

# none_denied: the test's claim. With what is wrong.
none_denied() {
	local count
	count=$(denied)
	[[ $count == 0 ]] || {
		echo "the CA denied $count requests:" >&2
		grep -E 'newOrder 429' "$HOST/log/relay" >&2
		return 1
	}
}

# denied_without_ledger APP...: the CA denies what one of these asks for, one after the other.
denied_without_ledger() {
	local app
	ledger_off
	for app; do
		host_run letsencrypt:enable "$app" --force >"$HOST/log/without" 2>&1 </dev/null || true
		if (($(denied) > 0)); then return; fi
	done
	echo "the CA denied nothing" >&2
	return 1
}

# One "WHOSE LIMIT BUCKET MOMENT" a line, of the CA and of the book; and the CA's present moment.
both_books() {
	local filter='"now \(.t)", (.buckets[] | select(.limit | startswith("NewRegistrations") | not) | "ca \(.limit) \(.bucket) \(.reset_at)")'
	host_relay buckets | jq -r "$filter"
	store_value "SELECT 'book', limit_name, bucket, tat_ns FROM buckets WHERE ca = 'the CA of tests'" | tr '|' ' '
}

# book_against_ca SECONDS [ORDERS]: says where the book and the CA differ, and fails then. A moment of the book may be later by SECONDS, the account's orders
# besides by ORDERS units; none is earlier. What others did to the CA's buckets is not in the book.
book_against_ca() {
	local interval
	interval=$(jq ".limits[] | select(.limit == \"NewOrdersPerAccount\") | (.period | rtrimstr(\"s\") | sub(\"3h\"; \"10800\") | tonumber) / .count" \
		"$HOST/etc/limits.json")
	both_books | awk -v seconds="$1" -v orders="$((${2:-0}))" -v interval="$interval" '
		$1 == "now" { now = $2 / 1e9; next }
		{ key = $2 " " $3; keys[key]; at[$1, key] = $4 / 1e9 }
		END {
			for (key in keys) {
				ca = at["ca", key] > now ? at["ca", key] : now
				ahead = (at["book", key] > now ? at["book", key] : now) - ca
				if (ahead < -0.001 || ahead > seconds + (key ~ /^NewOrders/ ? orders * interval : 0)) {
					printf "%s: %.1f s ahead of the CA\n", key, ahead
					wrong = 1
				}
			}
			exit wrong
		}'
}

# ---- who waits ----

set_enabled() { # true|false APP...
	local app
	for app in "${@:2}"; do
		mkdir -p "$HOST_LIB_FOLDER/config/letsencrypt/$app"
		printf %s "$1" >"$HOST_LIB_FOLDER/config/letsencrypt/$app/enabled"
		chmod 600 "$HOST_LIB_FOLDER/config/letsencrypt/$app/enabled"
		if ((HOST_ROOT)); then chown -R "$HOST_USER:$HOST_GROUP" "$HOST_LIB_FOLDER/config/letsencrypt/$app"; fi
	done
}

# want APP...: they are switched on, as by an enable before; the scheduled run gets their first certificates.
want() { set_enabled true "$@"; }

# Nothing is asked for any app from now on.
forget_apps() {
	local apps
	mapfile -t apps < <(find "$HOST_ROOT_FOLDER" -mindepth 2 -maxdepth 2 -name VHOST -printf '%P\n' | cut -d / -f 1)
	set_enabled false "${apps[@]}"
	sqlite3 "$HOST_DATA_FOLDER/--global/letsencrypt.db" 'DELETE FROM waits'
}

# waiting_apps PATTERN: those in the queue that match (LIKE), by name
waiting_apps() { store_value "SELECT app FROM waits WHERE limit_name != '' AND app LIKE '$1' ORDER BY app"; }

# enable_waits APP WORD...: enable says in one line that it waits, until when, and where in the queue it is; each WORD is in that line; exit status 75.
enable_waits() {
	local app=$1 line word status=0
	line=$(host_run letsencrypt:enable "$app" 2>&1 </dev/null) || status=$?
	if ((status != 75)); then
		printf 'enable %s ends with %s, not with 75: %s\n' "$app" "$status" "$line" >&2
		return 1
	fi
	line=$(grep -F "$app waits until " <<<"$line") || {
		echo "no line says that $app waits" >&2
		return 1
	}
	for word in "${@:2}"; do
		[[ $line == *"$word"* ]] || {
			printf 'not in "%s": %s\n' "$line" "$word" >&2
			return 1
		}
	done
	[[ $(wc -l <<<"$line") == 1 && $line =~ 20[0-9][0-9] ]]
}

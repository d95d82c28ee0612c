#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Certificates follow the apps by themselves, at its limits: many domains one after the other, many deploys at the same moment, a worker that is busy for long.
# STORM=full: the whole numbers.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # HOST_CATCH_ALL is of host_create; bats sets output and status
bats_require_minimum_version 1.5.0

# Rounds on a host of each kind, apps that are deployed at once, and how long after the command HTTPS may take.
case ${STORM:-} in
full) ROUNDS=25 DEPLOYS=20 SOON=5 ;;
*) ROUNDS=3 DEPLOYS=6 SOON=30 ;;
esac

setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/budget.bash"
	HOST=
}

teardown() {
	host_destroy
}

# A host on which certificates come by themselves, from the relay.
storm_host() {
	host_create
	host_install_plugin
	host_ca_start
	host_relay_start
	core_point_at_ca
	# Where the machine was booted a minute ago, nothing starts by itself; elsewhere the installed build is the one to measure.
	if (($(cut -d . -f 1 /proc/uptime) < 660)); then set_clock 0; fi
	host_run letsencrypt:set --global auto-enable true >/dev/null
}

# COUNT apps, each under a registered domain of its own: appN.test
apart() {
	host_apps "$1" app test
	host_rebuild
}

says_hello() { # APP NAME
	[[ $(host_https_get "$2" 2>/dev/null) == "app $1" ]]
}

no_worker() { ! pgrep -f "^$HOST_LIB_FOLDER/plugins/.*/letsencrypt work" >/dev/null; }

none_failed() {
	none_denied
	[[ $(host_relay_stat '[.accounts[].failed] | add // 0') == 0 ]]
}

now_us() { echo "${EPOCHREALTIME/[.,]/}"; }

# measured FILE COMMAND...: its duration in microseconds goes to the file
measured() {
	local start
	start=$(now_us)
	"${@:2}" >/dev/null
	echo $(($(now_us) - start)) >>"$HOST/tmp/$1"
}

# largest FILE, middle FILE: in milliseconds
largest() { sort -n "$HOST/tmp/$1" | awk '{ last = $1 } END { printf "%.0f", last / 1000 }'; }
middle() { sort -n "$HOST/tmp/$1" | awk '{ all[NR] = $1 } END { printf "%.0f", all[int((NR + 1) / 2)] / 1000 }'; }

# ---- domains ----

# The same command where the plugin is disabled; its name is taken back before the plugin hears of it.
without_plugin() { # APP NAME
	local link=$HOST_LIB_FOLDER/plugins/enabled/letsencrypt
	mv "$link" "$HOST/tmp/enabled"
	measured without host_run domains:add "$1" "$2"
	host_run domains:remove "$1" "$2" >/dev/null
	mv "$HOST/tmp/enabled" "$link"
}

add_domains() {
	local number app name
	storm_host
	apart 5
	run -0 host_run letsencrypt:enable --all
	for ((number = 1; number <= ROUNDS; number++)); do
		app=app$((number % 5 + 1))
		name=new$number.$app.test
		measured with host_run domains:add "$app" "$name"
		measured https host_until "$SOON" says_hello "$app" "$name" || {
			echo "$name is not served: $(tail -n 20 "$HOST/var/log/dokku/letsencrypt.log")"
			return 1
		}
		host_until 30 no_worker
		without_plugin "$app" "off$number.$app.test"
	done
	none_failed
	[[ $(host_relay_stat '.requests.newOrder') == $((5 + ROUNDS)) ]]
	echo "# domains:add to HTTPS: max $(largest https) ms, median $(middle https) ms, of $ROUNDS" >&3
	paste "$HOST/tmp/with" "$HOST/tmp/without" | awk '{ print $1 - $2 }' >"$HOST/tmp/extra"
	echo "# domains:add: $(middle extra) ms longer than without the plugin (median of the rounds; alone: $(middle without) ms)" >&3
}

@test "domains are added one after the other: each is served over HTTPS soon, with nothing typed and no validation that failed" {
	add_domains
}

@test "domains are added one after the other on a host with a catch-all" {
	export HOST_CATCH_ALL=1
	add_domains
}

# ---- everything at once ----

begin() { # NAME COMMAND...
	names+=("$1")
	"${@:2}" >"$HOST/tmp/said.$1" 2>&1 </dev/null 3>&- &
	pids+=($!)
}

# None has failed or said that something went wrong.
all_ended_well() {
	local number
	for number in "${!pids[@]}"; do
		status=0
		wait "${pids[number]}" || status=$?
		if ((status)) || grep -q '^ !     ' "$HOST/tmp/said.${names[number]}"; then
			echo "${names[number]} ends with $status: $(<"$HOST/tmp/said.${names[number]}")"
			return 1
		fi
	done
}

@test "deploys, auto-renew and enable --all at the same moment: one order an app, one connection to the CA at a time, few reloads" {
	local number names=() pids=() reloads
	storm_host
	apart "$DEPLOYS"
	reloads=$(host_reloads plugin)
	for ((number = 1; number <= DEPLOYS; number++)); do begin "app$number" host_deploy "app$number"; done
	begin auto-renew host_run letsencrypt:auto-renew
	begin enable host_run letsencrypt:enable --all
	all_ended_well
	host_until 60 no_worker
	for ((number = 1; number <= DEPLOYS; number++)); do host_until 30 says_hello "app$number" "app$number.test"; done
	reloads=$(($(host_reloads plugin) - reloads))
	echo "# $DEPLOYS deploys at once: $(host_relay_stat '"\(.requests.newOrder) orders, \(.connections.accepted) connections, \(.connections.most) at once"'), $reloads reloads" >&3
	none_failed
	[[ $(host_relay_stat '.requests.newOrder') == "$DEPLOYS" && $(host_relay_stat .valid) == "$DEPLOYS" ]]
	[[ $(host_relay_stat .connections.most) == 1 ]]
	((reloads <= 5))
}

# ---- a worker that is busy ----

# The CA stands still until it is told to go on: as long as the worker has to wait for it.
ca_signal() { kill "-$1" "$(<"$HOST/run/pebble.pid")"; }

ca_is_asked() { [[ $(host_relay_stat '.total') -gt 0 ]]; }

# Run in a process of its own.
through_pipe() {
	set -o pipefail
	"$@" </dev/null 2>&1 | cat
}

is_busy() { ! no_worker && [[ $(ca_issued) == 0 && ! -e $(tls_folder app1) ]]; }

leaves_at_once() {
	is_busy
	shows 'Application deployed'
	shows_not 'in the background'
}

lock_is_free() { flock --nonblock "$HOST_LIB_FOLDER/data/apps/$1/.deploy.lock" true; }

@test "while the CA keeps the worker busy, a deploy whose output is a pipe, one over ssh and a push end at once, and every ref of the push arrives" {
	local refs ref app
	storm_host
	apart 4
	host_run letsencrypt:set --global deploy-wait 0 >/dev/null
	ca_signal STOP
	host_deploy app1 >/dev/null
	host_until 30 ca_is_asked
	is_busy
	# Each is read until nobody holds its output any more.
	run -0 through_pipe host_deploy app2
	leaves_at_once
	run -0 through_pipe host_ssh 'ps:rebuild app3'
	leaves_at_once
	refs=$(printf '0000 %s refs/heads/%s\n' 1111 master 2222 one 3333 two)
	run -0 through_pipe host_push app4 "$refs"
	leaves_at_once
	for ref in one two; do shows "To refs/heads/$ref: not the deploy branch"; done
	for app in app1 app2 app3 app4; do lock_is_free "$app"; done
	ca_signal CONT
	for app in app1 app2 app3 app4; do host_until 60 says_hello "$app" "$app.test"; done
	none_failed
	[[ $(host_relay_stat '.requests.newOrder') == 4 ]]
}

@test "what the CA refuses takes one line of a deploy" {
	storm_host
	budget_limits CertificatesPerDomain 1 604800
	host_run letsencrypt:set --global limits none >/dev/null
	host_app one one.shared.test
	host_app two two.shared.test
	run -0 host_deploy one
	shows "Certificate retrieved successfully."
	run -0 host_deploy two
	shows "two waits until"
	[[ $(grep -cE 'rate|waits|retrieval|certificates' <<<"$output") == 1 ]]
	[[ $(host_run letsencrypt:events two) == *"failed: "* ]]
}

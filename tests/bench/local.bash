# SPDX-License-Identifier: MIT
#
# What runs when nothing is to be done: a host with a thousand apps that hold certificates of their own, and our programs run on it as the platform
# runs them. Sourced by run; works on the present host.
# shellcheck shell=bash disable=SC2034 # for run

# local_apps COUNT: apps local1 … with a domain and a certificate each. The first is real (`warm`), the others are like it.
local_apps() {
	host_quietly letsencrypt:auto-renew && "$BENCH/copy-app" "$HOST" warm "$1" local
}

# The environment in which the platform starts a subcommand, as an array.
local_environment() {
	host_plugin environment >/dev/null
	host_hook environment subcommands/show <<<'env -0'
	mapfile -d '' -t ENVIRONMENT < <(host_run environment:show)
}

# local_start PREFIX... -- PROGRAM [ARGUMENT...]: as user dokku in that environment, behind PREFIX; its output goes to the log.
local_start() {
	local prefix=() user=()
	while [[ $1 != -- ]]; do
		prefix+=("$1")
		shift
	done
	shift
	if ((HOST_ROOT)); then user=(setpriv "--reuid=$HOST_USER" "--regid=$HOST_GROUP" --init-groups); fi
	(cd / && "${user[@]}" env -i "${ENVIRONMENT[@]}" "${prefix[@]}" "$@") >>"$WORK/log" 2>&1 </dev/null
}

# Our programs, as the platform calls them.
local_subcommand() { # SUBCOMMAND [ARGUMENT...], sets REPLIES
	REPLIES=("$HOST_LIB_FOLDER/plugins/enabled/letsencrypt/subcommands/$1" "letsencrypt:$1" "${@:2}")
}

local_hook() { # TRIGGER [ARGUMENT...], sets REPLIES
	REPLIES=("$HOST_LIB_FOLDER/plugins/enabled/letsencrypt/$1" "${@:2}")
}

# local_time TIMES PROGRAM [ARGUMENT...]: sets ELAPSED (median, µs), SHORTEST and PEAK (largest, KiB); fails when a run does.
local_time() {
	local report=$HOST/tmp/measure times=$1
	shift
	rm -f "$report"
	local_start "$WORK/measure" "$report" "$times" -- "$@" || return
	if ! awk '$3 != 0 { exit 1 }' "$report"; then return 1; fi
	ELAPSED=$(sort -n "$report" | awk -v middle=$(((times + 1) / 2)) 'NR == middle { print $1 }')
	SHORTEST=$(sort -n "$report" | awk 'NR == 1 { print $1 }')
	PEAK=$(awk '$2 > peak { peak = $2 } END { print peak }' "$report")
}

# local_measure TIMES SUBCOMMAND [ARGUMENT...]: the same for one of our subcommands
local_measure() {
	local times=$1
	local_subcommand "${@:2}"
	local_time "$times" "${REPLIES[@]}"
}

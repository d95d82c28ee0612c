# SPDX-License-Identifier: MIT
#
# Measuring a client from outside: the far-away CA, what one run of a command cost there, tables and bars. Sourced by run.
# shellcheck shell=bash disable=SC2034 # for the other files

RTT_MS=80
BARS=()
MISSED=0

# ---- the far-away CA ----

# far_start: from now on the CA of the present host is at FAR_DIRECTORY, 80 ms away.
far_start() {
	"$WORK/relay" "$HOST_FREE_PORT" "$HOST_CA_PORT" $((RTT_MS / 2)) >"$HOST/log/relay" 2>&1 </dev/null &
	echo $! >"$HOST/run/relay.pid"
	FAR_DIRECTORY=https://127.0.0.1:$HOST_FREE_PORT/dir
	host_until 5 grep -qs ready "$HOST/log/relay"
}

far_stop() {
	if [[ -s $HOST/run/relay.pid ]]; then process_end TERM "$(<"$HOST/run/relay.pid")"; fi
	rm -f "$HOST/run/relay.pid"
}

far_is_quiet() {
	(($(grep -c ^open "$HOST/log/relay") == $(grep -c ^close "$HOST/log/relay")))
}

# ---- one run ----

# measured COMMAND...: sets REQUESTS (lines of the CA's own log), CONNECTIONS, CONVERSATION (first connection to last byte, µs) and WALL (start to exit, µs).
# Its output goes to the log; a failure ends the benchmark.
measured() {
	local requests lines start end
	requests=$(wc -l <"$HOST/log/pebble")
	lines=$(wc -l <"$HOST/log/relay")
	start=${EPOCHREALTIME/[.,]/}
	if ! "$@" >"$WORK/output" 2>&1 </dev/null; then
		printf '%s\n' "failed: $*" "$(tail -n 20 "$WORK/output")" >&2
		return 1
	fi
	end=${EPOCHREALTIME/[.,]/}
	cat "$WORK/output" >>"$WORK/log"
	host_until 5 far_is_quiet || return
	WALL=$((end - start))
	REQUESTS=$(tail -n +$((requests + 1)) "$HOST/log/pebble" | grep -c 'calling handler')
	read -r CONNECTIONS CONVERSATION < <(tail -n +$((lines + 1)) "$HOST/log/relay" | awk '
		$1 == "close" { count++; if (!first || $3 < first) first = $3; if ($4 > last) last = $4 }
		END { printf "%d %d\n", count, last - first }')
}

# best_of TIMES COMMAND...: the same, of the run with the shortest conversation (what else the machine does only makes them longer), with the
# largest counts of all runs; the command gets the number of the run as its last word.
best_of() {
	local times=$1 run rows=''
	shift
	for ((run = 1; run <= times; run++)); do
		measured "$@" "$run" || return
		rows+="$CONVERSATION $WALL $REQUESTS $CONNECTIONS"$'\n'
	done
	read -r CONVERSATION WALL REQUESTS CONNECTIONS < <(sort -n <<<"${rows%$'\n'}" | awk '
		NR == 1 { conversation = $1; wall = $2 }
		$3 > requests { requests = $3 }
		$4 > connections { connections = $4 }
		END { print conversation, wall, requests, connections }')
}

# ---- telling ----

table_head() { # TITLE
	printf '\n%s\n  %-22s %9s %12s %12s %13s %14s\n' "$1" '' requests connections 'round trips' conversation 'whole process'
}

table_row() { # WHO
	awk -v who="$1" -v r="$REQUESTS" -v c="$CONNECTIONS" -v t="$CONVERSATION" -v w="$WALL" -v rtt="$RTT_MS" \
		'BEGIN { printf "  %-22s %9d %12d %12.1f %11.2f s %12.2f s\n", who, r, c, t / 1000 / rtt, t / 1e6, w / 1e6 }'
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

# bar TEXT VALUE at-most|at-least LIMIT [UNIT]
bar() {
	local text=$1 value=$2 direction=$3 limit=$4 unit=${5:-} verdict=ok
	if ! awk -v v="$value" -v l="$limit" -v d="$direction" 'BEGIN { exit !(d == "at-most" ? v <= l : v >= l) }'; then
		verdict=MISSED
		MISSED=$((MISSED + 1))
	fi
	BARS+=("$(printf '%-6s  %-62s %9s   %s %s' "$verdict" "$text" "$value$unit" "${direction/-/ }" "$limit$unit")")
	printf '  %s\n' "${BARS[-1]}"
}

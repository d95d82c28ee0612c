#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Somebody else's `certs:add` at the same moment as a renewal: core's writer takes no lock (rm, cp, cp by path). Whatever the order, the user's pair is there in the
# end, whole; automation then leaves it alone. The interleavings are covered by tests/unit/platform/test_tls.c; here the engine, the platform and nginx take part.

bats_require_minimum_version 1.5.0

setup() {
	# shellcheck disable=SC2034 # of host_ca_start
	CA_PROFILES='{"long": {"description": "ninety days", "validityPeriod": 7776000}, "short": {"description": "nine days", "validityPeriod": 777600}}'
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/story.bash"
	RANDOM=${RACE_SEED:-3}
	core_setup
	[[ $PEBBLE_PROFILES == yes ]] || skip "this Pebble has one lifetime for all certificates"
}

teardown() {
	host_destroy
}

user_pair() { # NUMBER
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=race$1.platform.test" \
		-keyout "$HOST/tmp/user$1.key" -out "$HOST/tmp/user$1.crt" 2>/dev/null
	chmod 644 "$HOST/tmp/user$1.key"
}

# Its exit status says whether nginx liked what it saw on the way; the files are there in any case.
user_adds() { # NUMBER MILLISECONDS
	sleep "$(($2 / 1000)).$(printf '%03d' $(($2 % 1000)))"
	host_run certs:add "race$1" "$HOST/tmp/user$1.crt" "$HOST/tmp/user$1.key" >/dev/null 2>&1 </dev/null || true
}

# All of them ours again, and due: certificates of nine days, grace of twenty; those that come next live for ninety.
make_due() { # COUNT
	local apps
	mapfile -t apps < <(seq -f 'race%g' "$1")
	host_run letsencrypt:set --global graceperiod >/dev/null
	host_run letsencrypt:set --global profile short >/dev/null
	host_run letsencrypt:enable "${apps[@]}" >/dev/null 2>&1
	host_run letsencrypt:set --global profile long >/dev/null
	host_run letsencrypt:set --global graceperiod 20d >/dev/null
}

check_user_pairs() { # COUNT
	local number
	for ((number = 1; number <= $1; number++)); do
		cmp "$(tls_folder "race$number")/server.crt" "$HOST/tmp/user$number.crt"
		cmp "$(tls_folder "race$number")/server.key" "$HOST/tmp/user$number.key"
		[[ -z $(find "$HOST_ROOT_FOLDER/race$number" -maxdepth 1 -name '.tls-*') ]]
	done
}

@test "certs:add while the same apps are renewed: the user's pair stays, whole" {
	local count=10 round number started took=3000
	story_apps "$count" race
	for ((number = 1; number <= count; number++)); do user_pair "$number"; done
	for ((round = 0; round < ${RACE_ROUNDS:-1}; round++)); do
		make_due "$count"
		for ((number = 1; number <= count; number++)); do user_adds "$number" $((RANDOM % took)) & done
		started=${EPOCHREALTIME/[.,]/}
		host_run letsencrypt:auto-renew 2>&1 </dev/null || true
		took=$(((${EPOCHREALTIME/[.,]/} - started) / 1000 + 1))
		wait
		echo "round $round: auto-renew took $took ms"
		check_user_pairs "$count"
		host_run letsencrypt:auto-renew
		check_user_pairs "$count"
	done
}

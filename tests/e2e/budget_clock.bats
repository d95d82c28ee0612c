#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# A host whose clock is wrong, before a run, during one and after a reboot: at worst something waits, and says so; the CA never has to deny anything.

# shellcheck disable=SC2030,SC2031,SC2154 # bats sets output and status
bats_require_minimum_version 1.5.0

UNIT=302400 # of two certificates a week

setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/budget.bash"
	budget_setup CertificatesPerDomain 2 604800
	host_run letsencrypt:set --global reserve 0 >/dev/null
	start=$(now)
}

teardown() {
	host_destroy
}

# host_is SECONDS: so far the host's clock is ahead of the CA's.
host_is() {
	echo $((ca_at + $1)) >"$HOST/tmp/clock.new"
	chmod a+r "$HOST/tmp/clock.new"
	mv "$HOST/tmp/clock.new" "$HOST/tmp/clock"
}

# ca_is SECONDS [AHEAD]: the CA's clock; the host's is ahead by so much.
ca_is() {
	ca_at=$1
	host_relay clock "{\"now\":$1,\"stopped\":true}" >/dev/null
	host_is "${2:-0}"
}

scheduled_run() { host_run letsencrypt:auto-renew </dev/null; }

# Of two units one is left.
use_one() {
	apps_under clock.test 7 app
	ca_is "$start"
	run -0 host_run letsencrypt:enable app1
}

@test "the clock is wrong before a run: ahead by a day or an hour nothing is asked too early, behind by an hour it waits and says so" {
	use_one
	ca_is $((start + 60))
	run -0 host_run letsencrypt:enable app2
	# by the host's clock there is room
	ca_is $((start + UNIT - 7200)) 86400
	enable_waits app3 "certificates for clock.test"
	ca_is $((start + UNIT - 1800)) 3600
	enable_waits app3 "certificates for clock.test"
	none_denied
	# by the host's clock it has to wait for another hour
	ca_is $((start + UNIT + 60)) -3600
	run host_run letsencrypt:enable app3
	((status == 0 || status == 75))
	ca_is $((start + UNIT + 90000))
	run -0 scheduled_run
	[[ $(count_issued '^app3') == 1 ]]
	enable_waits app4 "certificates for clock.test"
	none_denied
	book_against_ca 90000
	denied_without_ledger app5 app6
}

# run_with_jump KIND SECONDS: the scheduled run; the host's clock jumps while the CA takes its time for the first request of that KIND.
run_with_jump() {
	local pid
	host_relay reset?what=faults '' >/dev/null
	host_relay faults "[{\"match\":{\"kind\":\"$1\"},\"count\":1,\"action\":\"delay\",\"delay_ms\":700}]" >/dev/null
	scheduled_run >"$HOST/log/run" 2>&1 3>&- &
	pid=$!
	host_until 10 is_asking
	host_is "$2"
	wait "$pid"
}

is_asking() { [[ $(host_relay faults | jq '.[0].matched') -gt 0 ]]; }

@test "the clock jumps during a run" {
	local number=1 at=$((start + 60)) jump
	use_one
	for jump in "newNonce 86400" "newOrder -3600" "newOrder 3600" "finalize 86400"; do
		want "app$((++number))"
		ca_is "$at"
		# shellcheck disable=SC2086 # two words
		run_with_jump $jump
		# what the jump has made wait
		ca_is $((at += 60))
		run -0 scheduled_run
		none_denied
		# booked a day too late at worst
		at=$((at + UNIT + 86400))
	done
	[[ $(count_issued '^app[2345]') == 4 ]]
	none_denied
	book_against_ca 90000
	denied_without_ledger app6 app7
}

@test "the clock is a day ahead when the host comes up, and set right afterwards; and the other way round" {
	use_one
	ca_is $((start + 60)) 86400
	run -0 scheduled_run
	run -0 host_run letsencrypt:enable app2
	# booked by the later clock: what is to come waits for a day longer at most
	ca_is $((start + 120)) 0
	enable_waits app3 "certificates for clock.test"
	ca_is $((start + 120 + UNIT)) 0
	run -0 scheduled_run
	none_denied
	ca_is $((start + 120 + UNIT)) -86400
	run -0 scheduled_run
	enable_waits app4 "certificates for clock.test"
	ca_is $((start + 2 * UNIT + 90000)) 0
	run -0 scheduled_run
	[[ $(count_issued '^app3') == 1 ]]
	none_denied
	book_against_ca 90000
	denied_without_ledger app5 app6
}

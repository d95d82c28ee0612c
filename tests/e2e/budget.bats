#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What the budget does for the apps of one host: nothing is asked that the CA would deny, and what has to wait is served in order. All tests share a host; each
# has a registered domain of its own. With BUDGET=full ('make test-budget') with Let's Encrypt's numbers and as many apps, else with smaller ones. In the end
# each switches the ledger off: then the CA does deny.

# shellcheck disable=SC2030,SC2031,SC2154 # bats sets output and status
bats_require_minimum_version 1.5.0

setup_file() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/budget.bash"
	if [[ ${BUDGET:-} == full ]]; then
		budget_setup
	else
		budget_setup CertificatesPerDomain 3 604800 CertificatesPerFQDNSet 2 241920
	fi
	export HOST
}

teardown_file() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/budget.bash"
	host_destroy
}

# A day after the test before; what the CA counted then is forgotten.
setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/budget.bash"
	budget_use
	LIMIT=3 RESERVE=1
	if [[ ${BUDGET:-} == full ]]; then LIMIT=50 RESERVE=5; fi
	UNIT=$((WEEK / LIMIT)) ROOM=$((LIMIT - RESERVE))
	host_clock $(($(now) + 86400))
	host_relay reset '' >/dev/null
	host_run letsencrypt:set --global reserve $RESERVE >/dev/null
	ledger_on
}

# What waits or was refused is not asked for again by the tests that follow.
teardown() {
	forget_apps
}

# size SMALL FULL
size() { if [[ ${BUDGET:-} == full ]]; then echo "$2"; else echo "$1"; fi; }

# names PREFIX FIRST LAST: of apps
names() { seq -f "$1%g" "$2" "$3"; }

# ---- weeks ----

# When the scheduled run comes: every hour for three weeks, or right before and right after a unit has come back.
moments() { # START COUNT
	local number
	if [[ ${BUDGET:-} == full ]]; then
		seq $(($1 + 7200)) 3600 $(($1 + 3 * WEEK))
	else
		for ((number = 1; number <= $2; number++)); do printf '%s\n' $(($1 + number * UNIT - 60)) $(($1 + number * UNIT + 2)); done
	fi
}

# Appends to `served` who got a certificate since the last time; those of one run in any order.
note_served() { # DOMAIN
	local new
	mapfile -t new < <(issued_for "$1" | grep -vxF -f <(printf '%s\n' none "${served[@]}") | LC_ALL=C sort)
	served+=("${new[@]}")
}

@test "more apps than units: the first at once, each next within one run of its moment, in order" {
	local count start moment wanted served=()
	count=$((ROOM + $(size 1 75)))
	apps_under weeks.test "$count" app
	start=$(now)
	run -75 host_run letsencrypt:enable --all
	run_at $((start + 2))
	note_served weeks.test
	((${#served[@]} == ROOM)) || { echo "${#served[@]} at once: ${served[*]}" && false; }
	[[ $(waiting_apps 'app%' | wc -l) == $((count - ROOM)) ]]
	# whoever asks an hour later comes later, whatever the name
	apps_under weeks.test 1 a
	host_clock $((start + 3600))
	enable_waits a1 "certificates for weeks.test"
	for moment in $(moments "$start" $((count + 1 - ROOM))); do
		run_at "$moment"
		note_served weeks.test
		# what is booked counts from the end of its second
		wanted=$((ROOM + (moment - start - 1) / UNIT))
		if ((wanted > count + 1)); then wanted=$((count + 1)); fi
		((${#served[@]} == wanted)) || { echo "$((moment - start)) s after the first: ${#served[@]} have a certificate, not $wanted" && false; }
	done
	diff <(printf '%s\n' "${served[@]}") <(names app 1 "$count" | sed 's/$/.weeks.test/' | LC_ALL=C sort && echo a1.weeks.test)
	[[ -z $(waiting_apps '%') ]]
	none_denied
	# the last of them came long ago: all units are back
	apps_under weeks.test $((LIMIT + 1)) late
	mapfile -t late < <(names late 1 $((LIMIT + 1)))
	denied_without_ledger "${late[@]}"
}

# ---- what a person sees ----

@test "plan: what it says is what a run does; enable says in one line which limit, until when and at which place, and so does report" {
	local number planned
	apps_under plan.test $((ROOM + 3)) plan
	mapfile -t apps < <(names plan 1 "$ROOM")
	run host_run letsencrypt:enable "${apps[@]}"
	run_at $(($(now) + 2))
	(($(count_issued '^plan') == ROOM))
	enable_waits "plan$((ROOM + 1))" "certificates for plan.test"
	enable_waits "plan$((ROOM + 2))" "certificates for plan.test"
	want "plan$((ROOM + 3))"
	host_clock $(($(now) + UNIT + 10))
	run -0 --separate-stderr host_run letsencrypt:plan --all --format json
	planned=$(jq -r '.. | objects | select(has("app") and has("decision")) | "\(.app) \(.decision)"' <<<"$output" | grep '^plan' | LC_ALL=C sort)
	echo "$planned"
	(($(grep -c ' issue$' <<<"$planned") == 1 && $(grep -c ' wait$' <<<"$planned") == 2))
	run_at "$(now)"
	while read -r app decision; do
		case $decision in
		issue) [[ $(count_issued "^$app\.plan\.test") == 1 ]] ;;
		wait) [[ $(waiting_apps "$app") == "$app" ]] ;;
		nothing) [[ $(count_issued "^$app\.plan\.test") == 1 ]] ;;
		*) echo "$app: $decision" && false ;;
		esac
	done <<<"$planned"
	run -0 host_run letsencrypt:report "plan$((ROOM + 2))"
	shows "certificates for plan.test"
	none_denied
	apps_under plan.test $((RESERVE + 1)) more
	mapfile -t more < <(names more 1 $((RESERVE + 1)))
	denied_without_ledger "${more[@]}"
}

# ---- quiet apps ----

@test "an app whose names change all day and a bot with its previews: quiet apps that come afterwards are issued at once" {
	local steps quiet share number app
	steps=$(size 3 60) quiet=$(size 1 10) share=$(size 1 18)
	budget_grant quiet.test $((2 * share + quiet + 1 + RESERVE))
	host_run letsencrypt:set --global group-previews 'pr-*' >/dev/null
	host_run letsencrypt:set --global share-previews "$share" >/dev/null
	host_run letsencrypt:set --global share-churn1 $((share + 1)) >/dev/null
	apps_under quiet.test 1 churn
	apps_under quiet.test "$steps" pr-
	for ((number = 1; number <= steps; number++)); do
		host_clock $(($(now) + 86400 / steps))
		host_quietly domains:set churn1 "churn$number.quiet.test"
		for app in churn1 "pr-$number"; do
			run host_run letsencrypt:enable "$app"
			((status == 0 || status == 75)) || { echo "$output" && false; }
		done
	done
	# a seventh of a week's share has come back by then
	number=$(count_issued '^churn.*quiet.test')
	((number > share && number <= share + 1 + (share + 1) / 7))
	number=$(count_issued '^pr-.*quiet.test')
	((number >= share && number <= share + share / 7))
	apps_under quiet.test "$quiet" quiet
	for ((number = 1; number <= quiet; number++)); do
		next_second
		run -0 host_run letsencrypt:enable "quiet$number"
	done
	none_denied
	# left are those that are kept, and what has come back since
	number=$((RESERVE + LIMIT / 7 + 3))
	apps_under quiet.test "$number" late
	mapfile -t late < <(names late 1 "$number")
	denied_without_ledger "${late[@]}"
}

# ---- one bucket is empty ----

# ari FIRST LAST: the CA wants these apps of due.test renewed by now.
ari() {
	local orders certificate number
	orders=$(host_relay orders)
	for ((number = $1; number <= $2; number++)); do
		certificate=$(jq -r --arg name "due$number.due.test" '[.[] | select(.names[0] == $name)] | last | .certificate' <<<"$orders")
		host_relay window "{\"certificate\":\"$certificate\",\"start\":$(($(now) - 30 * 86400)),\"end\":$(($(now) + 86400))}" >/dev/null
	done
}

# A run with certificates for apps that have none, and renewals that the CA wants. Sets `took`, milliseconds.
busy_run() { # FIRST LAST
	mapfile -t apps < <(names cold "$1" "$2")
	want "${apps[@]}"
	ari "$1" "$2"
	host_relay reset '' >/dev/null
	# its answers are good for some hours
	host_clock $(($(now) + 12 * 3600))
	took=${EPOCHREALTIME/[.,]/}
	run_at "$(now)"
	took=$(((${EPOCHREALTIME/[.,]/} - took) / 1000))
	(($(count_issued '^cold') == $2))
	(($(host_relay orders | jq '[.[] | select(.as == "ari" and .issued)] | length') == $2)) || { cat "$HOST/log/run" && false; }
	asked_is $((2 * ($2 - $1 + 1)))
	none_denied
}

@test "one bucket empty for 34 hours: whoever does not need it does not wait for it" {
	local each number took with set
	each=$(size 1 20) set=$(size 2 5)
	apps_under hot.test 1 hot
	apps_under due.test $((2 * each)) due
	apps_under cold.test $((2 * each)) cold
	mapfile -t apps < <(names due 1 $((2 * each)))
	run -0 host_run letsencrypt:enable hot1 "${apps[@]}"
	for ((number = 2; number <= set; number++)); do
		next_second
		run -0 host_run letsencrypt:enable hot1 --force
	done
	run -75 host_run letsencrypt:enable hot1 --force
	shows "hot1 waits until "
	busy_run 1 "$each"
	with=$took
	[[ $(waiting_apps 'hot%') == hot1 ]]
	host_clock $(($(now) + 12 * 3600))
	run_at $(($(now) + 12 * 3600))
	[[ $(count_issued '^hot1') == $((set + 1)) && -z $(waiting_apps 'hot%') ]]
	none_denied
	if [[ ${BUDGET:-} == full ]]; then
		busy_run $((each + 1)) $((2 * each))
		echo "# a run beside an empty bucket $with ms, without one $took ms" >&3
		((with - took <= 2000))
	fi
	denied_without_ledger hot1 hot1
}

# ---- what others have used ----

@test "units that others have used: denied once, learned, and not asked for again before the moment that the CA named" {
	local start
	apps_under others.test 2 others
	host_relay buckets "[{\"limit\":\"CertificatesPerDomain\",\"bucket\":\"others.test\",\"spend\":$LIMIT}]" >/dev/null
	start=$(now)
	run ! host_run letsencrypt:enable others1
	[[ $(denied) == 1 ]]
	enable_waits others1 "certificates for others.test"
	enable_waits others2 "certificates for others.test"
	run_at $((start + UNIT / 2))
	[[ $(denied) == 1 ]]
	asked_is 1
	# The reserve comes back first; the CA asks for up to 3 % more patience than its bucket.
	run_at $((start + (RESERVE + 1) * UNIT * 104 / 100))
	[[ $(count_issued others) == 1 && $(denied) == 1 ]]
	run_at $((start + (RESERVE + 2) * UNIT * 104 / 100))
	[[ $(count_issued others) == 2 && $(denied) == 1 ]]
}

@test "a paused name: it is named, the link is shown, and it is not asked for again" {
	local account
	apps_under paused.test 1 paused
	account=$(host_relay orders | jq -r '.[0].account')
	host_relay failing '[{"name":"paused1.paused.test","type":"dns","detail":"NXDOMAIN looking up A for paused1.paused.test"}]' >/dev/null
	host_relay buckets "[{\"limit\":\"FailedAuthorizationsForPausingPerDomainPerAccount\",\"bucket\":\"$account:paused1.paused.test\",\"spend\":1152}]" >/dev/null
	run -1 host_run letsencrypt:enable paused1
	run host_run letsencrypt:enable paused1
	((status == 1 || status == 75))
	shows paused1.paused.test
	shows https://
	[[ $(host_relay_stat .denied.Paused) == 1 ]]
	run host_run letsencrypt:enable paused1
	((status == 1 || status == 75))
	shows paused1.paused.test
	shows https://
	run_at $(($(now) + 3600))
	asked_is 2
	[[ $(denied) == 1 ]]
}

@test "four failed validations of a name within an hour: one attempt a day then, whoever asks, until one succeeds" {
	local failed_at number before
	apps_under often.test 1 often
	host_relay failing '[{"name":"often1.often.test","type":"connection","detail":"nobody answers there"}]' >/dev/null
	for number in 1 2 3 4; do
		failed_at=$(($(now) + 600))
		host_clock "$failed_at"
		run -1 host_run letsencrypt:enable often1
	done
	before=$(asked)
	host_clock $((failed_at + 600))
	enable_waits often1 "often1.often.test failed 4 times within an hour" "nobody answers there" "$(date -u -d "@$((failed_at + 86400))" '+%Y-%m-%d %H:%M')"
	run -75 host_run letsencrypt:enable often1 --force
	host_clock $((failed_at + 86400 - 60))
	run -75 host_run letsencrypt:enable often1
	[[ $(asked) == "$before" ]]
	failed_at=$((failed_at + 86400))
	host_clock "$failed_at"
	run -1 host_run letsencrypt:enable often1
	host_clock $((failed_at + 60))
	run -75 host_run letsencrypt:enable often1
	[[ $(asked) == $((before + 1)) ]]
	host_relay failing '[]' >/dev/null
	host_clock $((failed_at + 86400))
	run -0 host_run letsencrypt:enable often1
	# forgotten: it may fail again as often
	host_relay failing '[{"name":"often1.often.test","type":"connection","detail":"nobody answers there"}]' >/dev/null
	next_second
	run -1 host_run letsencrypt:enable often1 --force
	run -1 host_run letsencrypt:enable often1 --force
	none_denied
}

# ---- many at once ----

@test "many commands at the same moment and one unit left: one order a round" {
	local rounds count round number pids status
	rounds=$(size 2 20) count=$(size 5 32)
	apps_under race.test $((ROOM - 1)) first
	mapfile -t apps < <(names first 1 $((ROOM - 1)))
	run -0 host_run letsencrypt:enable "${apps[@]}"
	apps_under race.test "$count" race
	next_second
	for ((round = 1; round <= rounds; round++)); do
		pids=()
		for ((number = 1; number <= count; number++)); do
			host_run letsencrypt:enable "race$number" >"$HOST/log/race$number" 2>&1 </dev/null &
			pids+=($!)
		done
		for number in "${pids[@]}"; do
			status=0
			wait "$number" || status=$?
			((status == 0 || status == 75))
		done
		# whoever was not looked at in time
		host_run letsencrypt:auto-renew >/dev/null
		(($(count_issued '^race') == round))
		host_clock $(($(now) + UNIT + 2))
	done
	none_denied
	apps_under race.test $((RESERVE + 2)) late
	mapfile -t apps < <(names late 1 $((RESERVE + 2)))
	denied_without_ledger "${apps[@]}"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Many commands at the same moment on a fresh host (TOGETHER: how many).

bats_require_minimum_version 1.5.0

COMMANDS=${TOGETHER:-40}

setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/story.bash"
	core_setup
}

teardown() {
	host_destroy
}

# On a slow machine a command may end before its turn has come: exit status 75, and the next run goes on with it.
@test "many enable at the same moment on a fresh host: one account, and each app gets its certificate" {
	local number status pids=() waiting=0
	story_apps "$COMMANDS" app
	for ((number = 1; number <= COMMANDS; number++)); do
		host_run letsencrypt:enable "app$number" >"$HOST/log/enable$number" 2>&1 </dev/null &
		pids[number]=$!
	done
	for ((number = 1; number <= COMMANDS; number++)); do
		status=0
		wait "${pids[number]}" || status=$?
		if ((status == 75)); then
			((++waiting))
		elif ((status != 0)); then
			echo "app$number ends with $status: $(<"$HOST/log/enable$number")"
			return 1
		fi
	done
	echo "$waiting of $COMMANDS did not come to their end in time"
	if ((waiting)); then host_run letsencrypt:auto-renew; fi
	(($(ca_accounts) == 1))
	(($(ca_orders) == COMMANDS && $(ca_issued) == COMMANDS))
	for ((number = 1; number <= COMMANDS; number++)); do host_until 5 is_served "app$number" "app$number.platform.test"; done
}

#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What the commands print, byte for byte where programs read it, on a host with a CA. The tests share one host; each has an app of its own.

bats_require_minimum_version 1.5.0

setup_file() {
	export HOST
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/../platform/host.bash"
	host_create && host_install_plugin && host_ca_start || return
	host_quietly letsencrypt:set --global server "$HOST_CA_DIRECTORY"
	host_quietly letsencrypt:set --global ca-certificate "$HOST_CA_CERT"
	host_quietly letsencrypt:set --global email you@example.com
}

teardown_file() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/../platform/host.bash"
	host_destroy "$HOST"
}

setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/../platform/host.bash"
	host_use "$HOST"
}

# app NAME: deployed, with a certificate.
secured_app() {
	host_app "$1" "$1.test"
	host_deploy "$1" >/dev/null
	host_quietly letsencrypt:enable "$1"
}

property() { cat "$HOST_LIB_FOLDER/config/letsencrypt/$1/$2"; }

# `! command` never fails a test.
not() {
	if "$@"; then return 1; fi
}

# what_if_is TEXT WORD...: of the plan's first app and of its answer
what_if_is() {
	[[ $(host_run letsencrypt:plan "${@:2}" --format json | jq -r '.apps[0].decision + " " + (.what_if | "\(.free) \(.size) \(.fit) \(.wildcard) \(.last_at > 0)")') == "$1" ]]
}

# fits: no line of the last run is wider than eighty columns
fits() { not grep -E '^.{81}' <<<"$output"; }

@test "a host without apps is no failure" {
	run -0 --separate-stderr host_run letsencrypt:report
	[[ -z $output && $stderr == *"!     You haven't deployed any applications yet" ]]
	run -0 --separate-stderr host_run letsencrypt:report --format json
	[[ -z $output ]]
	run -0 --separate-stderr host_run letsencrypt:list
	[[ ${#lines[@]} == 1 && $stderr == *"!     You haven't deployed any applications yet" ]]
	run -0 host_run letsencrypt:report --global --letsencrypt-global-email
	[[ $output == you@example.com ]]
	run -0 --separate-stderr host_run letsencrypt:auto-renew
	[[ ${lines[*]} == "=====> Auto-renewing all apps... =====> Finished auto-renewal" && -z $stderr ]]
}

@test "set says what it does, and stores it as the platform does" {
	host_app set set.test
	run -0 --separate-stderr host_run letsencrypt:set set graceperiod 30d
	[[ ${lines[0]} == "=====> Setting graceperiod to 2592000" ]]
	[[ $(property set graceperiod) == 2592000 ]]
	[[ -z $stderr ]]
	run -0 host_run letsencrypt:set set graceperiod
	[[ ${lines[0]} == "=====> Unsetting graceperiod" ]]
	not test -e "$HOST_LIB_FOLDER/config/letsencrypt/set/graceperiod"
	run -0 host_run letsencrypt:set set lego-args "--key-type ec384 --http.port 81"
	[[ ${lines[0]} == "=====> Setting lego-args to --key-type ec384 --http.port 81" ]]
	run -0 host_run --quiet letsencrypt:set set email me@example.com
	[[ -z $output ]]
	[[ $(property set email) == me@example.com ]]
	run -0 host_run letsencrypt:set set profile "" --format json
	[[ $(jq -r '.app + " " + .key + " " + .value' <<<"$output") == "set profile " ]]
}

@test "a secret comes by standard input and is shown nowhere" {
	local secret=aHVzaC1odXNo
	host_app secret secret.test
	run -0 host_run letsencrypt:set secret eab-hmac-key - <<<"$secret"
	[[ ${lines[0]} == "=====> Setting eab-hmac-key to ****" ]]
	[[ $(property secret eab-hmac-key) == "$secret" ]]
	[[ $(stat -c %a "$HOST_LIB_FOLDER/config/letsencrypt/secret/eab-hmac-key") == 600 ]]
	run -0 host_ssh 'letsencrypt:set secret dns-provider-TOKEN -' <<<"$secret"
	[[ ${lines[0]} == "=====> Setting dns-provider-TOKEN to ****" ]]
	run -0 host_run report secret
	not grep -q "$secret" <<<"$output"
	grep -qE '^ +Letsencrypt dns provider TOKEN: +\*\*\*\* *$' <<<"$output"
	run -0 host_run letsencrypt:report secret
	[[ $(grep -c "$secret" <<<"$output") == 2 ]]
	not grep -rq "$secret" "$HOST"/log "$HOST"/var/log "$HOST_DATA_FOLDER"
	host_quietly letsencrypt:set secret eab-hmac-key
}

@test "help is in the platform's, whole lines" {
	run -0 host_run help
	grep -qE '^ +letsencrypt +Manage the letsencrypt integration$' <<<"$output"
	not grep -q 'letsencrypt:' <<<"$output"
	run -0 host_run help --all
	grep -qE '^ +letsencrypt:enable <app>\.\.\. \| --all \[--force\] +Enable or renew letsencrypt for an app$' <<<"$output"
	grep -qE '^ +letsencrypt:cron-job \[--add\|--remove\] +Add or remove or display the auto-renew cron job$' <<<"$output"
	run -0 host_run letsencrypt:help
	[[ ${lines[0]} == "Usage: dokku letsencrypt[:COMMAND]" ]]
	run -0 host_run letsencrypt:report --help
	grep -q -- '--letsencrypt-<key>' <<<"$output"
}

@test "report has its lines, values and JSON" {
	host_app report report.test
	run -0 --separate-stderr host_run letsencrypt:report report
	[[ ${lines[0]} == "=====> report letsencrypt information" ]]
	[[ ${lines[1]} == "       Letsencrypt active:            false                    " ]]
	[[ ${lines[10]} == "       Letsencrypt computed graceperiod: 2592000                  " ]]
	[[ -z $stderr ]]
	run -0 host_run --quiet letsencrypt:report report
	[[ ${lines[0]} == "       Letsencrypt active:            false                    " ]]
	run -0 host_run letsencrypt:report report --letsencrypt-computed-email
	[[ $output == you@example.com ]]
	run -1 --separate-stderr host_run letsencrypt:report report --letsencrypt-email
	[[ -z $output && $stderr == *"!     not deployed" ]]
	run -0 host_run letsencrypt:report --global
	[[ ${lines[0]} == "=====> global letsencrypt information" ]]
	not grep -v 'Letsencrypt global ' <<<"$(tail -n +2 <<<"$output")"
	run -0 host_run letsencrypt:report report --format json
	[[ $(jq -r '."computed-server"' <<<"$output") == "$HOST_CA_DIRECTORY" ]]
	[[ $(jq -r 'keys_unsorted[0:3] | join(" ")' <<<"$output") == "active autorenew computed-dns-provider" ]]
	[[ $(jq -r '[.[] | type] | unique | join(" ")' <<<"$output") == string ]]
	host_app report2 report2.test
	run -0 host_run letsencrypt:report --format json
	(($(wc -l <<<"$output") >= 2))
	# Of all apps: those without the value are told, and are no failure.
	host_quietly letsencrypt:set report2 email two@example.com
	run -0 --separate-stderr host_run letsencrypt:report --letsencrypt-email
	grep -qx two@example.com <<<"$output" && grep -q "!     not deployed" <<<"$stderr"
}

@test "cron-job writes and removes the crontab's line" {
	run -0 host_run letsencrypt:cron-job --remove
	[[ $output == "-----> Removed cron job from dokku's crontab." ]]
	not grep -q letsencrypt <<<"$(host_crontab)"
	run -0 host_run letsencrypt:cron-job
	[[ ${lines[0]} == "=====> Auto-renew cron job is not enabled" ]]
	[[ ${lines[1]} == "       Run 'dokku letsencrypt:cron-job --add' to enable." ]]
	run -0 host_run letsencrypt:cron-job --add
	[[ $output == "-----> Added cron job to dokku's crontab." ]]
	host_crontab | grep -q 'dokku letsencrypt:auto-renew --scheduled --by cron-entries &>> '
	run -0 host_run --quiet letsencrypt:cron-job
	[[ ${lines[0]} == "       Run 'dokku letsencrypt:cron-job --remove' to disable." ]]
	run -0 host_run letsencrypt:cron-job --format json
	[[ $(jq -c '[.autorenew, .mechanism, .is_forgotten, has("last_at"), (.minute > 0 and .minute < 60), .next_at > now]' <<<"$output") == '[true,"cron-entries",false,false,true,true]' ]]
}

@test "list, ls and active know who is secured" {
	secured_app list
	run -0 --separate-stderr host_run letsencrypt:list
	[[ ${lines[0]} == "-----> App name           Certificate Expiry        Time before expiry        Time before renewal      " ]]
	[[ ${lines[1]} =~ ^list\ {21}\ [0-9-]{10}\ [0-9:]{8}\ {7}[0-9]+d,\ [0-9dhms,\ ]+$ ]]
	((${#lines[1]} == 103))
	[[ -z $stderr ]]
	run -0 host_run --quiet letsencrypt:ls
	[[ ${lines[0]} == list* ]]
	run -0 host_run letsencrypt:list --format json
	[[ $(jq -r 'select(.app == "list") | .expiration > .renewal' <<<"$output") == true ]]
	run -0 host_run letsencrypt:active list
	[[ $output == true ]]
	run -0 host_run --app list letsencrypt:active
	[[ $output == true ]]
	run -0 host_run letsencrypt:active --app=list
	[[ $output == true ]]
	host_app unlisted unlisted.test
	run -0 host_run letsencrypt:active unlisted
	[[ $output == false ]]
}

@test "enable of several apps prints a block for each" {
	for name in one two; do
		host_app "$name" "$name.test"
		host_deploy "$name" >/dev/null
	done
	run -0 host_run letsencrypt:enable one two one
	[[ $(grep -cE '^=====> Enabling letsencrypt for (one|two)$' <<<"$output") == 2 ]]
	# Between the first line of one app and its last there is none of the other.
	local first
	first=$(grep -oE '^=====> Enabling letsencrypt for .*' <<<"$output" | head -n 1)
	[[ $(sed -n "/^$first/,/^=====> Enabling/p" <<<"$output" | grep -c -- '-----> Done') == 1 ]]
	run -0 host_run letsencrypt:enable one two --format json
	[[ $(jq -r '.app + " " + .active' <<<"$output") == $'one true\ntwo true' ]]
	[[ $(jq -r '.messages[1]' <<<"${lines[0]}") == "Certificate is still valid for one, skipping certificate request" ]]
}

@test "a failure is an object too" {
	run -20 --separate-stderr host_run letsencrypt:enable nope --format json
	[[ $output == '{"error":"App nope does not exist","kind":"no-app"}' ]]
	[[ $stderr == *"!     App nope does not exist" ]]
	run -1 --separate-stderr host_run letsencrypt:enable nope --format=json --forse
	[[ $(jq -r .kind <<<"$output") == usage ]]
}

@test "a terminal shows where it is, and is left clean" {
	local typescript=$BATS_TEST_TMPDIR/typescript
	for name in tty1 tty2; do
		host_app "$name" "$name.test"
		host_deploy "$name" >/dev/null
	done
	# shellcheck disable=SC2016 # for the shell in the terminal
	SHELL=/bin/bash TESTS=$BATS_TEST_DIRNAME script -qec '. "$TESTS/../platform/host.bash"; host_use "$HOST"; host_run TERM=xterm letsencrypt:enable tty1 tty2' \
		"$typescript" >/dev/null </dev/null
	grep -qE '\[[01] of 2 done\] tty[12]: ' "$typescript"
	# What stays on the screen: each line without what was erased before it.
	sed -E 's/^.*\r\x1b\[K//; s/\r$//' "$typescript" | grep -v '^Script ' >"$BATS_TEST_TMPDIR/screen"
	not grep -q 'of 2 done' "$BATS_TEST_TMPDIR/screen"
	[[ $(grep -cx -- '-----> Done' "$BATS_TEST_TMPDIR/screen") == 2 ]]
}

@test "disable takes it back, and only that" {
	secured_app off
	host_until 5 host_https_get off.test >/dev/null
	run -0 host_run letsencrypt:disable off
	[[ ${lines[0]} == "-----> Disabling letsencrypt for app" ]]
	grep -qx '       Removing SSL endpoint from off' <<<"$output"
	grep -q HSTS <<<"$output"
	not test -e "$HOST_ROOT_FOLDER/off/tls"
	not test -e "$HOST_ROOT_FOLDER/off/letsencrypt"
	not test -e "$HOST_ROOT_FOLDER/off/nginx.conf.d/letsencrypt.conf"
	host_until 5 host_http_get off.test
	run -0 host_run letsencrypt:active off
	[[ $output == false ]]
	run -0 host_run letsencrypt:report off --letsencrypt-enabled
	[[ $output == false ]]
	# It is not bought again.
	host_quietly letsencrypt:enable off
	run -0 host_run letsencrypt:active off
	[[ $output == true ]]
}

@test "plan says what enable and auto-renew do, and what if there were more" {
	host_app planned planned.plan.test
	host_deploy planned >/dev/null
	host_quietly letsencrypt:set --global limits letsencrypt
	run -0 --separate-stderr host_run letsencrypt:plan planned
	[[ ${lines[0]} == "-----> App  Decision     Why" ]]
	[[ ${lines[1]} == "planned     issue        there is no certificate yet" ]]
	[[ -z $stderr ]]
	run -0 host_run letsencrypt:plan planned --add 12.plan.test
	[[ ${lines[2]} == "12 more apps under plan.test: 50 of 50 free (1 for the apps above), all fit; a" ]]
	fits
	run -0 host_run letsencrypt:plan --format json
	[[ $(jq -r '.apps[] | select(.app == "planned") | .decision' <<<"$output") == nothing ]]
	host_quietly letsencrypt:enable planned
	# For a moment after it the clock in doubt makes two units of one.
	host_until 10 what_if_is "nothing 49 50 44 1 true" planned --add 60.plan.test
	run -0 host_run letsencrypt:plan --until 100d
	grep -qE '^planned +renew +on 20' <<<"$output"
	fits
	run -20 host_run letsencrypt:plan nope
	run -1 host_run letsencrypt:plan --add many
	run -1 host_run letsencrypt:plan --until yesterday
	host_quietly letsencrypt:set --global limits
}

@test "budget shows what is used, and bars on a terminal" {
	local typescript=$BATS_TEST_TMPDIR/typescript
	host_quietly letsencrypt:set --global limits letsencrypt
	host_app spender spender.spend.test
	host_deploy spender >/dev/null
	host_quietly letsencrypt:enable spender
	run -0 --separate-stderr host_run letsencrypt:budget spend.test
	grep -qx -- '----->  Used  Reserved   Free  Next unit             Full again' <<<"$output"
	grep -qx 'new certificates for spend.test (50 within 7 days, 5 kept for renewals)' <<<"$output"
	grep -qE '^ {11}1 {9}0 {5}49  20.*  20.*' <<<"$output"
	grep -qE '^       used by spender \(20' <<<"$output"
	fits
	[[ -z $stderr ]]
	run -0 host_run letsencrypt:budget spender --format json
	[[ $(jq -r '.cas[0].buckets[] | select(.limit == "CertificatesPerDomain") | "\(.bucket) \(.used) \(.used_by[0].app)"' <<<"$output") == "spend.test 1 spender" ]]
	[[ $(jq -r '[.cas[0].buckets[].limit] | sort | join(" ")' <<<"$output") == "CertificatesPerDomain CertificatesPerFQDNSet FailedAuthorizationsPerDomainPerAccount NewOrdersPerAccount" ]]
	for language in C C.UTF-8; do
		# shellcheck disable=SC2016 # for the shell in the terminal
		WANTED=$language SHELL=/bin/bash TESTS=$BATS_TEST_DIRNAME script -qec 'stty cols 80; . "$TESTS/../platform/host.bash"; host_use "$HOST"; host_run TERM=xterm LANG="$WANTED" letsencrypt:budget spend.test' \
			"$typescript" >/dev/null </dev/null
		if [[ $language == C ]]; then
			grep -qF '[#.......................]  49 free, 1 used, 0 reserved' "$typescript"
		else
			grep -qF '█░░░░░░░░░░░░░░░░░░░░░░░  49 free, 1 used, 0 reserved' "$typescript"
		fi
	done
	run -0 host_run letsencrypt:budget spend.test --rebuild
	[[ ${lines[0]} == "-----> Counted anew: "*" certificates" ]]
	grep -qE '^       used by spender \(20' <<<"$output"
	run -20 host_run letsencrypt:budget nope
	host_quietly letsencrypt:set --global limits
	run -0 host_run letsencrypt:budget
	[[ ${lines[0]} == "=====> localhost:"*" publishes no limits: only its refusals are remembered" ]]
}

@test "events are listed, and followed until a signal" {
	local follower=$BATS_TEST_TMPDIR/follower pid status=0
	secured_app told
	run -0 --separate-stderr host_run letsencrypt:events told
	[[ ${lines[0]} == "-----> When          App       Cause       Decision" ]]
	[[ ${lines[1]} =~ ^20[0-9-]{8}\ [0-9:]{8}\ \ told\ {6}enable\ {6}issue$ ]]
	[[ ${lines[2]} == "       installed"* ]]
	fits
	[[ -z $stderr ]]
	run -0 host_run letsencrypt:events told --format json
	[[ $(jq -r '.[0] | .app + " " + .cause + " " + .decision + " " + (.at > 0 | tostring)' <<<"$output") == "told enable issue true" ]]
	host_run letsencrypt:events told --follow --format json >"$follower" 3>&- &
	host_until 10 test -s "$follower"
	host_quietly letsencrypt:disable told
	host_until 10 grep -q '"cause":"disable"' "$follower"
	pid=$(for pid in $(host_processes); do if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q '^letsencrypt letsencrypt:events '; then echo "$pid"; fi; done)
	kill -TERM "$pid"
	wait $! || status=$?
	((status == 0))
	[[ $(jq -r .cause "$follower") == $'enable\ndisable' ]]
	run -20 host_run letsencrypt:events nope
}

#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The schedule: what starts it on which host, that of all starts in an hour one is carried out, and that nobody forgets a schedule that has stopped.

bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "${BATS_TEST_DIRNAME}/core.bash"
	host_create
	host_install_plugin
	log=$HOST/var/log/dokku/letsencrypt.log
	global=$HOST_DATA_FOLDER/--global
	plugin=$HOST_LIB_FOLDER/plugins/available/letsencrypt
}

teardown() {
	host_destroy
}

# From here on the test build runs, on a clock of its own: hours pass at once, and the machine may have booted just now.
use_clock() {
	set_clock 0
	install -m 755 "$TEST_PROGRAMS/letsencrypt-hook" "$plugin/bin/letsencrypt-hook"
	up_since 1000000
}

now() {
	local moment
	read -r moment _ <"$HOST/tmp/clock"
	echo "$moment"
}

# write_clock MOMENT: and how long the machine has been up then
write_clock() {
	echo "$1 $uptime" >"$HOST/tmp/clock.new"
	chmod a+r "$HOST/tmp/clock.new"
	mv "$HOST/tmp/clock.new" "$HOST/tmp/clock"
}

# up_since SECONDS: the machine booted so long ago.
up_since() {
	uptime=$1
	write_clock "$(now)"
}

pass() { # SECONDS
	write_clock $(($(now) + $1))
}

finished() { grep -c '^=====> Finished auto-renewal$' "$log" 2>/dev/null || true; }

# hour: an hour goes by, and all that could start a run does, twice and in both orders. Sets `runs` to how many were carried out.
hour() {
	local before
	before=$(finished)
	pass 3600
	host_schedule_run
	host_cron_run
	pass 20
	host_cron_run
	host_schedule_run
	runs=$(($(finished) - before))
}

one_run() { # WHAT_IS_IN_CHARGE
	hour
	((runs == 1)) || {
		echo "runs in the hour of $1: $runs" >&2
		return 1
	}
	run -0 host_run letsencrypt:cron-job --format json
	[[ $(jq -r '.mechanism' <<<"$output") == "$1" ]] || {
		echo "expected $1: $output" >&2
		return 1
	}
	[[ $(jq -r '.last_at' <<<"$output") == $(($(now) - 20)) && $(jq -r '.last_exit' <<<"$output") == 0 ]]
}

is_waiting() { [[ -s $global/auto-renew.lock ]] && ! is_over "$(<"$global/auto-renew.lock")"; }
is_over() { ! kill -0 "$1" 2>/dev/null; } # PID

# become KIND: the host as it is from now on. The platform learns of a scheduler that changed at its next deploy only.
become() {
	case $1 in
	docker-local) host_quietly scheduler:set --global selected docker-local ;;
	null-*) host_quietly scheduler:set --global selected null ;;
	esac
	case $1 in
	*-systemd) host_systemd on ;;
	*-cron) host_systemd off ;;
	esac
	host_quietly plugin:install
}

@test "a first install sets the schedule up, and says how to switch it off" {
	[[ $(host_crontab) =~ ([0-9]+)\ \*\ \*\ \*\ \*\ dokku\ letsencrypt:auto-renew\ --scheduled\ --by\ cron-entries\ \&\>\>\ $log ]]
	minute=${BASH_REMATCH[1]}
	((minute >= 1 && minute <= 59))
	grep -qxE "$minute \* \* \* \* $HOST_USER test ! -e .*/enabled/letsencrypt \|\| exec $HOST/bin/dokku letsencrypt:auto-renew --scheduled --by host >>$log 2>&1" \
		"$HOST/etc/cron.d/letsencrypt-auto-renew"
	[[ $(stat -c %a "$HOST/etc/cron.d/letsencrypt-auto-renew") == 644 && ! -e $HOST/etc/systemd/system/letsencrypt-auto-renew.timer ]]
	run -0 host_run letsencrypt:cron-job
	[[ ${lines[0]} == "=====> Auto-renew cron job is enabled" ]]
	[[ ${lines[1]} == "       Run 'dokku letsencrypt:cron-job --remove' to disable." ]]
	[[ ${lines[2]} == "       Started by: dokku's crontab" ]]
	[[ ${lines[3]} == "       Minute:     $minute of every hour" ]]
	[[ ${lines[4]} == "       Last run:   none yet" ]]
	[[ ${lines[5]} =~ ^"       Next run:   "[0-9-]+\ [0-9]+:0*$minute\  ]]
	# installed again, on a container made anew: the same minute
	rm -rf "$HOST/etc/cron.d/letsencrypt-auto-renew" "${plugin:?}/bin"
	run -0 host_run LETSENCRYPT_DISABLE_PULL=true plugin:install
	shows "Every hour what is due is renewed by itself. To switch that off: dokku letsencrypt:cron-job --remove"
	grep -q "^$minute " "$HOST/etc/cron.d/letsencrypt-auto-renew"
}

@test "systemd: a timer that catches up; changed files only are written; without systemd it goes" {
	units=$HOST/etc/systemd/system
	host_systemd on
	host_quietly plugin:install
	minute=$(cut -d ' ' -f 1 "$global/schedule")
	grep -qx "OnCalendar=\*-\*-\* \*:$minute:00" "$units/letsencrypt-auto-renew.timer"
	grep -qx "Persistent=true" "$units/letsencrypt-auto-renew.timer"
	grep -qx "User=$HOST_USER" "$units/letsencrypt-auto-renew.service"
	run -1 grep -r '@[A-Z_]*@' "$units"
	[[ ! -e $HOST/etc/cron.d/letsencrypt-auto-renew ]]
	[[ $(grep -v '^$' "$HOST/log/systemctl" | paste -sd ';') == "daemon-reload;enable --quiet --now letsencrypt-auto-renew.timer" ]]
	if command -v systemd-analyze >/dev/null; then systemd-analyze calendar "*-*-* *:$minute:00" >/dev/null; fi
	before=$(stat -c %Y.%i "$units"/*)
	host_quietly plugin:install
	[[ $(stat -c %Y.%i "$units"/*) == "$before" ]]
	[[ $(grep -c 'enable' "$HOST/log/systemctl") == 1 ]]
	host_systemd off
	host_quietly plugin:install
	[[ -z $(ls "$units") && -e $HOST/etc/cron.d/letsencrypt-auto-renew ]]
	host_systemd on
	host_quietly plugin:install
	run -0 host_run plugin:uninstall letsencrypt
	[[ -z $(ls "$units") && -z $(ls "$HOST/etc/cron.d") && -z $(host_crontab) ]]
	grep -qx "disable --now letsencrypt-auto-renew.timer" "$HOST/log/systemctl"
}

@test "every kind of host becomes every other: one run an hour" {
	use_clock
	host_app web web.test
	kinds=(docker-local null-systemd null-cron)
	declare -A mechanism=([docker-local]=cron-entries [null-systemd]=systemd [null-cron]=cron.d)
	for from in "${kinds[@]}"; do
		for to in "${kinds[@]}"; do
			if [[ $from == "$to" ]]; then continue; fi
			become "$from"
			one_run "${mechanism[$from]}"
			become "$to"
			# in the very first hour, and when the platform has written its crontab anew
			one_run "${mechanism[$to]}"
			host_trigger scheduler-cron-write
			one_run "${mechanism[$to]}"
		done
	done
}

@test "one app with docker-local is enough for the crontab; it is written anew without a deploy" {
	use_clock
	host_app web web.test
	host_app other other.test
	host_run scheduler:set --global selected null
	host_trigger scheduler-cron-write
	[[ -z $(host_crontab) ]]
	one_run cron.d
	host_run scheduler:set other selected docker-local
	one_run cron-entries
	[[ $(host_crontab) == *"letsencrypt:auto-renew --scheduled --by cron-entries"* ]]
	host_run scheduler:set other selected k3s
	one_run cron.d
}

@test "another plugin's blank line costs the crontab's lines: the host's own schedule stands in" {
	use_clock
	host_plugin other >/dev/null
	host_hook other cron-entries <<<'echo; echo "1 1 * * *;true"'
	host_trigger scheduler-cron-write
	[[ -z $(host_crontab) ]]
	one_run cron-entries
	one_run cron-entries
}

@test "a crontab that has our line and starts nothing: the host's own schedule stands in" {
	use_clock
	host_app web web.test
	one_run cron-entries
	# the cron daemon is dead, or it may not write the log
	pass 3600
	host_schedule_run
	[[ $(finished) == 1 ]]
	pass 3600
	host_schedule_run
	[[ $(finished) == 2 ]]
	grep -q "^ !     dokku's crontab has started no run since " "$log"
	run -0 host_run letsencrypt:cron-job
	shows "Started by: dokku's crontab"
	[[ $output =~ "Last run:   "[0-9-]+" "[0-9:]+" "[A-Z]+", started by the host's own schedule" ]]
	# it runs again: one of the two does it
	one_run cron-entries
}

@test "switched off it stays off: through updates, for both mechanisms, and the bash plugin's flag goes with it" {
	use_clock
	host_app web web.test
	run -0 host_run letsencrypt:cron-job --remove
	[[ $output == "-----> Removed cron job from dokku's crontab." ]]
	[[ -z $(host_crontab) && ! -e $global/autorenew && -e $global/no-schedule ]]
	rm "$plugin/bin/built"
	run -0 host_run LETSENCRYPT_DISABLE_PULL=true plugin:install
	shows "Renewal by itself is off. To switch it on: dokku letsencrypt:cron-job --add"
	install -m 755 "$TEST_PROGRAMS/letsencrypt" "$TEST_PROGRAMS/letsencrypt-hook" "$plugin/bin/"
	host_deploy web >/dev/null
	[[ $(host_crontab) != *letsencrypt* ]]
	hour
	((runs == 0))
	run -0 host_run letsencrypt:cron-job
	[[ ${lines[0]} == "=====> Auto-renew cron job is not enabled" && ${#lines[@]} == 3 ]]
	[[ ${lines[1]} == "       Run 'dokku letsencrypt:cron-job --add' to enable." ]]
	run -0 host_run letsencrypt:cron-job --add
	[[ $output == "-----> Added cron job to dokku's crontab." ]]
	[[ -e $global/autorenew && ! -e $global/no-schedule ]]
	one_run cron-entries
}

@test "not within ten minutes of boot: what starts then waits for that, unless it is not in charge" {
	use_clock
	pass 3600
	up_since 599
	host_schedule_run
	[[ $(finished) == 0 ]]
	host_cron_run &
	started=$!
	host_until 10 is_waiting
	# a second one does not wait beside it
	host_run letsencrypt:auto-renew --scheduled --by cron-entries &
	host_until 10 is_over "$!"
	[[ $(finished) == 0 ]]
	# the host goes down again before
	kill -TERM "$(<"$global/auto-renew.lock")"
	host_until 10 is_over "$started"
	grep -q "stopped before the host was up for 10 minutes; the next run does what waits" "$log"
	host_cron_run &
	started=$!
	host_until 10 is_waiting
	up_since 601
	wait "$started"
	[[ $(finished) == 1 ]]
}

@test "two runs never overlap: a scheduled start beside a run ends without a word, a typed one follows" {
	use_clock
	host_app web web.test
	pass 3600
	exec {held}>>"$global/auto-renew.lock"
	chown "$HOST_USER" "$global/auto-renew.lock"
	python3 -c 'import fcntl, struct, sys; fcntl.fcntl(int(sys.argv[1]), 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))' "$held"
	run -0 host_run letsencrypt:auto-renew --scheduled --by cron-entries
	[[ -z $output ]]
	run -0 host_run letsencrypt:auto-renew
	shows "=====> Auto-renewing all apps..."
	shows "=====> Finished auto-renewal"
	exec {held}>&-
	run -0 host_run letsencrypt:auto-renew --scheduled --by cron-entries
	[[ $output == $'=====> Auto-renewing all apps...\n=====> Finished auto-renewal' ]]
}

@test "a run that fails as a whole ends with both lines and is none of those that were completed" {
	use_clock
	host_app web web.test
	one_run cron-entries
	completed=$(cut -d ' ' -f 2 "$global/last-run")
	pass 3600
	chmod 000 "$global/letsencrypt.db"
	mv "$global/letsencrypt.db" "$global/kept"
	mkdir "$global/letsencrypt.db"
	run -1 host_run letsencrypt:auto-renew --scheduled --by cron-entries
	shows "=====> Auto-renewing all apps..."
	shows "=====> Finished auto-renewal"
	[[ $(cut -d ' ' -f 2,3 "$global/last-run") == "$completed 1" ]]
	run -0 host_run letsencrypt:cron-job
	shows "       Result:     something failed (exit status 1): see $log"
}

@test "what is due is renewed by it; an app without nginx.conf is skipped, one that fails stops no other" {
	host_ca_start
	core_point_at_ca
	for app in web gone wrong; do core_app "$app" "$app.test"; done
	run -0 host_run letsencrypt:enable web gone wrong
	serial=$(leaf_serial web.test)
	mv "$HOST_ROOT_FOLDER/gone/nginx.conf" "$HOST/tmp/"
	set_clock $(($(leaf_seconds_left web.test) - 15 * 86400))
	install -m 755 "$TEST_PROGRAMS/letsencrypt-hook" "$plugin/bin/letsencrypt-hook"
	up_since 1000000
	echo soon >"$HOST_LIB_FOLDER/config/letsencrypt/wrong/graceperiod"
	run -1 host_cron_run
	host_until 5 is_replaced web.test "$serial"
	[[ $(head -n 1 "$log") == "=====> Auto-renewing all apps..." && $(finished) == 1 ]]
	grep -q '^-----> web needs renewal$' "$log"
	grep -q '^ !     gone is skipped: it has no nginx.conf' "$log"
	grep -q '^ !     wrong: .*graceperiod' "$log"
	[[ $(tail -n 1 "$log") == " !     One or more apps failed to have their certificates renewed" ]]
	run -0 host_run letsencrypt:cron-job
	shows "       Result:     something failed (exit status 1): see $log"
	# skipped is not failed, and what is not due has no line when nobody typed it
	rm "$HOST_LIB_FOLDER/config/letsencrypt/wrong/graceperiod"
	pass 3600
	run -0 host_cron_run
	run -0 host_run letsencrypt:cron-job
	shows "       Result:     nothing failed"
	pass 3600
	before=$(wc -l <"$log")
	run -0 host_cron_run
	run -1 grep -q "still has" <(tail -n "+$((before + 1))" "$log")
}

@test "a schedule that has stopped is told: by report, by cron-job, once a day by a hook" {
	use_clock
	host_app web web.test
	one_run cron-entries
	pass 7100
	run -0 --separate-stderr host_run letsencrypt:report web
	[[ -z $stderr ]]
	run -0 host_run domains:add web more.test
	shows_not "The schedule does not run"
	pass 100
	up_since 7000
	run -0 host_run domains:add web booted.test
	shows_not "The schedule does not run"
	up_since 1000000
	run -0 host_run domains:add web one.test
	shows " !     letsencrypt: The schedule does not run: no renewal of all apps was completed since "
	shows "dokku letsencrypt:cron-job"
	run -0 host_run domains:add web two.test
	shows_not "The schedule does not run"
	pass 86400
	run -0 host_run domains:add web three.test
	shows "The schedule does not run"
	host_app other other.test
	run -0 --separate-stderr host_run letsencrypt:report
	[[ $(grep -c "The schedule does not run" <<<"$stderr") == 1 && $output != *"does not run"* ]]
	run -0 --separate-stderr host_run letsencrypt:cron-job --format json
	[[ $(jq -r .is_forgotten <<<"$output") == true && $stderr == *"The schedule does not run"* ]]
	one_run cron-entries
	run -0 --separate-stderr host_run letsencrypt:report web
	[[ -z $stderr ]]
	# switched off by hand it is not forgotten
	pass 86400
	host_run letsencrypt:cron-job --remove
	run -0 host_run domains:add web four.test
	shows_not "The schedule does not run"
	# and switched on again it gets its time
	host_run letsencrypt:cron-job --add
	run -0 host_run domains:add web five.test
	shows_not "The schedule does not run"
}

@test "a start that does not say by what is one of whatever is in charge" {
	use_clock
	host_app web web.test
	pass 3600
	run -0 host_run letsencrypt:auto-renew --scheduled
	[[ $output == $'=====> Auto-renewing all apps...\n=====> Finished auto-renewal' ]]
	[[ $(<"$global/last-run") == *" cron-entries" ]]
	run -0 host_run letsencrypt:auto-renew --scheduled
	[[ -z $output ]]
}

@test "words that start no schedule are refused" {
	run -1 host_run letsencrypt:auto-renew --scheduled --by moon
	shows "'moon' starts no schedule"
	run -1 host_run letsencrypt:auto-renew --by host
	shows "--by belongs to --scheduled"
	host_app web web.test
	run -1 host_run letsencrypt:auto-renew web --scheduled --by host
	shows "--scheduled renews all apps"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# kill -9 at the calls that change something: of the command and of each process that it starts. Whatever happens, the host serves what it served, and one more
# run finishes the work without buying twice. Normally a sample (KILL_SEED chooses another one, KILLS=60 a larger one of each kind); with KILLS=all every call.

# shellcheck disable=SC2034,SC2154
bats_require_minimum_version 1.5.0

CALLS=write,writev,pwrite64,sendto,sendmsg,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat
CALLS+=,chmod,fchmod,fchmodat,chown,fchown,fchownat,utimensat,ftruncate,fallocate,fsync,fdatasync,execve,clone,clone3,fork,vfork

setup() {
	CA_PROFILES='{"long": {"description": "ninety days", "validityPeriod": 7776000}, "short": {"description": "nine days", "validityPeriod": 777600}}'
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/budget.bash"
	RANDOM=${KILL_SEED:-7}
	problems=()
	lives=0
	core_setup
	host_relay_start
	core_point_at_ca
	# room for every call; a unit an hour, so that seconds between the CA's booking and ours are no unit
	budget_limits CertificatesPerDomain 2000 7200000 NewOrdersPerAccount 2000 7200000
}

teardown() {
	host_destroy
}

# ---- being killed ----

# record_calls WORD...: what the command, and all that it becomes by exec, calls when nobody disturbs it: `calls`, in order.
record_calls() {
	local HOST_WRAPPER=(strace -qq -o "$HOST/log/calls" -e "trace=$CALLS")
	host_run "$@" >/dev/null 2>&1 </dev/null || return
	mapfile -t calls < <(sed -n 's/^\([a-z][a-z0-9_]*\)(.*/\1/p' "$HOST/log/calls")
}

# Sets `killing`: strace's options that kill before the Nth of `calls` is made. It counts each call apart.
kill_at() { # N
	local call=${calls[$1 - 1]} number count=0
	for ((number = 0; number < $1; number++)); do if [[ ${calls[number]} == "$call" ]]; then ((++count)); fi; done
	killing=(-qq -e "trace=$call" -e "inject=$call:signal=KILL:when=$count")
}

# killed_at N WORD...: it is killed before it makes the Nth of `calls`; its children live on.
killed_at() {
	local killing HOST_WRAPPER
	kill_at "$1"
	HOST_WRAPPER=(strace -o /dev/null "${killing[@]}")
	host_run "${@:2}" >"$HOST/log/killed" 2>&1 </dev/null
}

# The next worker that a hook starts is traced with the options in worker/options, into worker/calls, and worker/ended has its exit status.
wrap_worker() {
	local program=$HOST_LIB_FOLDER/plugins/available/letsencrypt/bin/letsencrypt
	mkdir -m 777 "$HOST/tmp/worker"
	mv "$program" "$program.real"
	cat >"$program" <<-EOF
		#!/bin/bash
		cd $HOST/tmp/worker
		if [[ \$1 == work ]] && mv options taken 2>/dev/null; then
			mapfile -t options <taken
			ASAN_OPTIONS=detect_leaks=0 strace -o calls "\${options[@]}" $program.real "\$@"
			echo \$? >ended
			exit
		fi
		exec $program.real "\$@"
	EOF
	chmod 755 "$program"
}

# deploy_traced APP OPTION...: a deploy of it, and what its worker does until that is gone. Sets `ended`.
deploy_traced() {
	rm -f "$HOST"/tmp/worker/*
	printf '%s\n' "${@:2}" >"$HOST/tmp/worker/options"
	host_deploy "$1" >"$HOST/log/killed" 2>&1 || problem "the deploy fails: $(<"$HOST/log/killed")"
	host_until 60 test -s "$HOST/tmp/worker/ended" || problem "the deploy has started no worker, or that does not end: $(<"$HOST/log/killed")"
	ended=$(cat "$HOST/tmp/worker/ended") || true
}

# Every child of ours, and theirs, is counted; `N before` or `N after` in children/target kills the Nth before or after its work.
wrap_children() {
	local name
	mkdir -m 1777 "$HOST/tmp/children"
	for name in plugn sudo; do
		mv "$HOST/bin/$name" "$HOST/bin/$name.real"
		cat >"$HOST/bin/$name" <<-'EOF'
			#!/usr/bin/env bash
			count=0 children=@HOST@/tmp/children
			if [[ -f $children/target ]]; then
				until mkdir "$children/$((++count))" 2>/dev/null; do :; done
				read -r target moment <"$children/target"
				if [[ $count == "$target" && $moment == before ]]; then kill -KILL $$; fi
				if [[ $count == "$target" && $moment == after ]]; then
					@HOST@/bin/@NAME@.real "$@"
					kill -KILL $$
				fi
			fi
			exec @HOST@/bin/@NAME@.real "$@"
		EOF
		sed -i "s|@HOST@|$HOST|g; s|@NAME@|$name|g" "$HOST/bin/$name"
		chmod 755 "$HOST/bin/$name"
	done
}

child_killed() { # N before|after WORD...
	local status=0
	rm -rf "$HOST"/tmp/children/[0-9]*
	echo "$1 $2" >"$HOST/tmp/children/target"
	host_run "${@:3}" >"$HOST/log/killed" 2>&1 </dev/null || status=$?
	rm "$HOST/tmp/children/target"
	return "$status"
}

# ---- one life ----

nobody_left() { [[ -z $(host_processes) ]]; }

problem() {
	problems+=("$life: $*")
}

# begin LIFE APP: remembers how things stand before the kill.
begin() {
	((++lives))
	life=$1 app=$2 name=$2.platform.test
	orders=$(ca_orders)
	issued=$(ca_issued)
	old_leaf=$(leaf_in "$(tls_folder "$app")/server.crt") || old_leaf=
}

# After the kill: the old state or the new one.
check_killed() {
	host_until 20 nobody_left || problem "processes stay"
	orders_killed=$(($(ca_orders) - orders))
	placed=$(store_value "SELECT count(*) FROM orders WHERE app = '$app' AND url != '' AND state != 'installed'") || placed=0
	tls_is_whole "$app" || problem "tls/ is mixed"
	if [[ $old_leaf && ! -e $(tls_folder "$app") ]]; then problem "tls/ is gone"; fi
	nginx_test >"$HOST/log/nginx-test" 2>&1 || problem "nginx -t fails: $(<"$HOST/log/nginx-test")"
}

# One more run has brought it to its end.
check_finished() { # EXIT STATUS
	local total=$(($(ca_orders) - orders)) bought=$(($(ca_issued) - issued)) rest
	if (($1 != 0)); then problem "the next run ends with $1: $(<"$HOST/log/next")"; fi
	if ((bought != 1)); then problem "$bought certificates were bought"; fi
	if ((placed && total != orders_killed)); then problem "an order was on disk, and another was placed ($orders_killed, then $total)"; fi
	if ((total > 2)); then problem "$total orders"; fi
	tls_is_whole "$app" || problem "tls/ is mixed after the next run"
	if [[ $old_leaf && $(leaf_in "$(tls_folder "$app")/server.crt") == "$old_leaf" ]]; then problem "the old certificate is still installed"; fi
	host_until 5 is_served "$app" "$name" || problem "what is in tls/ is not served"
	rest=$(leftovers "$app")
	# A run that found nothing to do leaves old ones of what is no app's own to the next scheduled one.
	if [[ $rest ]]; then
		host_run letsencrypt:auto-renew >"$HOST/log/next" 2>&1 </dev/null || true
		rest=$(leftovers "$app")
	fi
	if [[ $rest ]]; then problem "leftovers: $rest"; fi
	if [[ $(store_value 'PRAGMA integrity_check') != ok ]]; then problem "the store is damaged"; fi
	check_book
}

# Its units are not kept for longer than the order lived, and spent once. An order that was intended is booked though the CA may not have heard of it.
check_book() {
	local kept difference
	kept=$(store_value 'SELECT count(*) FROM reservations')
	if [[ $kept != 0 ]]; then problem "$kept reservations stay"; fi
	difference=$(book_against_ca 120 "$lives") || problem "the book and the CA: $difference"
	if [[ $(denied) != 0 ]]; then problem "the CA denied $(denied) requests"; fi
}

# What commands write too is swept when it is old.
age_leftovers() {
	local files
	mapfile -t files < <(leftovers "$app")
	if ((${#files[@]})); then touch -h -d '2 hours ago' "${files[@]}"; fi
}

open_jobs() { store_value "SELECT count(*) FROM jobs WHERE state IN ('waiting', 'running')"; }

# Nothing that a hook has told is left to do.
check_told() {
	local told queued
	told=$(ls -A "$HOST_DATA_FOLDER/--global/spool")
	if [[ $told ]]; then problem "in the spool: $told"; fi
	queued=$(open_jobs)
	# One whose work is done, and of which no hook has reason to ask: the next scheduled run takes it off.
	if [[ $queued != 0 ]]; then
		host_run letsencrypt:auto-renew >"$HOST/log/next" 2>&1 </dev/null || problem "auto-renew fails: $(<"$HOST/log/next")"
		queued=$(open_jobs)
	fi
	if [[ $queued != 0 ]]; then problem "$queued jobs stay in the queue"; fi
}

# The machine restarts, and each app is deployed anew.
finish_by_boot() {
	age_leftovers
	host_boot
	host_until 60 nobody_left || problem "processes stay after the boot"
	: >"$HOST/log/next"
	check_finished 0
}

finish_with() { # WORD...
	local status=0
	age_leftovers
	host_run "$@" >"$HOST/log/next" 2>&1 </dev/null || status=$?
	check_finished "$status"
}

# Sets `moments`: all of 1 … LAST with KILLS=all, else a sample of KILLS or SIZE.
choose() { # LAST SIZE
	local number size=${KILLS:-$2}
	moments=()
	if [[ $size == all ]] || ((size >= $1)); then
		mapfile -t moments < <(seq 1 "$1")
		return
	fi
	for ((number = 0; number < size; number++)); do moments+=($((number * $1 / size + RANDOM % ($1 / size) + 1))); done
}

# A few calls more or less are a matter of time: what a run does not come to does not kill it. Most must.
no_problems() {
	if ((${#problems[@]})); then printf '%s\n' "${problems[@]}"; fi
	echo "survived: $survived of ${#moments[@]}"
	((${#problems[@]} == 0 && survived * 5 <= ${#moments[@]}))
}

# ---- lives ----

@test "a command that gets a first certificate, killed at any of its calls" {
	local moment number=0 calls moments survived=0
	story_apps 2 first
	host_run letsencrypt:enable first1 >/dev/null
	record_calls letsencrypt:enable first2
	choose "${#calls[@]}" 13
	story_apps "${#moments[@]}" kill
	for moment in "${moments[@]}"; do
		begin "enable killed at call $moment of ${#calls[@]}, ${calls[moment - 1]}" "kill$((++number))"
		if killed_at "$moment" letsencrypt:enable "$app"; then ((++survived)); fi
		check_killed
		finish_with letsencrypt:enable "$app"
	done
	no_problems
}

# Certificates of nine days; with a grace of twenty an app is due, and not any more once it has one of ninety.
@test "auto-renew, killed at any of its calls" {
	local moment number=0 calls moments survived=0
	[[ $PEBBLE_PROFILES == yes ]] || skip "this Pebble has one lifetime for all certificates"
	host_run letsencrypt:set --global profile short >/dev/null
	story_apps 2 first
	host_run letsencrypt:enable --all >/dev/null
	host_run letsencrypt:set --global profile long >/dev/null
	host_run letsencrypt:auto-renew >/dev/null
	host_run letsencrypt:set first2 graceperiod 20d >/dev/null
	record_calls letsencrypt:auto-renew
	choose "${#calls[@]}" 8
	host_run letsencrypt:set --global profile short >/dev/null
	story_apps "${#moments[@]}" kill
	host_run letsencrypt:enable --all >/dev/null
	host_run letsencrypt:set --global profile long >/dev/null
	host_run letsencrypt:auto-renew >/dev/null
	for moment in "${moments[@]}"; do
		begin "auto-renew killed at call $moment of ${#calls[@]}, ${calls[moment - 1]}" "kill$((++number))"
		host_run letsencrypt:set "$app" graceperiod 20d >/dev/null
		if killed_at "$moment" letsencrypt:auto-renew; then ((++survived)); fi
		check_killed
		finish_with letsencrypt:auto-renew
	done
	no_problems
}

# Moments 2n - 1 and 2n: before and after the work of child n.
@test "children of a command that gets a first certificate, killed before or after their work" {
	local moment number=0 moments last survived=0
	story_apps 2 first
	wrap_children
	host_run letsencrypt:enable first1 >/dev/null
	child_killed 0 never letsencrypt:enable first2
	last=$(find "$HOST/tmp/children" -mindepth 1 -type d | wc -l)
	choose $((2 * last)) 4
	story_apps "${#moments[@]}" kill
	for moment in "${moments[@]}"; do
		begin "child $(((moment + 1) / 2)) of $last killed, moment $moment" "kill$((++number))"
		if ((moment % 2)); then
			child_killed $(((moment + 1) / 2)) before letsencrypt:enable "$app" || true
		else
			child_killed $((moment / 2)) after letsencrypt:enable "$app" || true
		fi
		check_killed
		finish_with letsencrypt:enable "$app"
	done
	no_problems
}

# As long as the app has no certificate a boot deploys it anew, and the next run finds it; each app is gone before the next boot.
@test "the worker that a deploy has started, killed at any of its calls: a boot or the next run finishes its work" {
	local moment number=0 calls moments killing ended app survived=0
	# Nothing starts by itself where the machine was booted a minute ago; in this build it was not.
	host_clock "$EPOCHSECONDS"
	host_run letsencrypt:set --global auto-enable true >/dev/null
	host_run letsencrypt:set --global deploy-wait 0 >/dev/null
	wrap_worker
	for app in first1 first2; do
		host_app "$app"
		deploy_traced "$app" -qq -e "trace=$CALLS"
		[[ $ended == 0 ]]
	done
	mapfile -t calls < <(sed -n 's/^\([a-z][a-z0-9_]*\)(.*/\1/p' "$HOST/tmp/worker/calls")
	for app in first1 first2; do host_run --force apps:destroy "$app" >/dev/null; done
	choose "${#calls[@]}" 6
	for moment in "${moments[@]}"; do
		host_until 60 nobody_left
		host_app "kill$((++number))"
		begin "a deploy's worker killed at call $moment of ${#calls[@]}, ${calls[moment - 1]}" "kill$number"
		kill_at "$moment"
		deploy_traced "$app" "${killing[@]}"
		if [[ $ended == 0 ]]; then ((++survived)); fi
		check_killed
		if ((number % 2)); then finish_by_boot; else finish_with letsencrypt:auto-renew; fi
		check_told
		host_run --force apps:destroy "$app" >/dev/null
	done
	no_problems
}

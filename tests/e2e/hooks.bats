#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What follows from a deploy, a changed domain, a rename: first the hook program alone, beside a script that stands for the large one; then stories on a host.
# shellcheck disable=SC2016 # scripts that are written here expand them
# shellcheck disable=SC2154 # bats sets stderr
bats_require_minimum_version 1.5.0
# shellcheck source=/dev/null
. "$BATS_TEST_DIRNAME/budget.bash"

# Every trigger that reacts to something.
REACTIONS=(core-post-extract nginx-pre-reload post-app-clone-setup post-app-rename-setup post-certs-remove post-certs-update post-deploy post-domains-update
	post-proxy-ports-update proxy-disable proxy-enable)
HOOK_WARNING=' !     Please run dokku letsencrypt:enable to add https support to the new domain'

# shellcheck disable=SC2034 # HOST is the platform's
setup() { HOST='' scratch=''; }

teardown() {
	host_destroy
	rm -rf "$scratch"
}

# ---- the hook program alone ----

# A platform of folders; bin/letsencrypt notes how it was called, then does what $DOKKU_LIB_ROOT/engine says.
alone() {
	local name
	# Every user can come here.
	scratch=$(mktemp -d)
	chmod 755 "$scratch"
	export DOKKU_ROOT=$scratch/home DOKKU_LIB_ROOT=$scratch/lib DOKKU_LOGS_DIR=$scratch/log
	export ASAN_OPTIONS=detect_leaks=0 # a leak is found by valgrind; a tracer and this detector exclude each other
	unset LETSENCRYPT_ACTING
	plugin=$scratch/plugin
	global=$DOKKU_LIB_ROOT/data/letsencrypt/--global
	notes=$DOKKU_LIB_ROOT/notes
	settings=$DOKKU_LIB_ROOT/config/letsencrypt
	log=$DOKKU_LOGS_DIR/letsencrypt.log
	mkdir -p "$DOKKU_ROOT" "$DOKKU_LOGS_DIR" "$global" "$settings/--global" "$plugin/bin" "$notes"
	# As root it is not made.
	touch "$log"
	cp "$TEST_PROGRAMS/letsencrypt-hook" "$plugin/bin/"
	for name in $("$plugin/bin/letsencrypt-hook" --triggers); do ln -s bin/letsencrypt-hook "$plugin/$name"; done
	cat >"$plugin/bin/letsencrypt" <<-'EOF'
		#!/bin/bash
		notes=$DOKKU_LIB_ROOT/notes global=$DOKKU_LIB_ROOT/data/letsencrypt/--global
		echo "$*" >>"$notes/calls"
		if [[ -f $DOKKU_LIB_ROOT/engine ]]; then . "$DOKKU_LIB_ROOT/engine"; fi
		echo "$*" >>"$notes/ended"
	EOF
	chmod 755 "$plugin/bin/letsencrypt"
}

# What the large program does, from here on; the script is on stdin.
engine() { cat >"$DOKKU_LIB_ROOT/engine"; }

# The engine takes in the one entry, says its job is 7, and of job 7 what is on stdin.
engine_says() {
	cat >"$DOKKU_LIB_ROOT/job"
	engine <<-'EOF'
		if [[ $1 == work ]]; then
			mkdir -p "$global/progress"
			cp "$DOKKU_LIB_ROOT/job" "$global/progress/7"
			for entry in "$global"/spool/*; do echo 7 >"$global/progress/${entry##*/}"; done
		fi
	EOF
}

# app NAME [KEY VALUE]...: an app with properties of ours
app() {
	mkdir -p "$DOKKU_ROOT/$1" "$settings/$1"
	local name=$1
	shift
	while (($#)); do
		printf '%s' "$2" >"$settings/$name/$1"
		shift 2
	done
}

deployed() { # APP
	mkdir -p "$DOKKU_LIB_ROOT/config/common/$1"
	printf true >"$DOKKU_LIB_ROOT/config/common/$1/deployed"
}

# fire TRIGGER [ARGUMENT...]: sets output, stderr and status
fire() {
	local trigger=$1
	shift
	status=0
	# Not by `run --separate-stderr`, which takes blanks away.
	output=$(timeout 60 "$plugin/$trigger" "$@" </dev/null 2>"$scratch/stderr") || status=$?
	stderr=$(<"$scratch/stderr")
	[[ $status == 0 ]] || {
		printf '%s ended with %s: %s\n' "$trigger" "$status" "$output$stderr" >&2
		return 1
	}
}

has_lines() { # COUNT FILE
	[[ -f $2 && $(wc -l <"$2") -ge $1 ]]
}

# happened ENTRY...: what lies in the spool is this, oldest first, each "TRIGGER APP"; and for each a worker was started.
happened() {
	local entries=() file
	for file in "$global"/spool/*; do if [[ -f $file ]]; then entries+=("$(paste -sd ' ' "$file")"); fi; done
	[[ $(printf '%s\n' "${entries[@]}") == "$(printf '%s\n' "$@")" ]] || {
		printf 'in the spool: %s\n' "${entries[@]}" >&2
		return 1
	}
	host_until 20 has_lines $# "$notes/ended"
	[[ $(grep -c '^work$' "$notes/calls") == "$#" ]]
	rm -f "$global"/spool/* "${notes:?}"/*
}

# Nothing was told, run or said.
nothing_happened() {
	[[ ! -e $notes/calls && -z $(ls "$global/spool" 2>/dev/null) && -z $output$stderr ]] || {
		cat "$notes/calls" >&2
		ls "$global/spool" >&2
		printf '%s\n' "$output" "$stderr" >&2
		return 1
	}
}

@test "who wants a certificate: every trigger for every kind of app" {
	alone
	local trigger kind
	printf true >"$settings/--global/auto-enable"
	printf 0 >"$settings/--global/deploy-wait"
	app on enabled true
	app off enabled false
	deployed off
	app never auto-enable false
	deployed never
	app waits
	app auto
	deployed auto
	app over
	mkdir "$DOKKU_ROOT/over/tls"
	touch "$DOKKU_ROOT/over/tls/server.letsencrypt.crt"
	for trigger in post-certs-remove post-certs-update post-domains-update post-proxy-ports-update proxy-disable proxy-enable; do
		for kind in on auto over; do
			fire $trigger $kind
			happened "$trigger $kind"
		done
		for kind in off never waits missing '' --global ../off; do
			fire $trigger "$kind"
			nothing_happened
		done
	done
	for kind in on auto over waits; do
		fire post-deploy $kind '' '' latest
		happened "post-deploy $kind"
		fire nginx-pre-reload $kind
		[ "$(cat "$notes/ended")" = "snippet $kind" ]
		rm "$notes"/*
	done
	# A certificate that is gone tells no more whose it was; what lies beside it for the older plugin does.
	mkdir "$DOKKU_ROOT/waits/letsencrypt"
	fire post-certs-remove waits
	happened 'post-certs-remove waits'
	rmdir "$DOKKU_ROOT/waits/letsencrypt"
	for trigger in post-deploy nginx-pre-reload; do
		for kind in off never '' --global ../off; do
			fire $trigger "$kind"
			nothing_happened
		done
	done
	# The app's own word against the global one.
	rm "$settings/--global/auto-enable"
	printf 'true\n' >"$settings/never/auto-enable"
	fire post-domains-update never
	happened 'post-domains-update never'
	fire post-domains-update auto
	nothing_happened
}

@test "who was never enabled hears what to type when a domain is added or set" {
	alone
	local action
	app off enabled false
	app on enabled true
	app plain
	app waits auto-enable true
	for action in add set; do
		for kind in off plain; do
			fire post-domains-update $kind $action www.example.com
			[ "$stderr" = "$HOOK_WARNING" ]
			[ -z "$output" ]
			[ ! -e "$notes/calls" ]
		done
		fire post-domains-update waits $action www.example.com
		nothing_happened
		fire post-domains-update on $action www.example.com
		[ -z "$output$stderr" ]
		happened 'post-domains-update on'
	done
	for action in remove clear reset enable disable ''; do
		fire post-domains-update plain $action
		nothing_happened
	done
}

@test "a clone and a rename are looked at before the platform goes on, if there is anything of ours" {
	alone
	local place
	engine <<<'echo "-----> $*"; echo " !     beside" >&2; cat; exit 7'
	for trigger in post-app-clone-setup post-app-rename-setup; do
		mkdir -p "$DOKKU_ROOT/blog/tls"
		touch "$DOKKU_ROOT/blog/tls/server.crt"
		fire $trigger blog shop
		nothing_happened
		for place in "$DOKKU_ROOT/blog/"{tls/server.letsencrypt.crt,letsencrypt,nginx.conf.d/letsencrypt.conf} "$settings/blog/email" \
			"$DOKKU_LIB_ROOT/data/letsencrypt/blog" "$global/state/blog"; do
			mkdir -p "$place"
			fire $trigger blog shop
			verb=cloned
			if [[ $trigger == *rename* ]]; then verb=renamed; fi
			[ "$output" = "-----> $verb blog shop" ]
			[ "$stderr" = ' !     beside' ]
			rm -r "$place" "$notes/calls"
			if [[ $place == */blog/email ]]; then rmdir "${place%/*}"; fi
		done
		fire $trigger blog ''
		fire $trigger '' shop
		fire $trigger --global shop
		nothing_happened
		rm -r "$DOKKU_ROOT/blog"
	done
}

@test "an app that is gone leaves nothing of ours but its tls, and the engine hears of it" {
	alone
	for name in blog blog2; do
		app $name enabled false
		mkdir -p "$DOKKU_LIB_ROOT/data/letsencrypt/$name/.well-known/acme-challenge" "$global/state" "$DOKKU_ROOT/$name/"{tls,nginx.conf.d}
		touch "$global/state/$name" "$DOKKU_ROOT/$name/nginx.conf.d/"{letsencrypt,hsts}.conf
	done
	# Also where what is reacted to is ours.
	LETSENCRYPT_ACTING=1 fire post-delete blog latest
	[ -z "$output$stderr" ]
	happened 'post-delete blog'
	[ ! -e "$settings/blog" ]
	[ ! -e "$DOKKU_LIB_ROOT/data/letsencrypt/blog" ]
	[ ! -e "$global/state/blog" ]
	[ "$(cd "$DOKKU_ROOT" && find blog -mindepth 1 | sort | paste -sd ' ')" = 'blog/nginx.conf.d blog/nginx.conf.d/hsts.conf blog/tls' ]
	[ -e "$DOKKU_ROOT/blog2/nginx.conf.d/letsencrypt.conf" ]
	[ -e "$settings/blog2/enabled" ]
	mkdir "$DOKKU_ROOT/plain"
	fire post-delete plain latest
	nothing_happened
}

# snippet_gone APP: of a deploy whose code is in $scratch/build
snippet_gone() {
	mkdir -p "$DOKKU_ROOT/$1/nginx.conf.d"
	touch "$DOKKU_ROOT/$1/nginx.conf.d/letsencrypt.conf"
	fire core-post-extract "$1" "$scratch/build" 4f2a
	nothing_happened
	[ ! -e "$DOKKU_ROOT/$1/nginx.conf.d/letsencrypt.conf" ]
}

@test "a template with the snippet's location finds none when it is tested" {
	alone
	local text
	mkdir -p "$scratch/build/deploy" "$DOKKU_LIB_ROOT/config/nginx/"{blog,--global}
	run ! snippet_gone blog
	for text in 'location /.well-known/acme-challenge {' 'location ^~ "/.well-known/acme-challenge" {' $'x\nlocation /.well-known/acme-challenge/ {}\nlocation /.well-known/acme-challenge{}'; do
		printf '%s\n' "$text" >"$scratch/build/nginx.conf.sigil"
		snippet_gone blog
	done
	for text in 'location /.well-known/acme-challenge/ {' 'location /.well-known {' ''; do
		printf '%s\n' "$text" >"$scratch/build/nginx.conf.sigil"
		run ! snippet_gone blog
	done
	# The template lies where the platform looks for it.
	echo 'location /.well-known/acme-challenge {' >"$scratch/build/deploy/own.sigil"
	printf 'deploy/own.sigil' >"$DOKKU_LIB_ROOT/config/nginx/--global/nginx-conf-sigil-path"
	snippet_gone blog
	printf 'nginx.conf.sigil' >"$DOKKU_LIB_ROOT/config/nginx/blog/nginx-conf-sigil-path"
	run ! snippet_gone blog
	for text in '' missing ../blog --global; do
		fire core-post-extract "$text" "$scratch/build" 4f2a
		nothing_happened
	done
	printf 'deploy/' >"$DOKKU_LIB_ROOT/config/nginx/blog/nginx-conf-sigil-path"
	run ! snippet_gone blog
	fire core-post-extract blog
	nothing_happened
}

@test "what we do ourselves is nothing to react to" {
	alone
	app blog enabled true
	for trigger in "${REACTIONS[@]}"; do
		LETSENCRYPT_ACTING=1 fire "$trigger" blog add
		nothing_happened
	done
	[ "$(printf '%s\n' "${REACTIONS[@]}" post-delete cron-entries report | sort)" = "$("$plugin/bin/letsencrypt-hook" --triggers | sort)" ]
}

@test "a worker lives on by itself: nothing of the deploy's is held" {
	alone
	app blog enabled true deploy-wait 0
	engine <<-'EOF'
		ls -l /proc/$$/fd >"$notes/fds"
		pwd >"$notes/cwd"
		env | cut -d = -f 1 | sort >"$notes/env"
		cut -d ' ' -f 6 "/proc/$$/stat" >"$notes/session"
		umask >"$notes/umask"
		echo $$ >"$notes/pid"
		trap 'echo ended >"$notes/over"' EXIT
		while [[ ! -e $notes/stop ]] && ((SECONDS < 60)); do read -rt 0.05 <> <(:) || :; done
		echo said
	EOF
	mkfifo "$scratch/refs"
	exec 7<>"$scratch/refs" 200>"$scratch/deploy.lock"
	flock 200
	echo refs >&7
	local secret=(DOKKU_PID=1 DOKKU_BUILD_ID=1 DOKKU_APP_NAME=blog DOKKU_APPS_FORCE_DELETE=1 DOKKU_REDIRECT_OUTPUT=1 TMPDIR=/nowhere GIT_DIR=. GIT_PUSH_CERT=1
		SSL_CERT_FILE=/dev/null CURL_CA_BUNDLE=/dev/null https_proxy=http://127.0.0.1:1 SSH_NAME=alice SSH_USER=alice NAME=alice LC_ALL=de_DE)
	cd "$scratch"
	# The output is a pipe that ends when nobody has it open any more.
	env "${secret[@]}" timeout 60 "$plugin/post-deploy" blog <&7 | cat
	# Neither is stdin read, ...
	read -rt 5 line <&7
	[ "$line" = refs ]
	# ... nor the lock of the deploy held.
	exec 200>&-
	flock --nonblock "$scratch/deploy.lock" true
	host_until 20 test -s "$notes/pid"
	[ "$(cat "$notes/cwd")" = / ]
	[ "$(cat "$notes/session")" = "$(cat "$notes/pid")" ]
	[ "$(cat "$notes/umask")" = 0022 ]
	# Beside the script itself.
	[ "$(awk 'NF > 8 && !/bin.letsencrypt$/ { print $(NF - 2), $NF }' "$notes/fds")" = "$(printf '%s\n' '0 /dev/null' "1 $log" "2 $log")" ]
	run -1 grep -Ex "$(printf '%s\n' "${secret[@]%%=*}" | paste -sd '|')|LETSENCRYPT_ACTING" "$notes/env"
	grep -qx DOKKU_LIB_ROOT "$notes/env"
	grep -qx PLUGIN_PATH "$notes/env"
	# Nobody of those that fired it is its parent.
	[ "$(awk '{ print $4 }' "/proc/$(cat "$notes/pid")/stat")" != $$ ]
	touch "$notes/stop"
	host_until 20 test -e "$notes/over"
	[ "$(cat "$log")" = said ]
}

@test "a log that is a link is not followed" {
	alone
	app blog enabled true deploy-wait 0
	engine <<<'echo said'
	touch "$scratch/target"
	ln -sf "$scratch/target" "$log"
	fire post-deploy blog
	happened 'post-deploy blog'
	[ ! -s "$scratch/target" ]
}

@test "a deploy shows what is said, and ends when all is said" {
	alone
	app blog enabled true deploy-wait 600
	printf '%s\n' $'0\tblog\tGetting it' $'1\tblog\tAll' \
		$'4\tblog\ta step' $'2\tblog\tsmall\x1b[31m' $'3\tblog\twarned' 'no line' $'5\tblog\t' $'0\tblog\tlate' | engine_says
	fire post-deploy blog
	[ "$output" = $'-----> Getting it\n=====> All\n       small\\x1b[31m' ]
	[ "$stderr" = ' !     warned' ]
}

@test "a deploy from which nothing follows says nothing" {
	alone
	app blog enabled true deploy-wait 600
	engine <<<'mkdir -p "$global/progress"; for entry in "$global"/spool/*; do echo 0 >"$global/progress/${entry##*/}"; done'
	fire post-deploy blog
	[ -z "$output$stderr" ]
	grep -qx work "$notes/calls"
}

@test "a deploy waits for a while, then says that it goes on" {
	alone
	app blog enabled true
	printf 1s >"$settings/--global/deploy-wait"
	printf '0\tblog\tGetting it\n5' | engine_says
	fire post-deploy blog
	[[ $output == $'-----> Getting it\n       '*'goes on in the background'*'letsencrypt:report blog' ]]
	[ "$(wc -l <<<"$output")" -eq 2 ]
	# The app's own word.
	printf 0 >"$settings/blog/deploy-wait"
	fire post-deploy blog
	[ -z "$output$stderr" ]
}

@test "a worker that fails ends the wait" {
	alone
	app blog enabled true deploy-wait 600
	engine <<<'echo broken >&2; exit 1'
	fire post-deploy blog
	[[ $stderr == ' !     '*" $log" ]]
	[ "$(cat "$log")" = broken ]
	engine <<<'kill -KILL $$'
	fire post-deploy blog
	[[ $stderr == ' !     '*" $log" ]]
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }

@test "who follows a job ends with the deploy" {
	alone
	app blog enabled true deploy-wait 600
	printf '' | engine_says
	# It does not hold what its caller does, ...
	exec 200>"$scratch/deploy.lock"
	flock 200
	mkfifo "$scratch/out"
	"$plugin/post-deploy" blog </dev/null >"$scratch/out" 2>&1 3>&- &
	pid=$!
	exec 200>&- 8<"$scratch/out"
	host_until 20 test -e "$notes/ended"
	kill -0 $pid
	flock --nonblock "$scratch/deploy.lock" true
	# ... nor goes on when nobody reads it any more, ...
	exec 8<&-
	host_until 20 is_gone $pid
	# ... or when who fired it was killed.
	bash -c '"$0" blog </dev/null & echo $! >"$1"; wait' "$plugin/post-deploy" "$scratch/pid" >"$scratch/file" 2>&1 3>&- &
	parent=$!
	host_until 20 has_lines 2 "$notes/ended"
	pid=$(cat "$scratch/pid")
	kill -0 "$pid"
	kill -KILL $parent
	host_until 20 is_gone "$pid"
}

@test "whatever is broken, the platform goes on" {
	alone
	app blog enabled true
	# That of core-post-extract does all by itself.
	local triggers=("${REACTIONS[@]/core-post-extract/post-delete}")
	broken() { # TEXT: all hooks end with 0, in time, and each that had something to do says TEXT
		for trigger in "${triggers[@]}"; do
			app blog enabled true
			fire "$trigger" blog shop
			[[ $stderr == *"$1"* ]]
		done
		rm -rf "${notes:?}"/*
	}
	rm "$plugin/bin/letsencrypt"
	broken 'sudo dokku plugin:install'
	echo no program >"$plugin/bin/letsencrypt"
	broken 'sudo dokku plugin:install'
	chmod 755 "$plugin/bin/letsencrypt"
	broken 'sudo dokku plugin:install'
	echo /nowhere/libgone.so.1 >"$plugin/bin/libraries"
	broken libgone.so.1
	rm "$plugin/bin/libraries"
	printf '#!/bin/sh\nexit 0\n' >"$plugin/bin/letsencrypt"

	# What needs the spool.
	triggers=(post-deploy post-domains-update post-certs-update proxy-enable)
	rm -rf "$global/spool"
	touch "$global/spool"
	broken 'letsencrypt:auto-renew'
	rm -rf "$DOKKU_LIB_ROOT/data"
	broken 'letsencrypt:auto-renew'
	rm -rf "$DOKKU_LIB_ROOT/config" "$DOKKU_ROOT"
	for trigger in "${triggers[@]}"; do fire "$trigger" blog add; done
}

@test "what cannot be written is said, and no more" {
	alone
	app blog enabled true
	((EUID == 0)) || skip 'needs another user'
	chown -R nobody "$global"
	chmod 555 "$global"
	for trigger in post-deploy post-domains-update proxy-enable; do
		run -0 setpriv --reuid=nobody --clear-groups timeout 60 "$plugin/$trigger" blog </dev/null
		[[ $output == ' !     '*Permission\ denied*letsencrypt:auto-renew* ]]
	done
}

@test "fired as root: what is left behind is the platform user's, and so is the worker" {
	alone
	((EUID == 0)) || skip 'needs root'
	app blog enabled true deploy-wait 0
	engine <<<'id -u >"$notes/uid"; echo said'
	chown nobody "$global" "$notes"
	rm "$log"
	chmod 755 "$plugin" "$plugin/bin"
	fire post-deploy blog
	[ -z "$output$stderr" ]
	[ "$(stat -c %U "$global/spool" "$global"/spool/* | sort -u)" = nobody ]
	happened 'post-deploy blog'
	fire post-deploy blog
	host_until 20 test -s "$notes/uid"
	[ "$(cat "$notes/uid")" = "$(id -u nobody)" ]
	# A log that root makes would shut out the renewal, which appends to it as the platform's user.
	[ ! -e "$log" ]
}

@test "nothing to do costs a few reads" {
	alone
	app off enabled false
	mkdir -p "$DOKKU_ROOT/plain"
	for trigger in "${REACTIONS[@]}" post-delete; do
		run -0 only_reads "$plugin/$trigger" plain new
	done
}

# only_reads COMMAND...: says nothing, starts nothing and changes nothing
only_reads() {
	local calls='execve|clone|clone3|fork|vfork|write|writev|pwrite64|fsync|fdatasync|rename|renameat|renameat2|mkdir|mkdirat|unlink|unlinkat'
	calls+='|symlink|symlinkat|chmod|fchmod|socket'
	timeout 60 strace -f -qq -o "$scratch/trace" -e trace="${calls//|/,},open,openat" "$@" </dev/null >"$scratch/said" 2>&1
	# The first program is the command itself.
	if [[ -s $scratch/said ]] || sed 1d "$scratch/trace" | grep -E "^[0-9]+ +($calls)\(|O_CREAT|O_WRONLY|O_RDWR"; then
		cat "$scratch/said"
		return 1
	fi
}

@test "killed at any step, a hook leaves a whole entry or none" {
	alone
	app blog enabled true deploy-wait 0
	local call step count=0
	# The tracer counts each call for itself.
	for call in mkdirat fchmod write fsync renameat; do
		for ((step = 1; ; step++)); do
			killed_at "$call" $step || break
			count=$((count + 1))
		done
	done
	echo "killed $count times" >&2
	((count >= 7))
	[ ! -e "$scratch/torn" ]
}

# killed_at CALL STEP: false when the hook came to its end before; what was left half-written goes to the file torn
killed_at() {
	local status=0 entry
	strace -qq -o /dev/null -e trace="$1" -e inject="$1:signal=KILL:when=$2" "$plugin/post-deploy" blog </dev/null 2>/dev/null || status=$?
	for entry in "$global"/spool/[0-9]*; do
		if [[ -f $entry && $(paste -sd ' ' "$entry") != 'post-deploy blog' ]]; then echo "$1 $2" >>"$scratch/torn"; fi
	done
	rm -rf "$global/spool"
	((status))
}

# ---- stories on a host ----

# A host with the plugin and a CA, on which certificates come by themselves; the test build runs, on which the machine was not booted a minute ago.
stories() {
	core_setup
	set_clock 0
	host_run letsencrypt:set --global auto-enable true >/dev/null
	log=$HOST/var/log/dokku/letsencrypt.log
}

# The same with the relay in front of the CA.
stories_with_relay() {
	host_create
	host_install_plugin
	host_ca_start
	host_relay_start
	core_point_at_ca
	set_clock 0
	host_run letsencrypt:set --global auto-enable true >/dev/null
}

says_hello() { # APP NAME
	[[ $(host_https_get "$2" 2>/dev/null) == "app $1" ]]
}

no_worker() { ! pgrep -f "^$HOST_LIB_FOLDER/plugins/.*/letsencrypt work" >/dev/null; }

value() { host_run letsencrypt:report "$1" "--letsencrypt-$2"; }

@test "the first deploy ends with HTTPS and says so; the next one has nothing to do" {
	stories
	host_app web web.test
	run -0 host_deploy web
	shows 'https://web.test is served until'
	shows_not 'goes on in the background'
	says_hello web web.test
	[ "$(ca_orders)" = 1 ]
	[ "$(stat -c '%a %U' "$log")" = "644 $HOST_USER" ]
	host_until 20 no_worker
	run -0 host_deploy web
	shows_not letsencrypt
	shows_not certificate
	[ "$(ca_orders)" = 1 ]
	# Not even a process, for what may follow from anything.
	scratch=$(mktemp -d)
	export DOKKU_ROOT=$HOST_ROOT_FOLDER DOKKU_LIB_ROOT=$HOST_LIB_FOLDER LETSENCRYPT_TEST_CLOCK=$HOST/tmp/clock ASAN_OPTIONS=detect_leaks=0
	for trigger in "${REACTIONS[@]}"; do
		if [[ $trigger != post-app-* ]]; then run -0 only_reads "$HOST_LIB_FOLDER/plugins/enabled/letsencrypt/$trigger" web; fi
	done
}

@test "a domain that is added is served over HTTPS, with nothing typed and no validation that failed" {
	stories_with_relay
	host_app web web.test
	host_deploy web >/dev/null
	says_hello web web.test
	run -0 host_run domains:add web www.test api.test
	shows_not 'letsencrypt:enable'
	host_until 30 says_hello web www.test
	host_until 30 says_hello web api.test
	[ "$(host_relay_stat .denied_total)" = 0 ]
	[ "$(host_relay_stat '[.accounts[].failed] | add // 0')" = 0 ]
	[ "$(host_relay_stat .valid)" = 4 ]
}

@test "without a CA a deploy is done in time, and HTTP is served" {
	stories
	host_app web web.test
	host_ca_stop
	host_run letsencrypt:set --global deploy-wait 3 >/dev/null
	run -0 host_deploy web
	[ "$(host_http_get web.test)" = 'app web' ]
}

ca_was_asked() { [[ $(host_relay_stat '.requests.newOrder // 0') -ge $1 ]]; }

lock_is_free() { flock --nonblock "$HOST_LIB_FOLDER/data/apps/$1/.deploy.lock" true; }

@test "a deploy that is killed leaves no lock, and its certificate comes all the same" {
	stories_with_relay
	host_app web web.test
	host_run letsencrypt:set --global deploy-wait 600 >/dev/null
	host_relay faults '[{"match":{"kind":"finalize"},"action":"delay","delay_ms":5000}]' >/dev/null
	setsid bash -c '. "$1"; host_use "$2"; HOST_ENVIRONMENT=("$3"); host_deploy web' - "$PLATFORM/host.bash" "$HOST" "${HOST_ENVIRONMENT[0]}" \
		>"$HOST/tmp/deploy" 2>&1 3>&- 4>&- &
	pid=$!
	host_until 30 ca_was_asked 1
	run ! lock_is_free web
	kill -KILL -- "-$pid"
	host_until 10 lock_is_free web
	host_until 30 says_hello web web.test
	[ "$(host_relay_stat '.requests.newOrder')" = 1 ]
}

@test "while the worker is busy a deploy leaves its wish and goes; both get their certificates" {
	stories_with_relay
	host_run letsencrypt:set --global deploy-wait 0 >/dev/null
	host_app one one.test
	host_app two two.test
	host_relay faults '[{"match":{"kind":"finalize","name":"one.test"},"action":"delay","delay_ms":5000}]' >/dev/null
	host_run letsencrypt:set one deploy-wait 1 >/dev/null
	run -0 host_deploy one
	shows 'goes on in the background'
	host_until 30 ca_was_asked 1
	run -0 host_deploy two
	shows_not certificate
	host_until 60 says_hello one one.test
	host_until 30 says_hello two two.test
	[ "$(host_relay_stat .denied_total)" = 0 ]
}

@test "a certificate of the user's own holds the app back; a clone begins without one; who is destroyed is forgotten" {
	stories
	host_app web web.test
	host_deploy web >/dev/null
	says_hello web web.test
	run -0 host_run apps:clone --skip-deploy web copy
	[ ! -e "$(tls_folder copy)" ]
	host_run domains:set copy copy.test >/dev/null
	run -0 host_deploy copy
	host_until 5 is_served copy copy.test
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=web.test -keyout "$HOST/tmp/own.key" \
		-out "$HOST/tmp/own.crt" 2>/dev/null
	chmod a+r "$HOST/tmp/own.key"
	host_run certs:add web "$HOST/tmp/own.crt" "$HOST/tmp/own.key" >/dev/null
	is_held_back() { [[ $(value web held-back) == *'installed by hand' ]]; }
	host_until 20 is_held_back
	before=$(ca_orders)
	run -0 host_deploy web
	[ "$(ca_orders)" = "$before" ]
	[ "$(leaf_in "$(tls_folder web)/server.crt")" = "$(leaf_in "$HOST/tmp/own.crt")" ]
	host_run --force apps:destroy copy >/dev/null
	is_forgotten() { [[ $(store_value 'SELECT group_concat(app) FROM apps') == web ]]; }
	host_until 20 is_forgotten
	[ ! -e "$HOST_LIB_FOLDER/config/letsencrypt/copy" ]
}

@test "a renamed app serves its old name on, and its new one soon" {
	stories
	host_run letsencrypt:set --global deploy-wait 60 >/dev/null
	host_app web web.test
	host_deploy web >/dev/null
	host_run apps:rename --skip-deploy web shop >/dev/null
	host_run domains:set shop web.test shop.test >/dev/null
	run -0 host_deploy shop
	says_hello shop web.test
	host_until 30 says_hello shop shop.test
	host_until 5 is 'shop.test web.test' leaf_names shop.test
	[ "$(store_value 'SELECT group_concat(app) FROM apps')" = shop ]
}

@test "a renamed app of which nothing else is asked answers challenges from its next deploy on" {
	stories
	host_app web web.test
	host_deploy web >/dev/null
	host_run apps:rename --skip-deploy web shop >/dev/null
	host_until 30 test -e "$HOST_LIB_FOLDER/data/letsencrypt/--global/state/shop"
	[ ! -e "$HOST/home/dokku/shop/nginx.conf.d/letsencrypt.conf" ]
	host_deploy shop >/dev/null
	grep -q "$HOST_LIB_FOLDER/data/letsencrypt/shop" "$HOST/home/dokku/shop/nginx.conf.d/letsencrypt.conf"
}

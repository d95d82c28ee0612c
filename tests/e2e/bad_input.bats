#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Everything in bad_input.tsv is refused: with its exit status, with a message that names the thing, the reason and the next step, and without changing
# anything on the host.

setup_file() {
	export HOST
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/../platform/host.bash"
	host_create && host_install_plugin && make_apps
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

# app NAME DOMAIN...: an app that has all that it needs.
app() {
	host_app "$@" && host_quietly letsencrypt:set "$1" email you@example.com
}

# write FILE TEXT: below the host's home or lib, as if somebody had edited it.
write() {
	printf '%s' "$2" >"$HOST/$1"
	if ((HOST_ROOT)); then chown "$HOST_USER:$HOST_GROUP" "$HOST/$1"; fi
}

make_apps() {
	local name
	# Nobody listens there: what asks a CA before it refuses says something else.
	host_quietly letsencrypt:set --global server "https://localhost:$HOST_CA_PORT/dir" || return
	for name in web nodomain novhost wild address underscore nodot slash many crowded otherproxy noproxy cluster dns noport edited edited2; do
		app "$name" "$name.test" || return
	done
	host_app nomail nomail.test
	host_app byhand byhand.test
	host_quietly domains:clear nodomain
	host_quietly domains:disable novhost
	host_quietly proxy:set otherproxy type traefik
	host_quietly proxy:disable noproxy
	host_quietly scheduler:set cluster selected k3s
	host_quietly letsencrypt:set dns dns-provider cloudflare
	host_quietly ports:set noport grpc:50051:50051
	host_quietly letsencrypt:set crowded profile tlsserver
	write home/dokku/wild/VHOST $'*.wild.test\n'
	write home/dokku/address/VHOST $'192.0.2.7\n'
	write home/dokku/underscore/VHOST $'under_score.test\n'
	write home/dokku/nodot/VHOST $'localhost\n'
	write home/dokku/slash/VHOST $'a/b.test\n'
	write home/dokku/many/VHOST "$(printf 'n%d.test\n' {1..101})"
	write home/dokku/crowded/VHOST "$(printf 'n%d.test\n' {1..26})"
	write var/lib/dokku/config/letsencrypt/edited/graceperiod soon
	write var/lib/dokku/config/letsencrypt/edited2/key-type dsa
	mkdir -p "$BATS_FILE_TMPDIR/byhand" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=byhand.test \
		-keyout "$BATS_FILE_TMPDIR/byhand/server.key" -out "$BATS_FILE_TMPDIR/byhand/server.crt" 2>/dev/null
	chmod -R a+rX "$BATS_FILE_TMPDIR"
	tar -c -C "$BATS_FILE_TMPDIR/byhand" server.crt server.key | host_run certs:add byhand >/dev/null
	# The store is made by the first command that asks it.
	host_run letsencrypt:list >/dev/null
}

# The host's folders and files with owner and mode, files with their times too (a folder's own time changes with SQLite's files beside the store, which
# come and go with each command).
snapshot() {
	(cd "$HOST" && find home var/lib/dokku/config var/lib/dokku/data var/crontab ! -name 'letsencrypt.db*' \
		\( -type d -printf '%p %m %u\n' -o -printf '%p %m %u %s %C@ %l\n' \) | sort)
	grep -c . "$HOST/log/proxy"
	return 0
}

dokku() { host_run "$@"; }
ssh() { host_ssh "$@"; }

# Prints the exit status.
try() { # COMMAND
	local status=0
	eval "$1" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	echo "$status"
}

complain() { # COMMAND TEXT
	printf '%s\n    %s\n' "$1" "$2"
	sed 's/^/    /' "$BATS_TEST_TMPDIR/err"
	failures+=1
}

check() { # COMMAND STATUS PHRASE...
	local command=$1 expected=$2 status phrase
	shift 2
	status=$(try "$command")
	[[ $status == "$expected" ]] || complain "$command" "ended with $status, not with $expected"
	for phrase; do
		grep -qF -- "$phrase" "$BATS_TEST_TMPDIR/err" || complain "$command" "stderr does not have: $phrase"
	done
	if grep -qv '^ !     ' "$BATS_TEST_TMPDIR/err"; then complain "$command" "not in the platform's form"; fi
	if grep -q '[[:cntrl:]]' "$BATS_TEST_TMPDIR/err"; then complain "$command" "control characters on stderr"; fi
	if grep -qi 'secret\|hush\|se cret' "$BATS_TEST_TMPDIR/err"; then complain "$command" "a secret on stderr"; fi
	snapshot >"$BATS_TEST_TMPDIR/after"
	if ! diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after" >"$BATS_TEST_TMPDIR/difference"; then
		complain "$command" "changed: $(cat "$BATS_TEST_TMPDIR/difference")"
		cp "$BATS_TEST_TMPDIR/after" "$BATS_TEST_TMPDIR/before"
	fi
}

@test "bad input is refused, explained, and changes nothing" {
	local failures='' rows=0 command status thing reason next
	snapshot >"$BATS_TEST_TMPDIR/before"
	while IFS=$'\t' read -r command status thing reason next <&5; do
		[[ $command && $command != \#* ]] || continue
		rows=$((rows + 1))
		check "$command" "$status" "$thing" "$reason" "$next"
	done 5<"$BATS_TEST_DIRNAME/bad_input.tsv"
	echo "$rows rows, ${#failures} complaints"
	((rows >= 60))
	[[ -z $failures ]]
}

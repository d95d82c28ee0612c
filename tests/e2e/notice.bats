#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Each change of an app's state is told once: to a program of the operator's, or by mail; and what comes of a program that hangs or fails.

# shellcheck disable=SC2154 # bats sets output and status
bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/story.bash"
	core_setup
	told=$HOST/tmp/told
	mkdir "$told"
	if ((HOST_ROOT)); then chown "$HOST_USER" "$told"; fi
	core_app web web.test
}

teardown() { host_destroy; }

# program <body: what the property notify names
program() {
	local file=$HOST/tmp/notify
	{
		echo '#!/bin/sh'
		cat
	} >"$file"
	chmod 755 "$file"
	app_setting --global notify "$file"
}

# Each call leaves what it read in a file of its own.
recorder() {
	program <<-EOF
		cat >"\$(mktemp "$told/XXXXXX.new")" && [ \$# -eq 0 ] && for file in "$told"/*.new; do mv "\$file" "$told/\$(ls "$told" | wc -l).json"; done
		env >"$HOST/tmp/told/environment"
	EOF
}

# "STATE STATE …" in the order in which they were told
states() { find "$told" -name '*.json' | sort -V | xargs -r jq -r .state | paste -sd ' '; }
last() { jq -r "$1" "$(find "$told" -name '*.json' | sort -V | tail -n 1)"; } # FILTER

no_ca() { app_setting --global server https://localhost:1/dir; }
renew() { host_run letsencrypt:auto-renew || true; }

@test "a failure is told once, and that it is mended" {
	recorder
	no_ca
	run -1 host_run letsencrypt:enable web
	[[ $(states) == failing ]]
	[[ $(last .app) == web && $(last .cause) == *localhost:1* && $(last .next) == *"dokku letsencrypt:events web" && $(last '.names[0]') == web.test ]]
	[[ $(last 'keys_unsorted | join(" ")') == "host app state before cause next names at" ]]
	run -1 host_run letsencrypt:enable web
	[[ $(states) == failing ]]
	run -1 grep -E '^(HOME=/root|GIT_|TMPDIR)' "$told/environment"

	core_point_at_ca
	run -0 host_run letsencrypt:enable web
	[[ $(states) == "failing mended" && $(last .before) == failing && $(last .expiration) -gt $(date +%s) ]]
	renew
	[[ $(states) == "failing mended" ]]
}

@test "an app that is held back is told" {
	run -0 host_run letsencrypt:enable web
	recorder
	run -0 host_run letsencrypt:revoke web
	renew
	[[ $(states) == held-back && $(last .next) == *"dokku letsencrypt:enable web" ]]
	renew
	[[ $(states) == held-back ]]
}

@test "of an app that is disabled nothing is told any more" {
	recorder
	no_ca
	run -1 host_run letsencrypt:enable web
	run -0 host_run letsencrypt:disable web
	renew
	[[ $(states) == failing ]]
}

@test "the end that comes nearer is told, and the end" {
	local left
	run -0 host_run letsencrypt:enable web
	left=$(leaf_seconds_left web.test)
	recorder
	no_ca
	set_clock $((left - 20 * 86400))
	renew
	[[ $(states) == failing ]]
	set_clock $((left - 9 * 86400))
	renew
	[[ $(states) == "failing ending" ]]
	set_clock $((left + 3600))
	renew
	renew
	[[ $(states) == "failing ending expired" && $(last .next) == *"dokku letsencrypt:enable web" ]]
}

@test "settings that make no sense are a cause" {
	run -0 host_run letsencrypt:enable web
	recorder
	printf nonsense >"$HOST_LIB_FOLDER/config/letsencrypt/web/graceperiod"
	renew
	[[ $(states) == failing && $(last .cause) == *"property graceperiod of web"* ]]
}

@test "a program that hangs or fails costs an event, and the next run tells" {
	no_ca
	program <<<"echo nobody there >&2; exit 3"
	run -1 host_run letsencrypt:enable web
	run -0 host_run letsencrypt:events web
	shows "failed: '$HOST/tmp/notify' failed (exit 3): nobody there"
	program <<<"exec sleep 1000"
	run -1 host_run letsencrypt:enable web
	run -0 host_run letsencrypt:events web
	shows "took too long and was ended"
	[[ ! $(host_processes) ]]
	recorder
	sed -i "2i [ ! -e '$HOST/tmp/broken' ] || exit 3" "$HOST/tmp/notify"
	renew
	[[ $(states) == failing ]]
	# Also when there is nothing else to do for the app.
	touch "$HOST/tmp/broken"
	core_point_at_ca
	run -0 host_run letsencrypt:enable web
	renew
	rm "$HOST/tmp/broken"
	renew
	[[ $(states) == "failing mended" ]]
}

has_failed_events() { (($(store_value "SELECT count(*) FROM events WHERE app = 'web' AND result LIKE 'failed%' AND cause = 'enable'") >= $1)); }

@test "what one process is just telling another does not tell as well" {
	no_ca
	program <<-EOF
		cat >/dev/null
		mktemp "$told/XXXXXX.begun"
		until [ -e "$HOST/tmp/go" ]; do sleep 0.05; done
	EOF
	host_run letsencrypt:enable web >/dev/null 2>&1 &
	first=$!
	host_until 20 compgen -G "$told/*.begun"
	host_run letsencrypt:enable web >/dev/null 2>&1 &
	second=$!
	host_until 20 has_failed_events 2
	touch "$HOST/tmp/go"
	wait "$first" "$second" || true
	[[ $(find "$told" -name '*.begun' | wc -l) == 1 ]]
}

@test "without a program it is mailed, where there are a sendmail and somebody to mail to" {
	no_ca
	printf '#!/bin/sh\necho "$@" >"%s/arguments"\ncat >"%s/mail"\n' "$told" "$told" >"$HOST/bin/sendmail"
	chmod 755 "$HOST/bin/sendmail"
	run -1 host_run letsencrypt:enable web
	[[ ! -e $told/mail ]]
	mkdir -p "$HOST_LIB_FOLDER/config/cron/--global"
	printf 'ops@example.test\nBcc: all@example.test' >"$HOST_LIB_FOLDER/config/cron/--global/mailto"
	printf 'a-name-that-is-forty-characters-%02d.test\n' {1..60} >>"$HOST_ROOT_FOLDER/web/VHOST"
	if ((HOST_ROOT)); then chown -R "$HOST_USER" "$HOST_LIB_FOLDER/config/cron"; fi
	run -1 host_run letsencrypt:enable web
	[[ $(<"$told/arguments") == "-i -t" ]]
	[[ $(sed -n 1p "$told/mail") == 'To: ops@example.test\x0aBcc: all@example.test' ]]
	grep -qx "Subject: letsencrypt on .*: web is failing" "$told/mail"
	run -1 grep -i '^bcc' "$told/mail"
	grep -q '^Cause: .*localhost:1' "$told/mail"
	grep -q '^Next: .*dokku letsencrypt:events web' "$told/mail"
	grep -q 'a-name-that-is-forty-characters-60.test' "$told/mail"
	run -1 grep -E '.{500}.{499}' "$told/mail"
	rm "$told/mail"
	run -1 host_run letsencrypt:enable web
	[[ ! -e $told/mail ]]
}

@test "set takes a program that only its owner can change" {
	recorder
	chmod 775 "$HOST/tmp/notify"
	run -1 host_run letsencrypt:set --global notify "$HOST/tmp/notify"
	shows "can be changed by others"
	run -1 host_run letsencrypt:set web notify "$HOST/tmp/notify"
	shows "belongs to the whole host"
	run -1 host_run letsencrypt:set --global notify notify
	shows "does not start with '/'"
	run -0 host_run letsencrypt:set --global notify
}

#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What happens to a certificate afterwards: renewed, revoked, switched off.

# shellcheck disable=SC2154 # bats sets output and stderr
bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "${BATS_TEST_DIRNAME}/core.bash"
	core_setup
	core_app web web.test
	host_run letsencrypt:enable web >/dev/null
}

teardown() {
	host_destroy
}

@test "nothing due: one line an app when typed, no request" {
	host_run letsencrypt:auto-renew >/dev/null
	before=$(ca_requests " -> ")
	run -0 host_run letsencrypt:auto-renew
	shows "=====> Auto-renewing all apps..."
	shows "web still has"
	shows "=====> Finished auto-renewal"
	[[ $(ca_requests " -> ") == "$before" ]]
	run -0 host_run letsencrypt:auto-renew web
	shows "left before renewal"
}

@test "due: renewed with one reload, served by a fresh connection" {
	serial=$(leaf_serial web.test)
	set_clock $(($(leaf_seconds_left web.test) - 15 * 86400))
	before=$(host_reloads plugin)
	run -0 host_run letsencrypt:auto-renew
	shows "-----> web needs renewal"
	host_until 5 is_replaced web.test "$serial"
	[[ $(host_reloads plugin) == $((before + 1)) ]]
}

@test "the CA's window decides, and the renewal replaces" {
	[[ $PEBBLE_ARI == yes ]] || skip "this Pebble ($PEBBLE_VERSION) has no renewal information"
	serial=$(leaf_serial web.test)
	replaced() { sqlite3 "$HOST_DATA_FOLDER/--global/letsencrypt.db" "SELECT replaces <> '' FROM orders ORDER BY id DESC LIMIT 1"; }
	[[ $(replaced) == 0 ]]
	# open since thirty days, at twenty days of age: long before a third of its life is left; the moment drawn is within the first nine tenths
	set_clock $((20 * 86400))
	now=$(<"$HOST/tmp/clock")
	leaf=$(openssl x509 -in "$HOST_ROOT_FOLDER/web/tls/server.crt" | jq -Rs .)
	window=$(jq -n --argjson now "$now" '{suggestedWindow: {start: ($now - 30 * 86400 | todate), end: ($now + 600 | todate)}} | tojson')
	host_ca_manage set-renewal-info/ --data "{\"Certificate\":$leaf,\"ARIResponse\":$window}"
	run -0 host_run letsencrypt:auto-renew
	shows "-----> web needs renewal"
	host_until 5 is_replaced web.test "$serial"
	[[ $(replaced) == 1 ]]
}

@test "nginx's configuration is broken by somebody else: kept, told, installed by the next run" {
	core_app other other.test
	mkdir -p "$HOST_ROOT_FOLDER/other/nginx.conf.d"
	echo 'nonsense;' >"$HOST_ROOT_FOLDER/other/nginx.conf.d/own.conf"
	serial=$(leaf_serial web.test)
	app_setting web graceperiod 3650d
	run -1 host_run letsencrypt:auto-renew
	shows "own.conf:1"
	[[ $(leaf_serial web.test) == "$serial" ]]
	run host_run letsencrypt:report web
	shows "own.conf:1"
	rm "$HOST_ROOT_FOLDER/other/nginx.conf.d/own.conf"
	before=$(ca_requests "order-plz")
	run -0 host_run letsencrypt:auto-renew
	host_until 5 is_replaced web.test "$serial"
	[[ $(ca_requests "order-plz") == "$before" ]]
}

@test "a renewal keeps what others put into tls/" {
	echo csr >"$HOST_ROOT_FOLDER/web/tls/server.csr"
	chown "$HOST_USER" "$HOST_ROOT_FOLDER/web/tls/server.csr"
	host_run letsencrypt:enable web --force
	[[ $(cat "$HOST_ROOT_FOLDER/web/tls/server.csr") == csr ]]
}

@test "revoke: told to the CA, taken out of use, held back until enable is typed" {
	serial=$(leaf_serial web.test)
	run -0 host_run letsencrypt:revoke web --reason superseded
	shows "-----> Certificate revoked successfully."
	[[ ! -e $HOST_ROOT_FOLDER/web/tls/server.crt ]]
	run -0 host_run letsencrypt:report web --letsencrypt-held-back
	shows "revoked on"
	before=$(ca_requests "order-plz")
	run -0 host_run letsencrypt:auto-renew
	[[ $(ca_requests "order-plz") == "$before" ]]
	run -0 host_run letsencrypt:enable web
	host_until 5 is_replaced web.test "$serial"
}

@test "revoke for a stolen key: signed by it, replacement offered" {
	run -0 host_run letsencrypt:revoke web --reason keyCompromise
	shows "Replace it at once"
	run -1 host_run letsencrypt:revoke web
	shows "no certificate"
}

@test "disable takes what is ours and nothing else" {
	echo mine >"$HOST_ROOT_FOLDER/web/tls/mine.txt"
	chown "$HOST_USER" "$HOST_ROOT_FOLDER/web/tls/mine.txt"
	run -0 host_run letsencrypt:disable web
	shows "HSTS"
	[[ $(ls "$HOST_ROOT_FOLDER/web/tls") == mine.txt ]]
	[[ ! -e $HOST_ROOT_FOLDER/web/nginx.conf.d/letsencrypt.conf && ! -e $HOST_ROOT_FOLDER/web/letsencrypt ]]
	plain_http() { [[ $(host_http_get web.test) == "app web" ]]; }
	host_until 5 plain_http
	# what was bought is not bought again
	before=$(ca_requests "order-plz")
	run -0 host_run letsencrypt:enable web
	[[ $(ca_requests "order-plz") == "$before" ]]
	host_until 5 host_https_get web.test
}

@test "a certificate that a user installed stays" {
	core_app mine mine.test
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$HOST/tmp/key" -out "$HOST/tmp/crt" -days 9 -subj /CN=mine.test 2>/dev/null
	chmod a+r "$HOST/tmp/key" "$HOST/tmp/crt"
	host_run certs:add mine "$HOST/tmp/crt" "$HOST/tmp/key" >/dev/null
	run -0 host_run letsencrypt:disable mine
	shows "was not installed by letsencrypt"
	cmp "$HOST/tmp/crt" "$HOST_ROOT_FOLDER/mine/tls/server.crt"
	run -0 host_run letsencrypt:active mine
	[[ $output == false ]]
	run -0 host_run letsencrypt:auto-renew
	cmp "$HOST/tmp/crt" "$HOST_ROOT_FOLDER/mine/tls/server.crt"
}

@test "an app on another proxy or scheduler is refused with the name of what does the job there" {
	core_app far far.test
	host_run proxy:set far type traefik >/dev/null
	run -1 host_run letsencrypt:enable far
	shows "traefik:set --global letsencrypt-email"
	[[ $(ca_requests "order-plz") == 1 ]]
}

@test "cron-job: flag, crontab, and the old sentences" {
	run -0 host_run letsencrypt:cron-job --add
	shows "-----> Added cron job to dokku's crontab."
	run -0 host_run letsencrypt:cron-job
	shows "=====> Auto-renew cron job is enabled"
	host_crontab | grep -q 'letsencrypt:auto-renew'
	# A machine that booted just now would be waited for.
	if (($(cut -d . -f 1 /proc/uptime) < 660)); then set_clock 0; fi
	run -0 host_cron_run
	run -0 host_run letsencrypt:cron-job --remove
	[[ $(host_crontab) != *letsencrypt* ]]
}

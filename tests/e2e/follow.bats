#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Certificates follow the apps by themselves: what the engine makes of what hooks leave in the spool. The hooks themselves are not asked: the links to them are
# taken away, entries are written here, and the worker is started by hand.

# shellcheck disable=SC2016,SC2034,SC2154 # the hook that is written here expands them; bats sets output
bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "${BATS_TEST_DIRNAME}/story.bash"
	if [[ $BATS_TEST_DESCRIPTION == *catch-all* ]]; then export HOST_CATCH_ALL=1; fi
	core_setup
	# Machines that were booted a minute ago run tests too: this clock says that it was yesterday.
	set_clock 0
	# An operator's command line to the program, as a subcommand of another plugin: it runs as dokku and with its environment.
	host_plugin engine
	host_hook engine subcommands/run <<-'EOF'
		shift
		exec "$PLUGIN_AVAILABLE_PATH/letsencrypt/bin/letsencrypt" "$@" </dev/null
	EOF
	host_hook engine subcommands/spool <<-'EOF'
		shift
		folder=$DOKKU_LIB_ROOT/data/letsencrypt/--global/spool
		mkdir -p -m 700 "$folder"
		name=$(printf '%019d.%016x' "${EPOCHREALTIME/[.,]/}000" "$$")
		printf '%s\n' "$@" >"$folder/.$name" && mv "$folder/.$name" "$folder/$name" && echo "$name"
	EOF
	# By the running number of entries rather than by their hooks.
	find "$HOST_LIB_FOLDER/plugins/available/letsencrypt" -maxdepth 1 -lname bin/letsencrypt-hook ! -name report ! -name cron-entries -delete
	progress=$HOST_DATA_FOLDER/--global/progress
}

teardown() {
	host_destroy
}

# letsencrypt_hook TRIGGER VERB: the plugin's hook runs the hidden command
letsencrypt_hook() {
	printf '#!/bin/sh\nexec "$PLUGIN_AVAILABLE_PATH/letsencrypt/bin/letsencrypt" %s "$@" </dev/null\n' "$2" \
		>"$HOST_LIB_FOLDER/plugins/available/letsencrypt/$1"
	chmod 755 "$HOST_LIB_FOLDER/plugins/available/letsencrypt/$1"
}

spool() { # TRIGGER ARG...: sets `entry`
	entry=$(host_run engine:spool "$@")
}

work() {
	run -0 host_run engine:run work
	output=$(grep -v 'WARNING: ASan' <<<"$output") || true
	[[ -z $output ]] || {
		printf 'work said: %s\n' "$output" >&2
		return 1
	}
	[[ -z $(ls -A "$HOST_DATA_FOLDER/--global/spool") ]]
}

# What the job that follows from the last entry said, without the kinds and the app.
told() {
	local job
	job=$(<"$progress/$entry")
	[[ $job != 0 ]] || return 0
	cut -f 3- "$progress/$job"
}

follows_nothing() { [[ $(<"$progress/$entry") == 0 ]]; }
has_ended() { [[ $(tail -n 1 "$progress/$(<"$progress/$entry")") == 5$'\t'*$'\t' ]]; }
value() { host_run letsencrypt:report "$1" "--letsencrypt-$2"; }
# add_own_certificate APP NAME: what somebody has bought elsewhere
add_own_certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$2" -keyout "$HOST/tmp/own.key" \
		-out "$HOST/tmp/own.crt" 2>/dev/null
	chmod a+r "$HOST/tmp/own.key"
	host_run certs:add "$1" "$HOST/tmp/own.crt" "$HOST/tmp/own.key" >/dev/null
}
is_reached() { # APP PORT: at 80, 443, and at its own as it was detected
	ports=" $(host_trigger ports-get "$1" | paste -sd ' ') "
	[[ $ports == *" http:80:$2 "* && $ports == *" https:443:$2 "* && $ports == *" http:$2:$2 "* ]] && host_until 5 is_served "$1" "$1.test"
}
is_tested() { grep -qs self-test "$progress/$(<"$progress/$entry")"; }

# ---- deploying ----

@test "under auto-enable a deploy gives an app its certificate, and the next deploy has nothing to do" {
	core_app web web.test
	host_run letsencrypt:set --global auto-enable true >/dev/null
	spool post-deploy web
	work
	is_served web web.test
	[[ $(told) == *"Enabling letsencrypt for web"*"https://web.test is served until"* ]]
	has_ended
	[[ $(value web enabled) == true ]]
	[[ -s $HOST_DATA_FOLDER/--global/state/web ]]
	before=$(ca_orders)
	spool post-deploy web
	work
	[[ $(ca_orders) == "$before" && -z $(told) ]]
	has_ended
}

@test "without auto-enable nothing follows for an app that nobody enabled, nor for one that somebody disabled" {
	core_app web web.test
	spool post-deploy web
	work
	follows_nothing
	host_run letsencrypt:set --global auto-enable true >/dev/null
	host_run letsencrypt:disable web >/dev/null
	spool post-deploy web
	work
	follows_nothing
	[[ $(ca_orders) == 0 && ! -e $(tls_folder web) ]]
}

@test "another proxy, no nginx.conf, a dns-provider: not a word, and no order" {
	local app
	for app in other bare dns; do core_app "$app" "$app.test"; done
	host_run letsencrypt:set --global auto-enable true >/dev/null
	host_run proxy:set other type traefik >/dev/null
	rm "$HOST_ROOT_FOLDER/bare/nginx.conf"
	app_setting dns dns-provider cloudflare
	for app in other bare dns; do
		spool post-deploy "$app"
		work
		[[ -z $(told) ]]
	done
	[[ $(ca_orders) == 0 ]]
}

@test "a refusal takes one line, the first time and later; all of it is among the events" {
	core_app web web.test
	host_run domains:add web localhost >/dev/null
	host_run letsencrypt:set web auto-enable true >/dev/null
	host_run letsencrypt:set web lego-docker-options "--network host" >/dev/null
	host_run letsencrypt:set --global email >/dev/null
	spool post-deploy web
	work
	[[ $(told | grep -v Enabling | grep -c .) == 1 ]]
	[[ $(told) == *"web: ERROR: Cannot request a certificate without an e-mail address! Provide your e-mail address"*"(dokku letsencrypt:events web)" ]]
	spool post-deploy web
	work
	[[ $(told | grep -c .) == 1 && $(told) == *"Cannot request a certificate without an e-mail address!, as before"* ]]
	has_ended
	[[ $(store_value "SELECT count(*) FROM events WHERE app = 'web' AND cause = 'deploy'") == 1 ]]
	[[ $(store_value "SELECT result FROM events WHERE app = 'web' AND cause = 'deploy'") == *"or for all apps using"* ]]
	# What is left out is told with what is ordered.
	host_run letsencrypt:set --global email "ops@example.test" >/dev/null
	spool post-deploy web
	work
	[[ $(told) == *"Ignored in lego-args"*"Domain 'localhost' is left out"*"Getting letsencrypt certificate"* ]]
}

@test "no room in the budget: one line, and the deploy need not wait" {
	core_app one one.shared.test
	core_app two two.shared.test
	jq --arg directory "$HOST_CA_DIRECTORY" '(.limits[] | select(.limit == "CertificatesPerDomain")) |= (.count = 1 | .burst = 1) |
		.name = "the CA of tests" | .directories = [$directory] | .issuers = ["Pebble"]' "$PROJECT/templates/limits/letsencrypt.json" >"$HOST/etc/limits.json"
	host_run letsencrypt:set --global limits "$HOST_CA_DIRECTORY=$HOST/etc/limits.json" >/dev/null
	host_run letsencrypt:set --global reserve 0 >/dev/null
	host_run letsencrypt:enable one >/dev/null
	app_setting two auto-enable true
	for _ in first second; do
		spool post-deploy two
		work
		[[ $(told | grep -c 'two waits until') == 1 && $(told | grep -vc 'Enabling\|^$') == 1 ]]
		has_ended
	done
	[[ $(value two waiting) == *"until "* && $(value two enabled) == true && $(ca_orders) == 1 ]]
}

@test "nothing starts within ten minutes of boot; what was to be done then is done after them, and nobody need come for that" {
	core_app web web.test
	core_app other other.test
	host_run letsencrypt:set --global auto-enable true >/dev/null
	echo "$(<"$HOST/tmp/clock") 60" >"$HOST/tmp/clock.new" && mv "$HOST/tmp/clock.new" "$HOST/tmp/clock"
	spool post-deploy web
	host_run engine:run work 2>/dev/null &
	first=$!
	host_until 10 test -e "$progress/$entry"
	has_ended
	[[ $(told) == *"web waits until "*": nothing starts by itself within ten minutes of boot"* ]]
	# One waits for all.
	spool post-deploy other
	work
	has_ended
	# Somebody who types something does not.
	run -0 host_run letsencrypt:auto-renew
	[[ $(ca_orders) == 0 ]]
	kill -0 "$first"
	set_clock 600
	wait "$first"
	host_until 5 is_served web web.test
	host_until 5 is_served other other.test
}

# ---- the worker ----

orders_are() { [[ $(ca_orders) == "$1" ]]; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }
program_of_worker() { host_processes | while read -r one; do [[ $(readlink "/proc/$one/exe") == */bin/letsencrypt ]] && echo "$one"; done; }

@test "what a worker that is ended or killed leaves is carried on by the next: nothing is lost, nothing is ordered twice" {
	local signal number=0
	host_run letsencrypt:set --global auto-enable true >/dev/null
	for signal in TERM KILL; do
		number=$((number + 1))
		core_app "web$number" "web$number.test"
		spool post-deploy "web$number"
		host_run engine:run work 2>/dev/null &
		worker=$!
		host_until 20 orders_are "$number"
		kill "-$signal" "$(program_of_worker)"
		wait "$worker" || true
		work
		host_until 5 is_served "web$number" "web$number.test"
		[[ $(ca_orders) == "$number" && $(store_value "SELECT count(*) FROM jobs WHERE state IN ('waiting', 'running')") == 0 ]]
	done
}

@test "a worker takes in what hooks leave while it works, and one waits behind it" {
	core_app first first.test
	core_app other other.test
	core_app web web.test
	host_run letsencrypt:enable web >/dev/null
	host_run letsencrypt:set --global auto-enable true >/dev/null
	# The first worker waits for the proxy to know a domain.
	printf 'new.test\n' >>"$HOST_ROOT_FOLDER/web/VHOST"
	spool post-domains-update web add new.test
	host_run engine:run work 2>/dev/null &
	first=$!
	host_until 10 test -e "$progress/$entry"
	host_until 10 is_tested
	spool post-deploy other
	host_run engine:run work 2>/dev/null &
	second=$!
	host_until 30 is_served other other.test
	[[ $(leaf_names web.test) == web.test ]]
	# A third finds that somebody waits already.
	run -0 host_run engine:run work
	host_run proxy:build-config web >/dev/null
	wait "$first" "$second"
	host_until 5 is "new.test web.test" leaf_names new.test
}

@test "a worker that cannot work says so in its exit status, too: whoever follows it need not wait" {
	core_app web web.test
	host_run letsencrypt:enable web >/dev/null
	sqlite3 "$HOST_DATA_FOLDER/--global/letsencrypt.db" 'PRAGMA user_version = 4711'
	if ((HOST_ROOT)); then chown "$HOST_USER" "$HOST_DATA_FOLDER"/--global/letsencrypt.db*; fi
	spool post-deploy web
	run -1 host_run engine:run work
	shows "was made by a newer version of this plugin"
	# What was told is not lost.
	[[ -s $HOST_DATA_FOLDER/--global/spool/$entry ]]
}

lease() { store_value "SELECT until_at FROM leases WHERE name = 'worker'"; }
job_of_entry_is() { [[ -e $progress/$entry && $(store_value "SELECT state FROM jobs WHERE id = $(<"$progress/$entry")") == "$1" ]]; }

@test "a worker that works for long says so now and then, not at each look into the queue" {
	core_app other other.test
	core_app web web.test
	host_run letsencrypt:enable web >/dev/null
	printf 'new.test\n' >>"$HOST_ROOT_FOLDER/web/VHOST"
	spool post-domains-update web add new.test
	host_run engine:run work 2>/dev/null &
	worker=$!
	host_until 10 test -e "$progress/$entry"
	host_until 10 is_tested
	before=$(lease)
	set_clock 200
	spool post-domains-update other add
	host_until 10 test -e "$progress/$entry"
	[[ $(lease) == "$before" ]]
	set_clock 400
	app_setting other auto-enable true
	spool post-deploy other
	host_until 20 job_of_entry_is running
	(($(lease) >= before + 390))
	host_run proxy:build-config web >/dev/null
	wait "$worker"
}

@test "two hundred jobs need no more files open at once than one" {
	local number folder=$HOST_DATA_FOLDER/--global/spool HOST_WRAPPER=()
	host_apps 200 many
	app_setting --global auto-enable true
	spool post-deploy many1
	for ((number = 2; number <= 200; number++)); do
		printf 'post-deploy\nmany%d\n' "$number" >"$folder/$(printf '%019d.%016x' "$number" "$number")"
	done
	if ((HOST_ROOT)); then chown -R "$HOST_USER" "$folder"; fi
	# shellcheck disable=SC2034 # of host_run
	HOST_WRAPPER=(prlimit --nofile=100:100)
	work
	[[ $(store_value "SELECT state || ' ' || count(*) FROM jobs GROUP BY state") == "done 200" ]]
}

# ---- the proxy ----

@test "https comes back when a new port map took it away" {
	core_app web web.test
	host_run letsencrypt:enable web >/dev/null
	host_run ports:set web http:80:3000 >/dev/null
	host_until 5 is "" host_served web.test
	spool post-proxy-ports-update web set
	work
	[[ $(host_trigger ports-get web | paste -sd ' ') == "http:80:3000 https:443:3000" ]]
	host_until 5 is_served web web.test
	[[ $(told) == *"https://web.test is served again"* ]]
}

@test "a port map that is taken away: nothing is put in its place before the proxy was built without it" {
	host_app web web.test
	host_trigger ports-set-detected web http:3000:3000 >/dev/null
	host_deploy web >/dev/null
	host_run letsencrypt:enable web >/dev/null
	is_reached web 3000
	rm "$HOST_LIB_FOLDER/config/ports/web/map"
	spool post-proxy-ports-update web clear
	host_run engine:run work 2>/dev/null &
	worker=$!
	host_until 10 test -e "$progress/$entry"
	# Whoever does not wait has put it there by then.
	if host_until 2 test -e "$HOST_LIB_FOLDER/config/ports/web/map" 2>/dev/null; then return 1; fi
	host_run proxy:build-config web >/dev/null
	wait "$worker"
	is_reached web 3000
}

@test "a port that is new is told to the CA when the proxy has it, not before" {
	host_app web web.test
	host_run ports:set web http:8080:5000 >/dev/null
	host_deploy web >/dev/null
	host_run letsencrypt:set --global auto-enable true >/dev/null
	printf 'http:8080:5000\nhttp:80:5000\n' >"$HOST_LIB_FOLDER/config/ports/web/map"
	spool post-proxy-ports-update web add
	host_run engine:run work 2>/dev/null &
	worker=$!
	host_until 10 test -e "$progress/$entry"
	# Whoever does not wait has placed an order by then.
	host_until 2 orders_are 1 2>/dev/null || true
	host_run proxy:build-config web >/dev/null
	wait "$worker"
	host_until 5 is_served web web.test
	[[ $(store_value "SELECT count(*) FROM validations") == 0 ]]
}

@test "a template of the app's own without TLS is not built anew at each deploy" {
	core_app web web.test
	host_run letsencrypt:enable web >/dev/null
	host_template web /x
	sed -i '/SSL_INUSE/,/end/d' "$HOST_ROOT_FOLDER/web/source/nginx.conf.sigil"
	host_deploy web >/dev/null
	spool post-deploy web
	work
	[[ $(told) == *"bringing https back"*"is installed, but its proxy has no TLS listener"* ]]
	spool post-deploy web
	work
	[[ $(told) != *"bringing https back"* ]]
}

@test "an image that only exposes another port is served at 80 and 443, enabled before its first deploy or after it" {
	host_app early early.test
	host_run letsencrypt:enable early >/dev/null
	host_trigger ports-set-detected early http:3000:3000 >/dev/null
	host_deploy early >/dev/null
	spool post-deploy early
	work
	is_reached early 3000
	host_app late late.test
	host_trigger ports-set-detected late http:3000:3000 >/dev/null
	host_deploy late >/dev/null
	host_run letsencrypt:enable late >/dev/null
	is_reached late 3000
}

# ---- domains ----

# The list of domains is new, the proxy still as it was: so the hook finds it.
new_domain() {
	core_app web web.test
	host_run letsencrypt:enable web >/dev/null
	printf 'new.test\n' >>"$HOST_ROOT_FOLDER/web/VHOST"
	spool post-domains-update web add new.test
	host_run engine:run work &
	worker=$!
	host_until 10 test -e "$progress/$entry"
	host_until 10 is_tested
	host_run proxy:build-config web >/dev/null
	wait "$worker"
	host_until 5 is "new.test web.test" leaf_names new.test
	[[ $(store_value "SELECT count(*) FROM validations") == 0 ]]
}
@test "a new domain gets into the certificate, once the proxy knows it and not before: another app answers until then" {
	core_app first first.test
	new_domain
}

@test "a new domain gets into the certificate, once the proxy knows it and not before: a catch-all closes the connection until then" {
	new_domain
}

# ---- certificates of others ----

@test "a certificate that somebody installs or removes by hand holds the app back, ours does not" {
	core_app web web.test
	host_run letsencrypt:enable web >/dev/null
	spool post-certs-update web
	work
	[[ -z $(value web held-back) ]]
	add_own_certificate web web.test
	spool post-certs-update web
	work
	[[ $(value web held-back) == *"a certificate was installed by hand" ]]
	before=$(ca_orders)
	spool post-deploy web
	work
	[[ -z $(told) && $(ca_orders) == "$before" ]]
	# What was done by hand before counts before what is typed now.
	spool post-certs-update web
	run -0 host_run letsencrypt:enable web
	[[ -z $(value web held-back) ]]
	host_until 5 is_served web web.test
	host_run certs:remove web >/dev/null
	spool post-certs-remove web
	work
	[[ $(value web held-back) == *"the certificate was removed by hand" ]]
}

# ---- clones, renames, ends ----

@test "a clone begins without a certificate, with the properties but not enabled" {
	core_app web web.test
	app_setting web graceperiod 20d
	host_run letsencrypt:enable web >/dev/null
	letsencrypt_hook post-app-clone-setup cloned
	run -0 host_run apps:clone --skip-deploy web copy
	shows_not "!"
	host_run domains:set copy copy.test >/dev/null
	[[ ! -e $(tls_folder copy) && ! -e $HOST_ROOT_FOLDER/copy/letsencrypt && ! -e $HOST_ROOT_FOLDER/copy/nginx.conf.d/letsencrypt.conf ]]
	[[ $(value copy graceperiod) == 1728000 && -z $(value copy enabled) ]]
	is_served web web.test
	spool post-certs-remove copy
	work
	[[ -z $(value copy held-back) ]]
	host_run letsencrypt:set --global auto-enable true >/dev/null
	host_deploy copy >/dev/null
	spool post-deploy copy
	work
	host_until 5 is_served copy copy.test
	# A certificate of somebody else is copied and stays.
	add_own_certificate web web.test
	run -0 host_run apps:clone --skip-deploy web third
	[[ $(leaf_in "$(tls_folder third)/server.crt") == $(leaf_in "$HOST/tmp/own.crt") ]]
}

@test "a renamed app keeps a certificate that still covers one of its names, and gets one for all" {
	core_app web web.test
	app_setting web graceperiod 20d
	host_run letsencrypt:enable web >/dev/null
	leaf=$(leaf_in "$(tls_folder web)/server.crt")
	letsencrypt_hook post-app-rename-setup renamed
	run -0 host_run apps:rename --skip-deploy web shop
	shows_not "!"
	spool post-delete web
	[[ $(leaf_in "$(tls_folder shop)/server.crt") == "$leaf" ]]
	[[ $(value shop active) == true && $(value shop enabled) == true && $(value shop graceperiod) == 1728000 ]]
	[[ $(readlink -e "$HOST_ROOT_FOLDER/shop/letsencrypt/certs/current") == "$HOST_ROOT_FOLDER/shop/"* ]]
	host_run domains:set shop web.test shop.test >/dev/null
	host_deploy shop >/dev/null
	host_until 5 is_served shop web.test
	work
	host_until 5 is "shop.test web.test" leaf_names shop.test
	[[ $(store_value "SELECT group_concat(app) FROM apps") == shop ]]
}

@test "a renamed app whose certificate covers none of its names serves HTTP until its own comes" {
	core_app web web.test
	host_run letsencrypt:enable web >/dev/null
	echo old.test >"$HOST_ROOT_FOLDER/web/VHOST"
	letsencrypt_hook post-app-rename-setup renamed
	run -0 host_run apps:rename --skip-deploy web shop
	spool post-delete web
	[[ ! -e $(tls_folder shop) && ! -e $HOST_ROOT_FOLDER/shop/letsencrypt && $(value shop enabled) == true ]]
	host_deploy shop >/dev/null
	host_until 5 is "app shop" host_http_get old.test
	work
	host_until 5 is_served shop old.test
}

@test "of a destroyed app only its certificate stays, and its name can begin anew" {
	core_app web web.test
	host_run letsencrypt:enable web >/dev/null
	leaf=$(store_value "SELECT leaf FROM apps WHERE app = 'web'")
	host_run --force apps:destroy web >/dev/null
	spool post-delete web
	work
	[[ -z $(store_value "SELECT app FROM apps UNION SELECT app FROM waits") ]]
	[[ -s $HOST_DATA_FOLDER/--global/certs/$leaf/fullchain.pem ]]
	core_app web web.test
	host_run letsencrypt:set --global auto-enable true >/dev/null
	spool post-deploy web
	work
	is_served web web.test
	[[ $(ca_orders) == 1 ]]
}

# ---- the snippet ----

@test "the snippet comes before a reload that is made anyway: tested, and only with an account" {
	core_app first first.test
	core_app web web.test
	app_setting web auto-enable true
	run -0 host_run engine:run snippet web
	[[ ! -e $HOST_ROOT_FOLDER/web/nginx.conf.d/letsencrypt.conf ]]
	host_run letsencrypt:enable first >/dev/null
	app_setting web auto-enable false
	run -0 host_run engine:run snippet web
	[[ ! -e $HOST_ROOT_FOLDER/web/nginx.conf.d/letsencrypt.conf ]]
	app_setting web auto-enable true
	before=$(host_reloads plugin)
	run -0 host_run engine:run snippet web
	shows_not "!"
	[[ -s $HOST_ROOT_FOLDER/web/nginx.conf.d/letsencrypt.conf && $(host_reloads plugin) == "$before" ]]
	# Not where it would break the whole host's configuration.
	rm "$HOST_ROOT_FOLDER/web/nginx.conf.d/letsencrypt.conf"
	echo 'location ^~ /.well-known/acme-challenge { return 404; }' >"$HOST_ROOT_FOLDER/web/nginx.conf.d/own.conf"
	run -0 host_run engine:run snippet web
	shows "would break nginx's configuration"
	[[ ! -e $HOST_ROOT_FOLDER/web/nginx.conf.d/letsencrypt.conf ]]
}

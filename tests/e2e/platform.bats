#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The simulated host itself: what the tests of the plugin rest on.

# shellcheck disable=SC2016,SC2154 # hooks expand what they are given; bats sets stderr
bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "${BATS_TEST_DIRNAME}/../platform/host.bash"
	host_create
}

teardown() {
	host_destroy
}

# A third-party plugin `probe` whose subcommands print what they got.
probe() {
	host_plugin probe >/dev/null
	host_hook probe "$1" <<-'EOF'
		printf '%s|' "${0##*/}" "$@" "app=${DOKKU_APP_NAME:-}" "force=${DOKKU_APPS_FORCE_DELETE:-}"
		printf '%s|' "quiet=${DOKKU_QUIET_OUTPUT:-}" "flags=${DOKKU_GLOBAL_FLAGS:-}"
		echo
	EOF
}

# A hook that appends its arguments to a file that every hook may write to.
recorder() { # PLUGIN HOOK
	: >"$HOST/tmp/record"
	chmod 666 "$HOST/tmp/record"
	host_hook "$1" "$2" <<-EOF
		printf '%s\n' "$1 $2 \$*" >>"$HOST/tmp/record"
	EOF
}

# A key and a self-signed certificate for the names, in \$HOST/tmp
certificate() { # NAME...
	local names
	printf -v names 'DNS:%s,' "$@"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" -addext "subjectAltName=${names%,}" \
		-keyout "$HOST/tmp/server.key" -out "$HOST/tmp/server.crt" 2>/dev/null
	chmod 644 "$HOST/tmp/server.key"
}

answers() { # TEXT COMMAND...
	[[ $("${@:2}" 2>/dev/null) == *"$1"* ]]
}

served_is() { # NAME FILE
	[[ $(host_served "$1" | openssl x509 -noout -fingerprint 2>/dev/null) == "$(openssl x509 -in "$2" -noout -fingerprint)" ]]
}

# ---- front end ----

@test "flags count wherever they stand; only leading ones are taken away" {
	probe subcommands/x
	run -0 host_run probe:x web --force
	[[ $output == "x|probe:x|web|--force|app=|force=1|quiet=|flags=--force|" ]]
	run -0 host_run --force probe:x web
	[[ $output == "x|probe:x|web|app=|force=1|quiet=|flags=--force|" ]]
	run -0 host_run probe:x --app web
	[[ $output == "x|probe:x|--app|web|app=web|force=|quiet=|flags=--app|" ]]
	run -0 host_run --app web probe:x y
	[[ $output == "x|probe:x|y|app=web|force=|quiet=|flags=--app|" ]]
	run -0 host_run --quiet --bogus probe:x
	[[ $output == "x|probe:x|app=|force=|quiet=1|flags=--quiet --bogus|" ]]
	run -0 host_run probe:x --app=web
	[[ $output == "x|probe:x|--app=web|app=|force=|quiet=|flags=--app=web|" ]]
}

@test "lookup: default, subcommand, nested name, commands; exit status passes through" {
	probe subcommands/default
	probe subcommands/dns:set
	run -0 host_run probe a
	[[ $output == "default|probe|a|"* ]]
	run -0 host_run probe:dns:set a
	[[ $output == "dns:set|probe:dns:set|a|"* ]]
	host_hook probe subcommands/twenty <<<'exit 20'
	run -20 host_run probe:twenty
	host_hook probe commands <<<'[ "$1" = probe:odd ] && echo odd && exit 0; exit 10'
	run -0 host_run probe:odd
	[[ $output == odd ]]
	run -1 host_run probe:
	[[ $output == *'`probe:` is not a dokku command.'* ]]
}

@test "a commands file that does not answer 10 to foreign words breaks them" {
	host_plugin probe >/dev/null
	host_hook probe commands <<<'exit 3'
	run -3 host_run nonsense
}

@test "core subcommands get the app of --app in front" {
	host_app web
	run -0 host_run --app web domains:report
	[[ $output == *"web.platform.test"* ]]
	run -0 host_run domains:report --app web
	[[ $output == *"web.platform.test"* ]]
	run -20 host_run domains:report none
	[[ $output == *" !     App none does not exist"* ]]
}

@test "over ssh: quotes hold, -n vanishes, -e becomes empty, stdin stays" {
	probe subcommands/x
	run -0 host_ssh "probe:x 'a b' '' c\\ d -n -e"
	[[ $output == "x|probe:x|a b||c d||app="* ]]
	host_hook probe subcommands/read <<<'cat'
	run -0 host_ssh probe:read <<<"from afar"
	[[ $output == "from afar" ]]
}

@test "subcommands run as the system user with the environment of the contract" {
	host_plugin probe >/dev/null
	host_hook probe subcommands/env <<<'id -un; env'
	run -0 host_run FOO=bar probe:env
	[[ ${lines[0]} == "$HOST_USER" ]]
	local name
	for name in DOKKU_ROOT DOKKU_LIB_ROOT PLUGIN_PATH PLUGIN_ENABLED_PATH PLUGIN_CORE_AVAILABLE_PATH DOKKU_PID DOKKU_LOGS_DIR DOKKU_SYSTEM_USER \
		DOKKU_NOT_IMPLEMENTED_EXIT DOKKU_COMMAND SSH_USER SSH_NAME; do
		[[ $output == *$'\n'"$name="* ]]
	done
	[[ $output == *$'\nFOO=bar'* && $output != *DOKKU_QUIET_OUTPUT* && $output != *BATS_* ]]
	if ((HOST_ROOT)); then [[ $output == *$'\n'"HOME=$HOST/home/dokku"* ]]; fi
}

@test "dokkurc, version, user-auth" {
	host_plugin probe >/dev/null
	host_hook probe subcommands/say <<<'echo "$GREETING"'
	echo 'export GREETING=hello' >"$HOST/home/dokku/dokkurc"
	chmod 644 "$HOST/home/dokku/dokkurc"
	run -0 host_run probe:say
	[[ $output == hello ]]
	run -0 host_run version
	[[ $output == "dokku version 0.38.27" ]]
	host_hook probe user-auth <<<'[ "$3" != probe:say ]'
	run -1 host_run probe:say
	[[ $output == *" !     Access denied"* ]]
}

@test "help runs every file of that name, also one too many" {
	host_plugin probe >/dev/null
	host_hook probe commands <<-'EOF'
		[ "$1" = help ] || exit 10
		if tr '\0' ' ' </proc/$PPID/cmdline | grep -q -e --all; then echo '    probe:x <app>, Long line'; else echo '    probe, Manage probes'; fi
	EOF
	run -0 host_run help
	[[ $output == *"    probe   Manage probes"* && $output == *"    apps "* ]]
	run -0 host_run help --all
	[[ $output == *"    probe:x <app>   Long line"* && $output == *"apps:create"* ]]
	run -0 host_run apps:help
	[[ $output == "Usage: dokku apps[:COMMAND]"* ]]
	mkdir "$HOST/var/lib/dokku/plugins/available/probe/subcommands/commands"
	run -126 host_run help
}

# ---- plugn ----

@test "hooks run in byte order, on one stdin, up to the first failure" {
	host_plugin aaa >/dev/null
	host_plugin zzz >/dev/null
	host_hook aaa ask <<<'read -r line; echo "aaa $line $*"'
	host_hook zzz ask <<<'read -r line; echo "zzz $line"; exit 7'
	host_hook "$(basename "$(host_plugin zzzz)")" ask <<<'echo never'
	run -7 host_trigger ask "x y" <<<$'one\ntwo'
	[[ $output == $'aaa one x y\nzzz two' ]]
	run -0 host_trigger nobody-has-this
	[[ -z $output ]]
}

@test "values with backslashes are decoded, a hook that is not executable is skipped, a missing table complains" {
	host_plugin probe >/dev/null
	host_hook probe ask <<<'echo "$SECRET"'
	run -0 host_run 'SECRET=a\nb' plugin:trigger ask
	[[ $output == $'a\nb' ]]
	chmod 644 "$HOST/var/lib/dokku/plugins/available/probe/ask"
	run -0 host_trigger ask
	[[ $output == "Trigger 'ask' is not executable, skipping plugin (probe)" ]]
	chmod 755 "$HOST/var/lib/dokku/plugins/available/probe/ask"
	printf '[plugin]\nversion = "1"\n' >"$HOST/var/lib/dokku/plugins/available/probe/plugin.toml"
	run -0 --separate-stderr host_run SECRET=s plugin:trigger ask
	[[ $output == s && $stderr == *panic* ]]
}

@test "a plugin is installed from a repository, updated, disabled, enabled, uninstalled; all of it belongs to the system user" {
	local repository=$HOST/tmp/dokku-gadget git=(git -c user.name=t -c user.email=t@platform.test -c init.defaultBranch=main)
	mkdir -p "$repository/subcommands"
	cd "$repository"
	printf '[plugin]\ndescription = "d"\nversion = "1"\n[plugin.config]\n' >plugin.toml
	printf '#!/bin/sh\nid -u >"%s/tmp/installed-by"; touch "$PLUGIN_AVAILABLE_PATH/gadget/built"\n' "$HOST" >install
	printf '#!/bin/sh\necho v1\n' >subcommands/v
	printf '#!/bin/sh\necho "uninstall $1" >"%s/tmp/uninstalled"\n' "$HOST" >uninstall
	chmod 755 install uninstall subcommands/v
	"${git[@]}" init -q . && "${git[@]}" add -A && "${git[@]}" commit -qm 1
	run -0 host_run plugin:install "file://$repository"
	[[ $(<"$HOST/tmp/installed-by") == "$EUID" ]]
	[[ $(stat -c %U "$HOST/var/lib/dokku/plugins/available/gadget/built") == "$HOST_USER" ]]
	run -0 host_run gadget:v
	[[ $output == v1 ]]
	run -1 host_run plugin:install "file://$repository"
	[[ $output == *"Plugin already enabled"* ]]
	printf '#!/bin/sh\necho v2\n' >subcommands/v
	"${git[@]}" commit -qam 2
	run -0 host_run plugin:update gadget
	run -0 host_run gadget:v
	[[ $output == v2 ]]
	run -0 host_run plugin:list
	[[ $output == *"gadget"*"enabled"* ]]
	run -0 host_run plugin:disable gadget
	run -1 host_run gadget:v
	run -0 host_run plugin:enable gadget
	run -0 host_run plugin:uninstall gadget
	[[ $(<"$HOST/tmp/uninstalled") == "uninstall gadget" && ! -e $HOST/var/lib/dokku/plugins/available/gadget ]]
	run -1 host_run plugin:install nonsense
}

# ---- proxy ----

@test "an app answers 502, then its page; its file has the shape of the contract" {
	host_app web web.test www.web.test
	local file=$HOST/home/dokku/web/nginx.conf
	host_until 5 answers 502 host_http_get web.test / --write-out '%{http_code}'
	host_deploy web
	host_until 5 answers "app web" host_http_get www.web.test
	grep -q "listen      127.0.0.1:$HOST_HTTP_PORT;" "$file"
	grep -q "server_name web.test www.web.test;" "$file"
	[[ $(grep -B 1 '^}' "$file" | head -n 1) == "  include $HOST/home/dokku/web/nginx.conf.d/*.conf;" ]]
	[[ $(stat -c '%a %U' "$HOST/home/dokku") == "700 $HOST_USER" ]]
}

@test "certs:add by path and by tar: HTTPS is served, HTTP redirects, the snippet wins in both, ports follow" {
	host_app web web.test
	host_deploy web
	certificate web.test
	run -0 host_run certs:add web "$HOST/tmp/server.crt" "$HOST/tmp/server.key"
	[[ $(stat -c '%a %U' "$HOST/home/dokku/web/tls" "$HOST/home/dokku/web/tls/server.key") == $"750 $HOST_USER"$'\n'"640 $HOST_USER" ]]
	host_until 5 served_is web.test "$HOST/tmp/server.crt"
	host_until 5 answers "app web" host_https_get web.test
	run -0 host_http_get web.test /path --include
	[[ $output == *" 301 "* && $output == *"https://web.test:443/path"* ]]
	[[ -s $HOST/home/dokku/web/nginx.conf.d/hsts.conf ]]
	run -0 host_trigger ports-get web
	[[ $output == $'http:80:5000\nhttps:443:5000' ]]
	run -0 host_trigger ports-get web json
	jq -e '.[1].host_port == 443' <<<"$output"
	printf 'location ^~ /.well-known/acme-challenge { return 200 "token\\n"; }\n' >"$HOST/home/dokku/web/nginx.conf.d/own.conf"
	run -0 host_run nginx:reload
	host_until 5 answers token host_http_get web.test /.well-known/acme-challenge/x
	host_until 5 answers token host_https_get web.test /.well-known/acme-challenge/x
	certificate web.test other.test
	run -0 host_run certs:add web < <(tar -c -C "$HOST/tmp" server.crt server.key)
	host_until 5 served_is web.test "$HOST/tmp/server.crt"
	run -0 host_run certs:remove web
	host_until 5 answers "app web" host_http_get web.test
	run -1 host_run certs:remove web
	[[ $output == *"An app-specific SSL endpoint is not defined"* ]]
	run -1 host_run certs:add web < <(tar -c -C "$HOST/tmp" server.crt)
	[[ $output == *"Tar archive is missing .key file"* ]]
}

@test "an explicit map gains its TLS port with the certificate and loses it again; other ports are served too" {
	host_app web web.test
	host_deploy web
	run -0 host_run ports:set web http:80:3000 http:8080:3000
	certificate web.test
	host_run certs:add web "$HOST/tmp/server.crt" "$HOST/tmp/server.key"
	run -0 cat "$HOST/var/lib/dokku/config/ports/web/map"
	[[ $output == $'http:80:3000\nhttp:8080:3000\nhttps:443:3000' ]]
	host_port 8080
	host_until 5 answers "app web" host_curl -H "Host: web.test" "http://127.0.0.1:$REPLY/"
	run -0 host_run certs:remove web
	run -0 cat "$HOST/var/lib/dokku/config/ports/web/map"
	[[ $output == $'http:80:3000\nhttp:8080:3000' ]]
	[[ $(stat -c '%a %U' "$HOST/var/lib/dokku/config/ports/web/map" "$HOST/var/lib/dokku/config/ports/web") == "600 $HOST_USER"$'\n'"755 $HOST_USER" ]]
}

@test "sudo lets through what the sudoers file names and nothing else; tests and reloads are counted by caller" {
	local before plugin=(host_run probe:do)
	host_plugin probe >/dev/null
	host_hook probe subcommands/do <<<'shift; "$@"'
	before=$(host_reloads core)
	run -0 "${plugin[@]}" sudo nginx -t
	run -0 "${plugin[@]}" sudo -n /usr/sbin/nginx -t
	run -0 "${plugin[@]}" sudo systemctl reload nginx
	run -0 "${plugin[@]}" sudo systemctl is-active --quiet nginx
	[[ $(host_tests plugin) == 2 && $(host_reloads plugin) == 1 && $(host_reloads core) == "$before" ]]
	local words
	for words in "nginx -s reload" "nginx -t -q" "nginx" "systemctl restart nginx" "systemctl reload apache2" "systemctl reload nginx now" "id" \
		"/opt/nginx -t" "-u root id"; do
		# shellcheck disable=SC2086 # to be split
		run -1 "${plugin[@]}" sudo $words
		[[ $output == *"password is required"* ]]
	done
	[[ $(host_tests plugin) == 2 && $(host_reloads plugin) == 1 ]]
	run -1 "${plugin[@]}" systemctl
	[[ $output != *-.mount* ]]
	run -0 "${plugin[@]}" nginx -V
	[[ $output == *"--conf-path=$HOST/etc/nginx/nginx.conf"* ]]
}

@test "a copied configuration can be tested; a broken one is named with file and line" {
	host_app web web.test
	host_plugin probe >/dev/null
	host_hook probe subcommands/test <<<'sudo nginx -t -c "$2"'
	mkdir "$HOST/tmp/copy"
	chmod 777 "$HOST/tmp/copy"
	cp "$HOST/etc/nginx/nginx.conf" "$HOST/etc/nginx/mime.types" "$HOST/tmp/copy"
	run -0 host_run probe:test "$HOST/tmp/copy/nginx.conf"
	printf 'events {}\nhttp {\n  include %s;\n}\n' "$HOST/home/dokku/web/nginx.conf" >"$HOST/tmp/copy/small.conf"
	run -0 host_run probe:test "$HOST/tmp/copy/small.conf"
	printf 'events {}\nhttp {\n  nonsense;\n}\n' >"$HOST/tmp/copy/bad.conf"
	run -1 host_run probe:test "$HOST/tmp/copy/bad.conf"
	[[ $output == *"$HOST/tmp/copy/bad.conf:3"* ]]
	[[ $(find "$HOST/tmp/copy" -name '.test*') == "" ]]
}

@test "one broken snippet stops the reloads of the whole host until it is gone; nginx keeps serving" {
	host_app web web.test
	host_app other other.test
	host_deploy web
	host_until 5 answers "app web" host_http_get web.test
	echo 'nonsense;' >"$HOST/home/dokku/other/nginx.conf.d/bad.conf"
	run -1 host_run proxy:build-config web
	[[ $output == *"Failed to validate other"* && $output == *"other/nginx.conf.d/bad.conf:1"* ]]
	answers "app web" host_http_get web.test
	run -1 host_run nginx:validate-config other
	rm "$HOST/home/dokku/other/nginx.conf.d/bad.conf"
	run -0 host_run proxy:build-config web
	host_fault reload 1
	run -1 host_run proxy:build-config web
	host_mend reload
	run -0 host_run proxy:build-config web
}

@test "no mapping for TLS without a certificate, no file with the proxy off, no catch-all unless asked for" {
	host_app web web.test
	host_deploy web
	run -0 host_run ports:add web http:80:5000 https:443:5000
	[[ $output == *"skipping the mapping https:443:5000"* ]]
	host_until 5 answers "app web" host_http_get unknown.test
	run -0 host_run proxy:disable web
	[[ ! -e $HOST/home/dokku/web/nginx.conf ]]
	host_destroy
	HOST_CATCH_ALL=1 host_create
	host_app web web.test
	host_deploy web
	host_until 5 answers "app web" host_http_get web.test
	run -52 host_http_get unknown.test
}

@test "boot takes every nginx.conf; only apps that run get theirs back" {
	host_app web
	host_app idle
	host_deploy web
	run -0 host_run ps:restore
	[[ -e $HOST/home/dokku/web/nginx.conf && ! -e $HOST/home/dokku/idle/nginx.conf ]]
}

# ---- life of an app ----

@test "create, deploy and destroy fire their hooks in order around a third-party plugin" {
	host_plugin letsencrypt >/dev/null
	local hook
	for hook in post-create post-deploy post-delete post-domains-update nginx-pre-reload; do recorder letsencrypt "$hook"; done
	host_hook letsencrypt post-create <<-EOF
		[ -f "\$DOKKU_ROOT/\$1/HEAD" ] && [ ! -f "\$DOKKU_ROOT/\$1/nginx.conf" ] && echo "letsencrypt post-create \$*" >>"$HOST/tmp/record"
	EOF
	host_run apps:create web
	host_run domains:add web web.test
	host_run ps:rebuild web </dev/null
	host_run --force apps:destroy web
	run -0 cat "$HOST/tmp/record"
	[[ ${lines[0]} == "letsencrypt post-create web" ]]
	[[ $output == *$'letsencrypt nginx-pre-reload web  \nletsencrypt post-domains-update web add web.test\nletsencrypt nginx-pre-reload web  '* ]]
	[[ $output == *$'\nletsencrypt post-deploy web   latest\n'* && $output == *"letsencrypt post-delete web latest" ]]
	[[ ! -e $HOST/home/dokku/web ]]
}

@test "a failing hook ends the command; a hook that reads stdin eats the rest of the push" {
	host_plugin letsencrypt >/dev/null
	host_app web
	run -0 host_push web $'0 1 refs/heads/master\n0 2 refs/heads/topic'
	[[ $output == *"Application deployed:"*"To refs/heads/topic: not the deploy branch"* ]]
	host_hook letsencrypt post-deploy <<<'cat >/dev/null'
	run -0 host_push web $'0 1 refs/heads/master\n0 2 refs/heads/topic'
	[[ $output != *topic* ]]
	host_hook letsencrypt post-create <<<'exit 9'
	run -9 host_run apps:create other
}

ended() { ! process_alive "$1"; }

@test "the deploy waits for whoever holds its output, and holds its lock on descriptor 200" {
	host_plugin letsencrypt >/dev/null
	host_app web
	host_hook letsencrypt post-deploy <<-EOF
		readlink /proc/\$\$/fd/200 >"$HOST/tmp/lock"
		(while [ ! -e "$HOST/tmp/go" ]; do sleep 0.05; done) &
	EOF
	host_deploy web >/dev/null 2>&1 &
	local deploy=$!
	host_until 30 test -s "$HOST/tmp/lock"
	[[ $(<"$HOST/tmp/lock") == "$HOST/var/lib/dokku/data/apps/web/.deploy.lock" ]]
	host_until 30 grep -q "Application deployed" "$HOST"/var/lib/dokku/data/builds/web/*.log
	run ! host_until 1 ended "$deploy"
	touch "$HOST/tmp/go"
	wait "$deploy"
}

@test "clone and rename copy the tree before our hook runs; VHOST is written anew" {
	host_app old old.platform.test extra.test
	host_deploy old
	certificate old.platform.test
	host_run certs:add old "$HOST/tmp/server.crt" "$HOST/tmp/server.key"
	mkdir -p "$HOST/home/dokku/old/letsencrypt/certs/abc"
	ln -s "$HOST/home/dokku/old/letsencrypt/certs/abc" "$HOST/home/dokku/old/letsencrypt/certs/current"
	if ((HOST_ROOT)); then chown -R "$HOST_USER" "$HOST/home/dokku/old/letsencrypt"; fi
	host_plugin letsencrypt >/dev/null
	local hook
	for hook in post-app-clone-setup post-app-rename-setup; do
		host_hook letsencrypt "$hook" <<-EOF
			cd "\$DOKKU_ROOT" && [ -s "\$2/tls/server.key" ] && [ -L "\$2/letsencrypt/certs/current" ] && [ -e "\$1" ] && touch "$HOST/tmp/$hook"
		EOF
	done
	run -0 host_run apps:clone --skip-deploy old new
	[[ -e $HOST/tmp/post-app-clone-setup && $(<"$HOST/home/dokku/new/VHOST") == new.platform.test ]]
	[[ $(stat -c %a "$HOST/home/dokku/new/tls/server.key") == 640 ]]
	run -0 host_run apps:rename old fresh
	[[ -e $HOST/tmp/post-app-rename-setup && ! -e $HOST/home/dokku/old ]]
	[[ $(<"$HOST/home/dokku/fresh/VHOST") == $'fresh.platform.test\nextra.test' ]]
	[[ $(readlink "$HOST/home/dokku/fresh/letsencrypt/certs/current") == "$HOST/home/dokku/old/letsencrypt/certs/abc" ]]
	host_until 5 answers "app fresh" host_https_get extra.test
}

@test "config, domains and scheduler answer as the contract says" {
	host_app web
	run -0 host_trigger app-list false
	[[ $output == web ]]
	run -20 host_trigger app-exists none
	run -0 host_run config:set --no-restart web "A=x y"
	run -0 host_trigger config-get web A
	[[ $output == "x y" ]]
	run -0 host_trigger domains-list web
	[[ $output == web.platform.test ]]
	run -0 host_run domains:disable web
	run -1 host_trigger domains-vhost-enabled web
	run -0 host_run domains:add web A.test
	run -0 host_trigger domains-list web
	[[ $output == A.test ]]
	run -1 host_run domains:add web a_b.test
	run -0 host_trigger proxy-type web
	[[ $output == nginx ]]
	run -0 host_run proxy:set web type traefik
	run -0 host_trigger proxy-type web
	[[ $output == traefik ]]
	run -0 host_trigger scheduler-detect web
	[[ $output == docker-local ]]
	run -1 host_trigger scheduler-is-deployed docker-local web
	host_app static static.platform.test
	run -0 host_run scheduler:set static selected null
	run -0 host_trigger scheduler-is-deployed null static
	run -0 host_run report web
	[[ $output == *"=====> web domains information"* ]]
	run -0 "$HOST/bin/platform" version
}

@test "many apps at once, and the helper for properties" {
	host_apps 20 many
	run -0 host_trigger app-list false
	[[ ${#lines[@]} == 20 ]]
	host_rebuild
	host_until 5 answers "app many20" host_http_get many20.platform.test
	local prop=$HOST/var/lib/dokku/core-plugins/available/common/prop
	export DOKKU_LIB_ROOT=$HOST/var/lib/dokku
	run -0 "$prop" set letsencrypt many1 email a@b.test
	run -0 "$prop" get letsencrypt many1 email
	[[ $output == a@b.test && $(stat -c %a "$DOKKU_LIB_ROOT/config/letsencrypt/many1/email") == 600 ]]
	run -1 "$prop" exists letsencrypt many1 server
}

# ---- cron ----

@test "the crontab is generated from the entries of all plugins; blank lines lose all, bad lines end it" {
	host_plugin letsencrypt >/dev/null
	host_plugin other >/dev/null
	host_hook letsencrypt subcommands/tick <<<"echo \"tick by \$(id -un) user=\${SSH_USER-unset}\""
	host_hook letsencrypt cron-entries <<<"[ \"\$1\" = docker-local ] && echo '7 3 * * *;dokku letsencrypt:tick;$HOST/var/log/dokku/letsencrypt.log'"
	run -0 host_trigger scheduler-cron-write
	[[ $output == "-----> Updated schedule file" ]]
	host_crontab | grep -qxF "7 3 * * * dokku letsencrypt:tick &>> $HOST/var/log/dokku/letsencrypt.log"
	run -0 host_run cron:list --global
	[[ $output == *"7 3 * * *"*"dokku letsencrypt:tick"* ]]
	host_cron_run
	[[ $(<"$HOST/var/log/dokku/letsencrypt.log") == "tick by $HOST_USER user=" ]]
	host_hook other cron-entries <<<'echo; echo "1 1 * * *;true"'
	run -0 host_trigger scheduler-cron-write
	[[ $output == "-----> Removed" && -z $(host_crontab) ]]
	host_hook other cron-entries <<<'echo "1 1 * * *"'
	run -1 host_trigger scheduler-cron-write
	host_hook other cron-entries <<<'exit 0'
	host_app web
	host_deploy web
	[[ $(host_crontab) == *letsencrypt:tick* ]]
	host_run scheduler:set --global selected k3s
	host_run scheduler:set web selected k3s
	run -0 host_trigger scheduler-cron-write
	[[ $output == "-----> Removed" ]]
}

# ---- CA ----

@test "Pebble serves its directory, its DNS resolves, and the knobs work" {
	host_ca_start || skip "no Pebble on this machine"
	run -0 host_curl --fail --cacert "$HOST_CA_CERT" "$HOST_CA_DIRECTORY"
	jq -e .newOrder <<<"$output"
	if [[ $PEBBLE_ARI == yes ]]; then jq -e .renewalInfo <<<"$output"; fi
	[[ -s $HOST/ca/roots.pem ]]
	host_dns add-a '{"host":"special.test","addresses":["127.0.0.9"]}'
	if command -v dig >/dev/null; then
		run -0 dig +short +tries=1 -p "$HOST_DNS_PORT" @127.0.0.1 special.test A
		[[ $output == 127.0.0.9 ]]
		run -0 dig +short +tries=1 -p "$HOST_DNS_PORT" @127.0.0.1 anything.test A
		[[ $output == 127.0.0.1 ]]
	fi
	host_ca_stop
	run ! host_curl --max-time 2 --cacert "$HOST_CA_CERT" "$HOST_CA_DIRECTORY"
	PEBBLE_ALTERNATE_ROOTS=1 host_ca_start
	[[ $(grep -c BEGIN "$HOST/ca/roots.pem") == 2 ]]
}

@test "Pebble validates through this host's nginx and issues" {
	if ! command -v lego >/dev/null; then skip "lego is not installed"; fi
	host_ca_start || skip "no Pebble on this machine"
	host_app web web.test
	host_deploy web
	mkdir -p "$HOST/tmp/webroot/.well-known/acme-challenge"
	echo ready >"$HOST/tmp/webroot/.well-known/acme-challenge/probe"
	printf 'location ^~ /.well-known/acme-challenge { root %s; }\n' "$HOST/tmp/webroot" >"$HOST/home/dokku/web/nginx.conf.d/own.conf"
	host_run nginx:reload
	host_until 5 answers ready host_http_get web.test /.well-known/acme-challenge/probe
	LEGO_CA_CERTIFICATES=$HOST_CA_CERT lego --server "$HOST_CA_DIRECTORY" --accept-tos --email a@platform.test --path "$HOST/tmp/lego" \
		--http --http.webroot "$HOST/tmp/webroot" --domains web.test run
	chmod -R go+rX "$HOST/tmp/lego"
	host_run certs:add web "$HOST"/tmp/lego/certificates/web.test.{crt,key}
	host_until 5 answers "app web" host_https_get web.test
}

@test "the plugin is built once for all hosts, and installed from a clone" {
	local git=(git -c user.name=t -c user.email=t@platform.test -c init.defaultBranch=main) tree=$HOST/tmp/project
	mkdir -p "$tree"
	printf '[plugin]\ndescription = "d"\nversion = "1"\n[plugin.config]\n' >"$tree/plugin.toml"
	cat >"$tree/install" <<-EOF
		#!/bin/sh
		cd "\${0%/*}" && [ -x subcommands/hi ] && exit
		mkdir subcommands
		printf '#!/bin/sh\necho hi\n' >subcommands/hi
		chmod 755 subcommands/hi
		echo built >>"$HOST/tmp/builds"
	EOF
	chmod 755 "$tree/install"
	echo /subcommands/ >"$tree/.gitignore"
	"${git[@]}" -C "$tree" init -q && "${git[@]}" -C "$tree" add -A && "${git[@]}" -C "$tree" commit -qm 1
	export PROJECT=$tree PLATFORM_CACHE=$HOST/tmp/kept
	local first=$HOST
	host_install_plugin
	run -0 host_run letsencrypt:hi
	[[ $output == hi ]]
	host_create
	host_install_plugin
	run -0 host_run letsencrypt:hi
	[[ $output == hi && $(wc -l <"$first/tmp/builds") == 1 ]]
	host_destroy
	host_create
	host_install_plugin --clone
	run -0 host_run letsencrypt:hi
	[[ -d $HOST/var/lib/dokku/plugins/available/letsencrypt/.git && $(wc -l <"$first/tmp/builds") == 2 ]]
	host_destroy
	host_use "$first"
}

# ---- the host as a whole ----

@test "hosts live side by side, and nothing of a destroyed one is left" {
	local first=$HOST port=$HOST_HTTP_PORT pid
	host_app web web.test
	host_deploy web
	host_create
	local second=$HOST
	[[ $HOST_HTTP_PORT != "$port" ]]
	host_app web web.test
	host_use "$first"
	host_until 5 answers "app web" host_http_get web.test
	host_use "$second"
	host_until 5 answers 502 host_http_get web.test / --write-out '%{http_code}'
	host_plugin probe >/dev/null
	host_hook probe subcommands/linger <<<"setsid sleep 300 >/dev/null 2>&1 </dev/null & echo \$! >$HOST/tmp/pid"
	host_run probe:linger
	pid=$(<"$HOST/tmp/pid")
	kill -0 "$pid"
	nginx_pid
	local master=$REPLY
	host_destroy
	[[ ! -e $second ]]
	run ! process_alive "$pid"
	run ! process_alive "$master"
	host_use "$first"
	answers "app web" host_http_get web.test
}

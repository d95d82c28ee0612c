# SPDX-License-Identifier: MIT
#
# A simulated Dokku host in a folder, for tests and for the demonstration: functions to source. README.md has the list.
# Each function works on the host of the variable HOST; host_create sets it, host_use switches.
# shellcheck shell=bash disable=SC2153

PLATFORM=${BASH_SOURCE[0]%/*}
PLATFORM=$(cd "$PLATFORM" && pwd)
PROJECT=${PLATFORM%/tests/platform}
PLATFORM_CACHE=${PLATFORM_CACHE:-$PROJECT/build/platform}
# shellcheck source=/dev/null
. "$PLATFORM/ports.bash"
# shellcheck source=/dev/null
. "$PLATFORM/root/lib/nginx.bash"
# shellcheck source=/dev/null
. "$PLATFORM/root/lib/listen.bash"
# shellcheck source=/dev/null
. "$PLATFORM/ca.bash"

# ---- making a host ----

# The user that Dokku runs as: dokku when we are root, ourselves otherwise.
host_find_user() {
	if ((EUID == 0)) && host_have_system_user; then
		HOST_USER=dokku HOST_GROUP=dokku HOST_ROOT=1 HOST_UID=$(id -u dokku)
	else
		HOST_USER=$(id -un) HOST_GROUP=$(id -gn) HOST_ROOT=0 HOST_UID=$EUID
	fi
	HOST_WEB_USER=www-data
	if ! id -u www-data >/dev/null 2>&1; then HOST_WEB_USER=nobody; fi
}

host_have_system_user() {
	if id -u dokku >/dev/null 2>&1; then return; fi
	useradd --system --user-group --no-create-home --home-dir /home/dokku --shell /bin/bash dokku >/dev/null 2>&1
	id -u dokku >/dev/null 2>&1
}

host_find_nginx() {
	local version
	HOST_NGINX=${PLATFORM_NGINX:-$(command -v nginx || echo /usr/sbin/nginx)}
	version=$("$HOST_NGINX" -v 2>&1)
	version=${version##*/}
	HOST_HTTP2_OPTION=(http2)
	if [[ $(printf '%s\n1.25.1\n' "${version%% *}" | sort -V | head -n 1) == 1.25.1 ]]; then HOST_HTTP2_OPTION=(); fi
}

host_write_facts() { # FIRST_PORT
	local distribution
	distribution=$(sed -n 's/^ID=//p' /etc/os-release)
	HOST_IPV6=
	if grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null; then HOST_IPV6=1; fi
	cat >"$HOST/etc/host" <<-EOF
		HOST_USER=$HOST_USER HOST_GROUP=$HOST_GROUP HOST_UID=$HOST_UID HOST_ROOT=$HOST_ROOT HOST_WEB_USER=$HOST_WEB_USER
		HOST_NGINX=$HOST_NGINX HOST_HTTP2_OPTION=(${HOST_HTTP2_OPTION[*]}) HOST_IPV6=$HOST_IPV6 HOST_DISTRO=$distribution
		HOST_HTTP_PORT=$1 HOST_HTTPS_PORT=$(($1 + 1)) HOST_CA_PORT=$(($1 + 2)) HOST_CA_MANAGEMENT_PORT=$(($1 + 3))
		HOST_DNS_PORT=$(($1 + 4)) HOST_CHALLTEST_PORT=$(($1 + 5)) HOST_FREE_PORT=$(($1 + 6)) HOST_FREE_PORTS=6
		HOST_SPARE_PORT=$(($1 + 12)) HOST_SPARE_PORTS=11 HOST_BACKEND_PORT=$(($1 + 23))
	EOF
	printf '80 %s\n443 %s\n' "$1" "$(($1 + 1))" >"$HOST/run/ports"
}

# One file for each function of root/core/*: hooks, subcommands, programs and the `commands` file of each core plugin.
host_make_core_plugins() {
	local core=$HOST/var/lib/dokku/core-plugins plugins=$HOST/var/lib/dokku/plugins plugin entry file programs=() folders=()
	for plugin in "$HOST"/core/*; do folders+=("$core/available/${plugin##*/}/subcommands"); done
	mkdir -p "${folders[@]}" "$core/enabled" "$plugins/available" "$plugins/enabled"
	: >"$core/config.toml"
	: >"$plugins/config.toml"
	for plugin in "$HOST"/core/*; do
		plugin=${plugin##*/}
		printf '[plugin]\ndescription = "dokku core %s plugin"\nversion = "%s"\n[plugin.config]\n' "$plugin" "$HOST_VERSION" \
			>"$core/available/$plugin/plugin.toml"
		file=$core/available/$plugin/commands
		# shellcheck disable=SC2016 # for the stub to expand
		printf '#!/bin/bash\nHOST=%s\n. "$HOST/core/%s"\nanswer_help %s "$@"\n' "$HOST" "$plugin" "$plugin" >"$file"
		programs+=("$file")
	done
	while IFS=: read -r plugin entry file; do
		host_write_stub "$plugin" "$entry" "$file" "$core/available/${plugin##*/}"
		programs+=("$REPLY")
	done < <(grep -oHE '^(trigger|command|program):[^(]+' "$HOST"/core/*)
	chmod 755 "${programs[@]}"
	ln -s -t "$core/enabled" "$core"/available/*
	ln -s -t "$plugins/available" "$core"/available/*
	ln -s -t "$plugins/enabled" "$plugins"/available/*
}

host_write_stub() { # SOURCE KIND NAME FOLDER, sets REPLY to the file
	local folder=$4 shift=''
	if [[ $2 == command ]]; then
		folder+=/subcommands
		shift=$'shift\n'
	fi
	REPLY=$folder/$3
	# shellcheck disable=SC2016 # for the stub to expand
	printf '#!/bin/bash\nHOST=%s\n. "%s"\n%s%s:%s "$@"\n' "$HOST" "$1" "$shift" "$2" "$3" >"$REPLY"
}

host_make_tree() {
	local status
	mkdir -p "$HOST"/{etc/default,etc/cron.d,etc/systemd/system,faults,log,run/{requests,containers,retiring},tmp,home/dokku,var/{cache,crontab}} \
		"$HOST"/var/{log/dokku,lib/dokku/{config,data/nginx-vhosts/dokku-errors}}
	cp -r "$PLATFORM"/root/. "$HOST/"
	chmod -R go+rX "$HOST"/bin "$HOST"/lib "$HOST"/core
	cp "$HOST/bin/dokku" "$HOST/bin/platform"
	: >"$HOST/log/proxy"
	: >"$HOST/log/crontab"
	echo "$HOST_VERSION" >"$HOST/var/lib/dokku/STABLE_VERSION"
	for status in "400 Bad Request" "404 Not Found" "500 Internal Server Error" "502 Bad Gateway"; do
		echo "<h1>$status</h1>" >"$HOST/var/lib/dokku/data/nginx-vhosts/dokku-errors/${status%% *}-error.html"
	done
	echo "$HOST_GLOBAL_DOMAIN" >"$HOST/home/dokku/VHOST"
	# Nothing goes out to the network: no public suffix list is fetched.
	install -D -m 600 /dev/stdin "$HOST/var/lib/dokku/config/letsencrypt/--global/public-suffix-list" <<<none
	chmod 1777 "$HOST/tmp"
	chmod 700 "$HOST/home/dokku"
	chmod 775 "$HOST/var/log/dokku"
}

host_start_broker() {
	mkfifo "$HOST/run/sudo"
	setsid "$HOST/lib/broker" </dev/null >/dev/null 2>>"$HOST/log/broker" 3>&- 4>&- &
	echo $! >"$HOST/run/broker.pid"
	disown
}

# What answers for every app behind the proxy. A container is a loopback address and a file of that name with the answer.
host_start_backend() {
	local user=
	if ((EUID == 0)); then user="user $HOST_WEB_USER;"; fi
	cat >"$HOST/etc/backend.conf" <<-EOF
		$user
		worker_processes 1;
		pid $HOST/run/backend.pid;
		events {}
		http {
			$(nginx_paths | sed 's|access_log [^;]*|access_log off|')
			default_type text/plain;
			server {
				listen $HOST_BACKEND_PORT;
				root $HOST/run/containers;
				allow 127.0.0.0/8;
				deny all;
				location / {
					try_files /\$server_addr @gone;
				}
				location @gone {
					return 444;
				}
			}
		}
	EOF
	setsid "$HOST_NGINX" -p "$HOST/var/lib/nginx" -e "$HOST/log/backend" -c "$HOST/etc/backend.conf" </dev/null >/dev/null 2>&1 3>&- 4>&-
}

# host_create [DIR]: a host with a running nginx. HOST_VERSION, HOST_GLOBAL_DOMAIN and HOST_CATCH_ALL=1 may be set before.
host_create() {
	HOST=${1:-$(mktemp -d "${TMPDIR:-/tmp}/platform.XXXXXXXX")}
	HOST_VERSION=${HOST_VERSION:-0.38.27}
	HOST_GLOBAL_DOMAIN=${HOST_GLOBAL_DOMAIN-platform.test}
	umask 022
	mkdir -p "$HOST" && HOST=$(cd "$HOST" && pwd) || return
	chmod 755 "$HOST"
	host_find_user
	host_find_nginx
	ports_reserve "$HOST" || return
	host_make_tree
	host_write_facts "$REPLY"
	host_use "$HOST"
	host_make_core_plugins
	nginx_write_configuration
	if [[ ${HOST_CATCH_ALL:-} ]]; then nginx_write_default_vhost "$HOST_HTTP_PORT" "$HOST_HTTPS_PORT"; fi
	if ((HOST_ROOT)); then
		chown -R "$HOST_USER:$HOST_GROUP" "$HOST"/home "$HOST"/var/{lib/dokku,log/dokku,cache,crontab} "$HOST"/run/{requests,containers,retiring,ports} "$HOST/log/crontab"
		host_start_broker
		chown "$HOST_USER" "$HOST/run/sudo"
		if ! setpriv --reuid="$HOST_USER" --regid="$HOST_GROUP" --init-groups test -r "$HOST/home/dokku"; then
			echo "platform: user $HOST_USER cannot reach $HOST: take a folder whose parents everybody may enter" >&2
			return 1
		fi
	fi
	nginx_start
	host_start_backend
}

# Makes DIR the host that the other functions work on.
# shellcheck disable=SC2034 # for the tests
host_use() { # DIR
	HOST=$1
	# shellcheck source=/dev/null
	. "$HOST/etc/host"
	HOST_ROOT_FOLDER=$HOST/home/dokku
	HOST_LIB_FOLDER=$HOST/var/lib/dokku
	HOST_DATA_FOLDER=$HOST/var/lib/dokku/data/letsencrypt
	HOST_CA_DIRECTORY=https://localhost:$HOST_CA_PORT/dir
	HOST_CA_CERT=$HOST/ca/tls-root.pem
}

# Every process that runs with this host's environment, a worker that a hook has left behind included.
host_processes() {
	local file pid
	while IFS= read -r file; do
		pid=${file#/proc/}
		pid=${pid%/environ}
		if [[ $pid != "$$" && $pid != "$BASHPID" ]] && process_alive "$pid"; then echo "$pid"; fi
	done < <(grep -lzsxF "DOKKU_LIB_ROOT=$HOST/var/lib/dokku" /proc/[0-9]*/environ)
}

host_end_processes() {
	local pids deadline=$((SECONDS + 3))
	mapfile -t pids < <(host_processes)
	if ((${#pids[@]} == 0)); then return 0; fi
	kill -TERM "${pids[@]}" 2>/dev/null || true
	while ((SECONDS < deadline)) && [[ $(host_processes) ]]; do sleep 0.05; done
	mapfile -t pids < <(host_processes)
	if ((${#pids[@]})); then kill -KILL "${pids[@]}" 2>/dev/null || true; fi
}

# host_destroy [DIR]: ends what the host has started, frees its ports, removes the folder.
host_destroy() {
	local balancer balancers directory=${1:-${HOST:-}}
	if [[ -z $directory || ! -f $directory/etc/host ]]; then return 0; fi
	host_use "$directory"
	host_end_processes
	host_ca_stop
	nginx_stop
	if [[ -s $HOST/run/backend.pid ]]; then process_end TERM "$(<"$HOST/run/backend.pid")"; fi
	mapfile -t balancers < <(cat "$HOST/run/balancers" 2>/dev/null)
	for balancer in "${balancers[@]}"; do process_end TERM "$balancer"; done
	if [[ -s $HOST/run/broker.pid ]]; then kill "$(<"$HOST/run/broker.pid")" 2>/dev/null || true; fi
	ports_release "$HOST_HTTP_PORT"
	rm -rf "${HOST:?}"
	HOST=
}

# ---- using it ----

# host_run [NAME=VALUE...] WORD...: `dokku WORD...` in a clean environment, as the caller (root becomes user dokku as on a real host).
# HOST_WRAPPER=(PROGRAM OPTION...) runs it under another program, as strace.
host_run() {
	local environment=("PATH=$HOST/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "HOME=${HOME:-/}" "USER=$(id -un)" LANG=C.UTF-8
		"GIT_CONFIG_GLOBAL=$HOST/etc/gitconfig" "${HOST_ENVIRONMENT[@]}")
	while [[ ${1:-} =~ ^[A-Za-z_][A-Za-z0-9_]*= ]]; do
		environment+=("$1")
		shift
	done
	env -i "${environment[@]}" "${HOST_WRAPPER[@]}" "$HOST/bin/dokku" "$@" 3>&- 4>&-
}

# host_ssh COMMAND [NAME=VALUE...]: the command line that somebody sends over ssh.
host_ssh() {
	local line=$1
	shift
	host_run SSH_ORIGINAL_COMMAND="$line" NAME=admin FINGERPRINT=SHA256:0000 "$@"
}

# host_trigger HOOK ARG...: as user dokku
host_trigger() { host_run plugin:trigger "$@"; }

# Like host_run, but says something only when it fails.
host_quietly() {
	local output status=0
	output=$(host_run "$@" 2>&1 </dev/null) || status=$?
	if ((status)); then printf '%s\n' "dokku $*: exit $status" "$output" >&2; fi
	return "$status"
}

# host_app NAME [DOMAIN...]: creates an app; without domains it has NAME.platform.test.
host_app() {
	local app=$1
	shift
	host_quietly apps:create "$app" || return
	if (($#)); then host_quietly domains:set "$app" "$@"; fi
}

# host_apps COUNT [PREFIX [SUFFIX]]: PREFIX1..COUNT with one domain each, PREFIXn.SUFFIX, deployed, without going through the commands (a
# thousand apps in seconds); nginx is left as it is unless host_rebuild follows.
host_apps() {
	local count=$1 prefix=${2:-app} suffix=${3:-$HOST_GLOBAL_DOMAIN} number address folders=() settings=$HOST/var/lib/dokku/config containers
	containers=("$HOST"/run/containers/*)
	for ((number = 1; number <= count; number++)); do
		folders+=("$HOST/home/dokku/$prefix$number" "$settings/common/$prefix$number" "$settings/apps/$prefix$number")
	done
	mkdir -p "${folders[@]}"
	for ((number = 1; number <= count; number++)); do
		echo "$prefix$number.$suffix" >"$HOST/home/dokku/$prefix$number/VHOST"
		printf true >"$settings/common/$prefix$number/deployed"
		printf '%s' "$EPOCHSECONDS" >"$settings/apps/$prefix$number/created-at"
		address=$((number + ${#containers[@]}))
		address=127.251.$((address / 250)).$((address % 250 + 1))
		echo "app $prefix$number" >"$HOST/run/containers/$address"
		echo "$address" >"$HOST/home/dokku/$prefix$number/IP.web.1"
		echo "$HOST_BACKEND_PORT" >"$HOST/home/dokku/$prefix$number/PORT.web.1"
	done
	chmod 600 "$settings"/common/*/deployed "$settings"/apps/*/created-at
	if ((HOST_ROOT)); then chown -R "$HOST_USER:$HOST_GROUP" "${folders[@]}" "$settings/common" "$settings/apps" "$HOST/run/containers"; fi
}

# host_rebuild: every app's nginx.conf, as `proxy:build-config --all`
host_rebuild() { host_quietly proxy:build-config --all; }

# host_deploy APP: the whole pipeline of hooks, as a `ps:rebuild`
host_deploy() { host_run ps:rebuild "$1" </dev/null; }

# host_push APP [LINES]: as `git push`; the deploy's stdin carries LINES, "old new ref" each, and its environment says where git is at it
host_push() {
	local repository=$HOST/home/dokku/$1
	printf '%s\n' "${2:-0000 $EPOCHSECONDS refs/heads/master}" |
		host_run GIT_DIR=. GIT_OBJECT_DIRECTORY="$repository/objects/tmp_objdir-incoming" GIT_QUARANTINE_PATH="$repository/objects/tmp_objdir-incoming" git-hook "$1"
}

# host_template APP LOCATION [LISTEN_OPTION]: the app's repository has, from its next deploy on, a template of its own, which says "template" at LOCATION
host_template() {
	local file=$HOST/home/dokku/$1/source/nginx.conf.sigil
	mkdir -p "${file%/*}"
	cat >"$file" <<-EOF
		upstream {{ .APP }}-5000 { server {{ .DOKKU_APP_WEB_LISTENERS }}; }
		server {
		  listen {{ \$.NGINX_BIND_ADDRESS_IP4 }}:{{ .PROXY_PORT }}${3:+ $3};
		{{ if .SSL_INUSE }}
		  listen {{ \$.NGINX_BIND_ADDRESS_IP4 }}:{{ .PROXY_SSL_PORT }} ssl${3:+ $3};
		  ssl_certificate {{ .APP_SSL_PATH }}/server.crt;
		  ssl_certificate_key {{ .APP_SSL_PATH }}/server.key;
		{{ end }}
		  server_name {{ .NOSSL_SERVER_NAME }};
		  location $2 { return 200 "template\n"; }
		  location / { proxy_pass http://{{ .APP }}-5000; }
		  include {{ .DOKKU_ROOT }}/{{ .APP }}/nginx.conf.d/*.conf;
		}
	EOF
	if ((HOST_ROOT)); then chown -R "$HOST_USER:$HOST_GROUP" "${file%/*}"; fi
}

# host_balancer FROM TO: a load balancer, that hands what comes in at the address FROM on to TO, and says by the PROXY protocol where it came from
host_balancer() {
	setsid "$HOST/lib/balancer" "$@" "$HOST_HTTP_PORT" "$HOST_HTTPS_PORT" </dev/null >/dev/null 2>>"$HOST/log/balancer" 3>&- 4>&- &
	echo $! >>"$HOST/run/balancers"
	disown
	host_until 5 host_curl --output /dev/null --max-time 2 --connect-timeout 1 "http://$1:$HOST_HTTP_PORT/"
}

# host_boot: the machine restarts. Every process is gone and every container, then apps are restored.
host_boot() {
	host_end_processes
	nginx_stop
	find "$HOST/run/containers" "$HOST/run/retiring" -type f -delete
	nginx_start
	host_quietly ps:restore
}

# ---- the plugin ----

# The project's files as they lie there, tracked or new.
host_copy_project() { # TARGET
	mkdir -p "$1"
	if git -c safe.directory='*' -C "$PROJECT" rev-parse >/dev/null 2>&1; then
		git -c safe.directory='*' -C "$PROJECT" ls-files -z --cached --others --exclude-standard |
			tar -c -C "$PROJECT" --null --ignore-failed-read --files-from=- 2>/dev/null | tar -x -C "$1" --no-same-owner
	else
		tar -c -C "$PROJECT" --exclude=./build . | tar -x -C "$1" --no-same-owner
	fi
}

host_install_hook() {
	local environment=(LETSENCRYPT_DISABLE_PULL=true)
	host_run "${environment[@]}" plugin:install
}

# host_redirect FOLDER: what the scripts of the plugin there do in /etc, they do in the host's own.
host_redirect() {
	local script
	for script in "$1"/{install,uninstall}; do
		if [[ ! -f $script ]]; then continue; fi
		sed -i -e "s|^certbot=.*|certbot=$HOST/etc/letsencrypt|" -e "s|^units=.*|units=$HOST/etc/systemd/system|" \
			-e "s|^cron_folder=.*|cron_folder=$HOST/etc/cron.d|" "$script"
	done
}

# The project's HEAD, with one commit on it that keeps its scripts out of this machine's /etc.
host_clone_project() { # TARGET
	local git=(env GIT_CONFIG_GLOBAL="$HOST/etc/gitconfig" git -c user.name=host -c user.email=host@platform.test)
	git config --file "$HOST/etc/gitconfig" --add safe.directory '*'
	"${git[@]}" clone -q "$PROJECT" "$1" && host_redirect "$1" && "${git[@]}" -C "$1" commit -q --allow-empty -am 'In a folder'
}

# The working tree, built once: copies of the built plugin are kept by the content of the tree.
host_install_copy() {
	local target=$HOST/var/lib/dokku/plugins/available/letsencrypt key kept
	host_copy_project "$target"
	key=$(cd "$target" && find . -type f ! -path './tests/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum)
	kept=$PLATFORM_CACHE/${key%% *}
	mkdir -p "$PLATFORM_CACHE"
	exec {lock}>"$PLATFORM_CACHE/lock"
	flock "$lock"
	if [[ -d $kept ]]; then
		rm -rf "$target"
		cp -a "$kept" "$target"
	fi
	host_redirect "$target"
	ln -sfn "$target" "$HOST/var/lib/dokku/plugins/enabled/letsencrypt"
	if ! host_install_hook {lock}>&-; then
		exec {lock}>&-
		return 1
	fi
	if [[ ! -d $kept ]]; then
		rm -rf "$PLATFORM_CACHE"/[0-9a-f]*
		cp -a "$target" "$kept.new" && mv "$kept.new" "$kept"
	fi
	exec {lock}>&-
}

# host_install_plugin [--clone]: the working tree, built at most once for all hosts; with --clone the project's HEAD by `plugin:install file://…`.
host_install_plugin() {
	local status=0 output
	if [[ ${1:-} == --clone ]]; then
		output=$(host_clone_project "$HOST/tmp/project-clone" 2>&1 &&
			host_run LETSENCRYPT_DISABLE_PULL=true plugin:install "file://$HOST/tmp/project-clone" --name letsencrypt 2>&1 </dev/null) || status=$?
	else
		output=$(host_install_copy 2>&1 </dev/null) || status=$?
	fi
	if ((status)); then printf '%s\n' "installing the plugin failed: exit $status" "$output" >&2; fi
	return "$status"
}

# host_plugin NAME: an empty third-party plugin, enabled; prints its folder. The test writes the hooks.
host_plugin() {
	local folder=$HOST/var/lib/dokku/plugins/available/$1
	mkdir -p "$folder/subcommands"
	printf '[plugin]\ndescription = "%s"\nversion = "0.1.0"\n[plugin.config]\n' "$1" >"$folder/plugin.toml"
	ln -sfn "$folder" "$HOST/var/lib/dokku/plugins/enabled/$1"
	echo "$folder"
}

# host_community NAME...: plugins of tests/platform/plugins, enabled
host_community() {
	local name folder kind entry
	mkdir -p "$HOST/plugins"
	cp "$PLATFORM"/plugins/* "$HOST/plugins/"
	for name in "$@"; do
		folder=$(host_plugin "$name")
		while IFS=: read -r kind entry; do
			host_write_stub "$HOST/plugins/$name" "$kind" "$entry" "$folder"
			chmod 755 "$REPLY"
		done < <(grep -oE '^(trigger|command):[^(]+' "$HOST/plugins/$name")
		install -d -o "$HOST_USER" -g "$HOST_GROUP" "$HOST/var/lib/dokku/data/$name"
	done
}

# host_hook PLUGIN FILE: makes the hook or subcommand FILE of a plugin of host_plugin; the body is read from stdin.
host_hook() {
	local file=$HOST/var/lib/dokku/plugins/available/$1/$2
	{
		printf '#!/usr/bin/env bash\n'
		cat
	} >"$file"
	chmod 755 "$file"
}

# ---- looking at it ----

# host_reloads [core|plugin], host_tests [core|plugin]: how many reloads of nginx, and tests of its configuration, this host has seen
host_reloads() { host_count reload "${1:-}"; }
host_tests() { host_count 'test(-file)?' "${1:-}"; }

host_count() { # ACTION CALLER
	grep -cE "^[0-9.,]+ ${2:-[a-z]+} $1 " "$HOST/log/proxy"
	return 0
}

# host_fault ACTION STATUS: from now on test, test-file, reload, start or stop fails; host_mend ACTION ends that.
host_fault() {
	echo "${2:-1}" >"$HOST/faults/$1"
}

host_mend() { rm -f "$HOST/faults/$1"; }

# host_until SECONDS WORD...: repeats a condition until it holds; fails at the deadline.
host_until() {
	local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift
	until "$@"; do
		if ((${EPOCHREALTIME/[.,]/} >= deadline)); then return 1; fi
		sleep 0.03
	done
}

# Everything that is asked here is on this machine, whatever proxies the environment names.
host_curl() { curl --noproxy '*' --silent "$@" 3>&-; }

# host_http_get NAME [PATH [CURL_OPTION...]], host_https_get: asks this host's nginx. HTTPS trusts the CA of host_ca_start, if it runs.
host_http_get() {
	host_curl --show-error --max-time 20 --connect-to "::127.0.0.1:$HOST_HTTP_PORT" "${@:3}" "http://$1${2:-/}"
}

host_https_get() {
	local trust=(--insecure)
	if [[ -s $HOST/ca/roots.pem ]]; then trust=(--cacert "$HOST/ca/roots.pem"); fi
	host_curl --show-error --max-time 20 --connect-to "::127.0.0.1:$HOST_HTTPS_PORT" "${trust[@]}" "${@:3}" "https://$1${2:-/}"
}

# host_served NAME: the leaf that nginx shows for a name, PEM
host_served() {
	openssl s_client -connect "127.0.0.1:$HOST_HTTPS_PORT" -servername "$1" </dev/null 2>/dev/null 3>&- | openssl x509 2>/dev/null
}

host_crontab() {
	if [[ -f $HOST/var/crontab/dokku ]]; then cat "$HOST/var/crontab/dokku"; fi
}

# What a daemon starts as the platform's user: short PATH, no terminal, no USER, stdin empty.
host_as_daemon() { # PATH SHELL COMMAND
	local run=(env -i "PATH=$1" "HOME=$HOST/home/dokku" "LOGNAME=$HOST_USER" "SHELL=$2" "${HOST_ENVIRONMENT[@]}" "$2" -c "$3")
	if ((HOST_ROOT)); then run=(setpriv "--reuid=$HOST_USER" "--regid=$HOST_GROUP" --init-groups "${run[@]}"); fi
	(cd / && "${run[@]}" </dev/null 3>&- 4>&-)
}

# host_cron_run: every line of the crontab once, as cron would.
host_cron_run() {
	local line path status=0
	path=$(host_crontab | sed -n 's/^PATH=//p')
	while IFS= read -r line; do
		if [[ $line =~ ^([^[:space:]]+[[:space:]]+){5}(.*)$ && $line != *=/* ]]; then
			host_as_daemon "$path" /bin/bash "${BASH_REMATCH[2]}" || status=$?
		fi
	done < <(host_crontab)
	return "$status"
}

# host_systemd on|off: whether systemd runs here. Its units are not started by it, but by host_schedule_run.
host_systemd() {
	if [[ $1 == on ]]; then : >"$HOST/run/systemd"; else rm -f "$HOST/run/systemd"; fi
}

# host_schedule_run: what the host's own schedule starts, once: the service of each timer that is enabled, if systemd runs, else the lines in etc/cron.d.
host_schedule_run() {
	local path=$HOST/bin:/usr/local/bin:/usr/bin:/bin file unit line status=0
	if [[ -e $HOST/run/systemd ]]; then
		for file in "$HOST"/run/enabled/*.timer; do
			unit=$HOST/etc/systemd/system/${file##*/}
			if [[ ! -f $unit ]]; then continue; fi
			line=$(sed -n "s|^ExecStart=/bin/sh -c '\(.*\)'$|\1|p" "${unit%.timer}.service")
			host_as_daemon "$path" /bin/sh "$line" || status=$?
		done
		return "$status"
	fi
	for file in "$HOST"/etc/cron.d/*; do
		# Names with a dot are none of cron's.
		if [[ ! -f $file || ${file##*/} == *.* ]]; then continue; fi
		while IFS= read -r line; do
			if [[ $line =~ ^([0-9*]+[[:space:]]+){5}([a-z0-9_-]+)[[:space:]]+(.*)$ && ${BASH_REMATCH[2]} == "$HOST_USER" ]]; then
				host_as_daemon "$path" /bin/sh "${BASH_REMATCH[3]}" || status=$?
			fi
		done <"$file"
	done
	return "$status"
}

# SPDX-License-Identifier: MIT
#
# This host's nginx: its main configuration, test, start, reload, stop. Nothing here touches an nginx that the machine runs besides.
# shellcheck shell=bash

nginx_run() {
	"$HOST_NGINX" -p "$HOST/var/lib/nginx" -e "$HOST/var/log/nginx/error.log" "$@"
}

nginx_configuration() { printf '%s\n' "$HOST/etc/nginx/nginx.conf"; }

# A dead process that nobody has waited for yet does not count.
process_alive() { # PID
	local status
	{ read -r status <"/proc/$1/stat"; } 2>/dev/null && [[ $status != *') Z '* ]]
}

process_end() { # SIGNAL PID: waits until it is gone, by force in the end
	local deadline=$((SECONDS + 10))
	kill "-$1" "$2" 2>/dev/null || true
	while process_alive "$2" && ((SECONDS < deadline)); do sleep 0.02; done
	if process_alive "$2"; then kill -KILL "$2" 2>/dev/null || true; fi
}

nginx_pid() {
	REPLY=
	if [[ -s $HOST/run/nginx.pid ]]; then REPLY=$(<"$HOST/run/nginx.pid"); fi
	[[ $REPLY ]] && process_alive "$REPLY"
}

nginx_running() {
	nginx_pid
}

nginx_test() {
	nginx_run -c "$(nginx_configuration)" -t
}

# http-level paths that would else be the compiled-in defaults, as one line; those that FILE sets itself are left out
nginx_paths() { # [FILE]
	local module
	for module in client_body proxy fastcgi uwsgi scgi; do
		if ! grep -qs "^[[:space:]]*${module}_temp_path[[:space:]]" "${1:-/dev/null}"; then
			printf '%s_temp_path %s/var/lib/nginx/%s; ' "$module" "$HOST" "$module"
		fi
	done
	if ! grep -qs '^[[:space:]]*access_log[[:space:]]' "${1:-/dev/null}"; then printf 'access_log %s/var/log/nginx/access.log; ' "$HOST"; fi
}

# A file of somebody else's is tested beside itself (its includes are relative to it), with the compiled-in paths pointed into the host; the
# lines keep their numbers and messages their file name.
nginx_test_file() { # FILE [ARGUMENT...]
	local file=$1 copy status=0 global='' output
	shift
	if [[ ! -f $file ]]; then
		nginx_run -t -c "$file" "$@"
		return
	fi
	if ! grep -Eq '^[[:space:]]*pid[[:space:]]' "$file"; then global="pid $HOST/run/test.pid;"; fi
	copy=$(mktemp "${file%/*}/.test.XXXXXX") || return 1
	sed -E "0,/^[[:space:]]*http[[:space:]]*\{/s|^([[:space:]]*http[[:space:]]*\{)|\1 $(nginx_paths "$file")|" "$file" >"$copy"
	output=$(nginx_run -t -c "$copy" ${global:+-g "$global"} "$@" 2>&1) || status=$?
	rm -f "$copy"
	if [[ $output ]]; then printf '%s\n' "${output//"$copy"/"$file"}" >&2; fi
	return "$status"
}

nginx_start() {
	if nginx_running; then return 0; fi
	nginx_run -c "$(nginx_configuration)" </dev/null >/dev/null 2>>"$HOST/log/nginx-start" 3>&- 4>&-
}

# A machine under load: the reload is accepted, and effective only later.
nginx_reload_late() { # PID SECONDS
	sleep "$2"
	kill -HUP "$1"
}

# As nginx.service does it: reads the configuration, then sends HUP to the master.
nginx_reload() {
	if ! nginx_running; then
		echo "nginx.service is not active, cannot reload." >&2
		return 1
	fi
	if [[ -f $HOST/faults/slow-reload ]]; then
		nginx_reload_late "$REPLY" "$(<"$HOST/faults/slow-reload")" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	elif ! nginx_run -c "$(nginx_configuration)" -s reload 2>>"$HOST/log/nginx-start"; then
		echo "Job for nginx.service failed." >&2
		return 1
	fi
}

nginx_stop() {
	if ! nginx_pid; then return 0; fi
	process_end TERM "$REPLY"
	rm -f "$HOST/run/nginx.pid"
}

nginx_write_configuration() {
	local directory=$HOST/etc/nginx user=
	mkdir -p "$directory/conf.d" "$directory/modules-enabled" "$HOST/var/lib/nginx" "$HOST/var/log/nginx"
	cp /etc/nginx/mime.types "$directory/" 2>/dev/null || printf 'types { text/html html; }\n' >"$directory/mime.types"
	if ((EUID == 0)); then user="user $HOST_WEB_USER;"; fi
	cat >"$directory/nginx.conf" <<-EOF
		$user
		worker_processes 1;
		pid $HOST/run/nginx.pid;
		error_log $HOST/var/log/nginx/error.log;
		include $directory/modules-enabled/*.conf;
		events {
			worker_connections 768;
		}
		http {
			$(nginx_paths | sed 's/; */;\n\t/g')
			sendfile on;
			types_hash_max_size 2048;
			include $directory/mime.types;
			default_type application/octet-stream;
			ssl_protocols TLSv1.2 TLSv1.3;
			gzip on;
			include $directory/conf.d/*.conf;
		}
	EOF
	cat >"$directory/conf.d/dokku.conf" <<-EOF
		include $HOST/home/dokku/*/nginx.conf;
		server_tokens off;
		ssl_session_cache shared:SSL:1m;
		ssl_session_timeout 10m;
		ssl_prefer_server_ciphers off;
	EOF
	echo "server_names_hash_bucket_size 512;" >"$directory/conf.d/server_names_hash_bucket_size.conf"
}

# The catch-all of fresh installations since 0.38.0.
nginx_write_default_vhost() { # HTTP_PORT HTTPS_PORT
	local port
	{
		printf 'server {\n'
		for port in "$1" "$2 ssl"; do
			printf '  listen 127.0.0.1:%s default_server;\n' "$port"
			if [[ $HOST_IPV6 ]]; then printf '  listen [::1]:%s default_server;\n' "$port"; fi
		done
		printf '  ssl_reject_handshake on;\n  server_name _;\n  access_log off;\n  return 444;\n}\n'
	} >"$HOST/etc/nginx/conf.d/00-default-vhost.conf"
}

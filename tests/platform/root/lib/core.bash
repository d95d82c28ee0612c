# SPDX-License-Identifier: MIT
#
# What the core stubs share: log lines, properties, and the facts of an app. Sourced by every hook and subcommand of the core plugins; a function
# `trigger:X` of core/NAME becomes the hook X of that plugin, `command:X` its subcommand X, `word:X` a word that its `commands` file answers.
# shellcheck shell=bash

set -eo pipefail
shopt -s nullglob
LC_COLLATE=C
# shellcheck source=/dev/null
. "$HOST/etc/host"

info1() { printf -- '-----> %s\n' "$*"; }
info2() { printf '=====> %s\n' "$*"; }
verbose() { printf '       %s\n' "$*"; }
warn() { printf ' !     %s\n' "$*" >&2; }

info2_quiet() {
	if [[ -z ${DOKKU_QUIET_OUTPUT:-} ]]; then info2 "$@"; fi
}

fail() {
	warn "$@"
	exit "${DOKKU_FAIL_EXIT_CODE:-1}"
}

# Core's own calls are counted apart from everybody else's (see lib/privileged).
core_sudo() { PLATFORM_CALLER=core sudo "$@"; }

own() {
	if ((EUID == 0)); then chown "$HOST_USER:$HOST_GROUP" "$@"; fi
}

# ---- properties: $L/config/PLUGIN/APP/KEY ----

property_file() { printf -v REPLY '%s/config/%s/%s/%s' "$DOKKU_LIB_ROOT" "$1" "$2" "$3"; }

property_get() { # PLUGIN APP KEY [DEFAULT], sets REPLY
	property_file "$1" "$2" "$3"
	if [[ -f $REPLY ]]; then REPLY=$(<"$REPLY"); else REPLY=${4:-}; fi
}

property_set() { # PLUGIN APP KEY VALUE
	local directory
	property_file "$1" "$2" "$3"
	directory=${REPLY%/*}
	if [[ ! -d $directory ]]; then
		mkdir -p "$directory" && chmod 755 "$directory"
		own "$directory" "${directory%/*}"
	fi
	(umask 077 && printf '%s' "$4" >"$REPLY")
	chmod 600 "$REPLY"
	own "$REPLY"
}

property_delete() { # PLUGIN APP KEY
	property_file "$1" "$2" "$3"
	rm -f "$REPLY"
}

property_setup() { # PLUGIN
	mkdir -p "$DOKKU_LIB_ROOT/config/$1" && chmod 755 "$DOKKU_LIB_ROOT/config/$1"
	own "$DOKKU_LIB_ROOT/config" "$DOKKU_LIB_ROOT/config/$1"
}

property_destroy() { # PLUGIN APP
	if [[ $2 == _all_ ]]; then rm -rf "$DOKKU_LIB_ROOT/config/$1"; else rm -rf "$DOKKU_LIB_ROOT/config/$1/$2"; fi
}

property_clone() { # PLUGIN OLD NEW
	local file
	for file in "$DOKKU_LIB_ROOT/config/$1/$2"/*; do
		property_set "$1" "$3" "${file##*/}" "$(<"$file")"
	done
}

# A list property has one item a line, each with its newline. Reads into REPLIES, writes the arguments.
list_get() { # PLUGIN APP KEY
	property_file "$1" "$2" "$3"
	REPLIES=()
	if [[ -f $REPLY ]]; then mapfile -t REPLIES <"$REPLY"; fi
}

list_set() { # PLUGIN APP KEY ITEM...
	local plugin=$1 app=$2 key=$3 text=''
	shift 3
	if (($#)); then printf -v text '%s\n' "$@"; fi
	property_set "$plugin" "$app" "$key" "$text"
}

# `X:set` of core: a value sets, none deletes, and no trigger is fired.
property_command() { # PLUGIN APP KEY [VALUE]
	if [[ $2 != --global ]]; then verify_app "$2"; fi
	if [[ ${4:-} ]]; then
		info2_quiet "Setting $3 to $4"
		property_set "$1" "$2" "$3" "$4"
	else
		info2_quiet "Unsetting $3"
		property_delete "$1" "$2" "$3"
	fi
}

# ---- configuration: $L/config/APP/ENV, lines `export KEY='VALUE'` ----

config_file() { printf -v REPLY '%s/config/%s/ENV' "$DOKKU_LIB_ROOT" "$1"; }

config_get() { # APP KEY, sets REPLY
	local line value=
	config_file "$1"
	if [[ -f $REPLY ]]; then
		while IFS= read -r line; do
			if [[ $line == "export $2="* ]]; then
				value=${line#*=\'}
				value=${value%\'}
			fi
		done <"$REPLY"
	fi
	REPLY=$value
}

config_write() { # APP KEY [VALUE]: without value the key goes
	local line lines=()
	config_file "$1"
	if [[ -f $REPLY ]]; then
		while IFS= read -r line; do
			if [[ $line != "export $2="* ]]; then lines+=("$line"); fi
		done <"$REPLY"
	fi
	if (($# > 2)); then lines+=("export $2='$3'"); fi
	list_set_file "$REPLY" "${lines[@]}"
}

list_set_file() { # FILE LINE...
	local file=$1 directory=${1%/*}
	shift
	if [[ ! -d $directory ]]; then
		mkdir -p "$directory"
		own "$directory"
	fi
	: >"$file"
	if (($#)); then printf '%s\n' "$@" >"$file"; fi
	own "$file"
}

# ---- apps ----

app_names() {
	local directory name
	for directory in "$DOKKU_ROOT"/*/; do
		name=${directory%/}
		name=${name##*/}
		if [[ $name != [A-Z]* ]]; then echo "$name"; fi
	done
}

valid_app_name() { [[ $1 =~ ^[a-z0-9][a-z0-9.-]*$ ]]; }

verify_app() {
	if [[ -z ${1:-} || ! -d $DOKKU_ROOT/$1 ]]; then DOKKU_FAIL_EXIT_CODE=20 fail "App ${1:-} does not exist"; fi
}

has_certificate() { [[ -f $DOKKU_ROOT/$1/tls/server.crt && -f $DOKKU_ROOT/$1/tls/server.key ]]; }

vhosts_enabled() {
	config_get "$1" NO_VHOST
	[[ $REPLY != 1 ]]
}

app_domains() {
	if vhosts_enabled "$1" && [[ -f $DOKKU_ROOT/$1/VHOST ]]; then cat "$DOKKU_ROOT/$1/VHOST"; fi
}

proxy_type() {
	property_get proxy --global type nginx
	property_get proxy "$1" type "$REPLY"
	echo "$REPLY"
}

proxy_enabled() {
	property_get proxy "$1" disabled false
	[[ $REPLY != true ]]
}

scheduler_of() {
	property_get scheduler --global selected docker-local
	property_get scheduler "$1" selected "$REPLY"
	echo "$REPLY"
}

# Asked for the first time, the answer is kept until a deploy is done.
is_deployed() {
	property_get common "$1" deployed
	if [[ -z $REPLY ]]; then
		if [[ $(scheduler_of "$1") == null ]]; then REPLY=true; else REPLY=false; fi
		property_set common "$1" deployed "$REPLY"
		property_get common "$1" deployed
	fi
	[[ $REPLY == true ]]
}

# ADDRESS:PORT of the app's web process, if it has one.
listeners() { # APP
	local folder=$DOKKU_ROOT/$1
	property_get network "$1" static-web-listener
	if [[ $REPLY ]]; then
		echo "$REPLY"
	elif [[ -s $folder/IP.web.1 ]]; then
		echo "$(<"$folder/IP.web.1"):$(<"$folder/PORT.web.1")"
	fi
}

# ---- containers: each has a loopback address of its own, at which the host's backend says the name of the app ----

container_start() { # APP, sets REPLY to the address
	local folder=$HOST/run/containers
	until
		REPLY=127.$((RANDOM % 250 + 1)).$((RANDOM % 250)).$((RANDOM % 250 + 1))
		(umask 022 && set -o noclobber && printf 'app %s\n' "$1" >"$folder/$REPLY") 2>/dev/null
	do :; done
}

# Sets REPLY to the address of the app's container.
is_running() { # APP
	REPLY=
	if [[ ! -s $DOKKU_ROOT/$1/IP.web.1 ]]; then return 1; fi
	REPLY=$(<"$DOKKU_ROOT/$1/IP.web.1")
	[[ -s $HOST/run/containers/$REPLY ]]
}

# What a certificate adds to a map that was detected: the TLS side of each plain entry.
with_tls() { # APP MAP...
	local map tls=()
	property_get ports "$1" proxy-ssl-port
	shift
	for map in "$@"; do
		if [[ $map == http:80:* ]]; then tls+=("https:${REPLY:-443}:${map##*:}"); fi
	done
	if ((${#tls[@]})); then
		printf '%s\n' "$@" "${tls[@]}"
	else
		printf '%s\n' "${@/#http:/https:}"
	fi
}

# The explicit map, else the detected one, else the default; never empty.
app_ports() {
	list_get ports "$1" map
	if ((${#REPLIES[@]} == 0)); then
		list_get ports "$1" map-detected
		if ((${#REPLIES[@]} == 0)); then
			property_get ports "$1" proxy-port
			REPLIES=("http:${REPLY:-80}:5000")
		fi
		if has_certificate "$1" || [[ $(plugn trigger certs-force "$1") == true ]]; then
			mapfile -t REPLIES < <(with_tls "$1" "${REPLIES[@]}")
		fi
	fi
	printf '%s\n' "${REPLIES[@]}"
}

# ---- help: the answer of every core plugin's `commands` ----

# Short for `dokku help`, long for `dokku help --all`: only the parent's command line tells.
answer_help() { # PLUGIN WORD...
	local plugin=$1 parent
	shift
	case ${1:-} in
	help)
		mapfile -d '' -t parent <"/proc/$PPID/cmdline"
		if [[ " ${parent[*]} " == *--all* ]]; then help_commands "$plugin"; else printf '    %s, Manage %s\n' "$plugin" "$plugin"; fi
		;;
	"$plugin:help")
		printf 'Usage: dokku %s[:COMMAND]\n\nManage %s\n\nAdditional commands:\n' "$plugin" "$plugin"
		help_commands "$plugin" | LC_ALL=C sort | column -t -s,
		;;
	*)
		if declare -F "word:${1:-}" >/dev/null; then "word:$1" "${@:2}"; else exit "$DOKKU_NOT_IMPLEMENTED_EXIT"; fi
		;;
	esac
}

help_commands() {
	local name
	while read -r _ _ name; do
		if [[ $name == command:* ]]; then printf '    %s:%s <app>, Do %s\n' "$1" "${name#command:}" "${name#command:}"; fi
	done < <(declare -F)
}

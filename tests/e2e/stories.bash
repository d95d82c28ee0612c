# SPDX-License-Identifier: MIT
#
# What happens to apps in their lives, and what of it reaches their certificates: rows of stories.tsv, one after the other on one host. After each, whatever it
# was about, the same must hold: see `holds`. STORY=PATTERN runs the rows with such names alone.
# shellcheck shell=bash disable=SC2154

# shellcheck source=/dev/null
. "${BATS_TEST_DIRNAME}/story.bash"

stories_setup() {
	core_setup
	# Machines that were booted a minute ago run tests too: this clock says that it was yesterday.
	set_clock 0
	host_community http-auth maintenance redirect
	host_quietly letsencrypt:set --global deploy-wait 60
}

# ---- steps: words of a terminal, but for these ----

step_app() { host_app "$@"; } # APP [DOMAIN...]
step_deploy() { host_deploy "$1"; }
step_boot() { host_boot; }
step_template() { host_template "$@"; }
step_no-template() { rm "$HOST_ROOT_FOLDER/$1/source/nginx.conf.sigil"; }
step_balancer() { host_balancer "$@"; }
step_dns() { host_dns add-a "{\"host\":\"$1\",\"addresses\":[\"$2\"]}"; } # NAME ADDRESS
step_tight() ( # STEP...: somebody whose files are nobody else's business
	umask 077
	if declare -F "step_$1" >/dev/null; then "step_$1" "${@:2}"; else host_run "$@" </dev/null; fi
)
step_ordered() { host_until 30 has_ordered; } # what the last + has asked for
has_ordered() { (($(ca_orders) > ordered)); }
step_recall() { leaf_in "$(tls_folder "$1")/server.crt" >"$HOST/tmp/leaf"; }

# A certificate that its owner has from elsewhere.
step_byhand() { # APP NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$2" -addext "subjectAltName=DNS:$2" \
		-keyout "$HOST/tmp/own.key" -out "$HOST/tmp/own.crt" 2>/dev/null
	chmod a+r "$HOST/tmp/own.key"
	host_run certs:add "$1" "$HOST/tmp/own.crt" "$HOST/tmp/own.key"
}

# As if the bash plugin had got its certificate: nobody has enabled it here.
step_takenover() { rm "$HOST_LIB_FOLDER/config/letsencrypt/$1/enabled"; }

# What a worker has been woken for is done before the next step.
is_settled() {
	[[ -z $(ls "$HOST_DATA_FOLDER/--global/spool" 2>/dev/null) ]] && ! pgrep -f "^$HOST_LIB_FOLDER/plugins/.*/letsencrypt work" >/dev/null
}

# The names that apps had and have no more.
note_left() { # WORD...
	case " $* " in
	*" apps:destroy "*) left+=("${*: -1}") ;;
	*" apps:rename "*) left+=("${*: -2:1}") ;;
	esac
}

take_step() { # WORD...
	local status=0 expected=0 waits=1
	case $1 in
	'!') expected=1 ;;
	'+') waits='' ordered=$(ca_orders) ;;
	ordered) waits='' && set -- '' "$@" ;;
	*) set -- '' "$@" ;;
	esac
	shift
	if declare -F "step_$1" >/dev/null; then "step_$1" "${@:2}"; else host_run "$@" </dev/null; fi >"$said" 2>&1 || status=$?
	cat "$said" >>"$HOST/log/story"
	note_left "$@"
	((expected ? status : !status)) || {
		echo "it ended with $status"
		return 1
	}
	[[ -z $waits ]] || host_until 60 is_settled || {
		echo "the worker does not end"
		return 1
	}
}

# ---- what can be expected ----

leaf_file() { echo "$(tls_folder "$1")/server.crt"; }
names_in() { openssl x509 -noout -ext subjectAltName 2>/dev/null | grep -o 'DNS:[^,]*' | sed 's/DNS://' | sort; }
value() { host_run letsencrypt:report "$1" "--letsencrypt-$2"; }

see_names() { [[ $(names_in <"$(leaf_file "$1")" | paste -sd ' ') == "$(printf '%s\n' "${@:2}" | sort | paste -sd ' ')" ]]; }
see_covers() { host_until 20 covers_now "$@"; } # DOMAIN [ADDRESS]
covers_now() { names_shown "$@" | grep -qxF -- "$1"; }
names_shown() {
	openssl s_client -connect "${2:-127.0.0.1}:$HOST_HTTPS_PORT" -servername "$1" </dev/null 2>/dev/null | names_in
}
see_most-orders() { (($(ca_orders) - orders <= $1)); }
see_plain() { [[ ! -e $(tls_folder "$1") ]]; }
see_status() { host_until 20 status_now "$@"; } # DOMAIN STATUS
status_now() { [[ $(host_http_get "$1" / --output /dev/null --write-out '%{http_code}') == "$2" ]]; }
see_secure() { host_until 20 secure_now "$@"; } # DOMAIN APP
secure_now() { [[ $(host_https_get "$1" 2>/dev/null) == "app $2" ]]; }
see_orders() { [[ $(($(ca_orders) - orders)) == "$1" ]]; }
see_says() { grep -qF -- "$*" "$said"; }
see_enabled() { is "${2/unset/}" value "$1" enabled; }
see_held() { [[ $(value "$1" held-back) ]]; }
see_free() { [[ -z $(value "$1" held-back) ]]; }
see_property() { [[ $(cat "$HOST_LIB_FOLDER/config/letsencrypt/$1/$2") == "$3" ]]; }
see_same-leaf() { [[ $(leaf_in "$(leaf_file "$1")") == "$(<"$HOST/tmp/leaf")" ]]; }
see_other-leaf() { ! see_same-leaf "$1"; }
see_own-leaf() { [[ $(leaf_in "$(leaf_file "$1")") == "$(leaf_in "$HOST/tmp/own.crt")" ]]; }
see_https-port() { host_trigger ports-get "$1" | grep -q '^https:443:'; }
see_failure() { is "${2/none/}" value "$1" failure; }
see_failures() { [[ $(store_value "SELECT count(*) FROM events WHERE app = '$1' AND result LIKE 'failed%'") == "$2" ]]; } # APP COUNT
see_snippet() { if [[ -e $HOST_ROOT_FOLDER/$1/nginx.conf.d/letsencrypt.conf ]]; then [[ $2 == yes ]]; else [[ $2 == no ]]; fi; }
see_gone() { [[ ! -e $HOST_ROOT_FOLDER/$1 ]]; }

# ---- what holds after every story ----

holds() { # ROW
	local app
	nginx_test 2>"$said" || {
		echo "nginx -t fails: $(<"$said")"
		return 1
	}
	for app in $(host_trigger app-list false | grep -E -- "[a-z]$1\$"); do belongs "$app" || return; done
	for app in "${left[@]}"; do nothing_left "$app" || return; done
	keys_are_of_orders
}

# The key of an order that was given up is kept while the CA knows the order: a certificate may yet come of it.
keys_are_of_orders() {
	local keys=("$HOST_DATA_FOLDER"/--global/certs/.order-*)
	if [[ ! -e ${keys[0]} ]]; then return; fi
	((${#keys[@]} <= $(store_value "SELECT count(*) FROM orders WHERE state IN ('dead', 'placed', 'finalizing')"))) || {
		echo "keys of no order: ${keys[*]}"
		return 1
	}
}

all_names() { # APP
	cat "$HOST_ROOT_FOLDER/$1/VHOST" "$HOST_LIB_FOLDER/config/letsencrypt/$1/extra-domains" 2>/dev/null | tr -s ' ,' '\n'
	cut -d : -f 1 "$HOST_ROOT_FOLDER/$1/REDIRECTS" 2>/dev/null
}

# The app's certificate, if we got it, is for a name of its own; key and certificate fit; nothing half done lies about.
belongs() { # APP
	local names rest
	tls_is_whole "$1" || {
		echo "$1: certificate and key do not fit"
		return 1
	}
	rest=$(leftovers "$1" | grep -v '/certs/\.order-')
	[[ -z $rest ]] || {
		echo "$1: left behind: $rest"
		return 1
	}
	is_shown "$1" || return
	names=$(all_names "$1")
	if [[ -z $names ]] || ! cmp -s "$(tls_folder "$1")"/server{,.letsencrypt}.crt; then return 0; fi
	names_in <"$(leaf_file "$1")" | grep -qxiF -- "$names" || {
		echo "$1 has $(paste -sd ' ' <<<"$names"), its certificate is for $(names_in <"$(leaf_file "$1")" | paste -sd ' ')"
		return 1
	}
}

# Where the app listens with TLS, its certificate is shown for each of its names in it that no other app has.
is_shown() { # APP
	local name folder=$HOST_ROOT_FOLDER/$1
	if [[ ! -f $(leaf_file "$1") ]] || ! grep -qs "listen .*127\.0\.0\.1:$HOST_HTTPS_PORT ssl" "$folder/nginx.conf"; then return; fi
	for name in $(names_in <"$(leaf_file "$1")"); do
		if [[ $(cat "$HOST_ROOT_FOLDER"/*/VHOST | grep -cxiF -- "$name") != 1 ]] || ! grep -qsxiF -- "$name" "$folder/VHOST"; then continue; fi
		host_until 10 is_served "$1" "$name" || {
			echo "$1: another certificate is shown for $name"
			return 1
		}
	done
}

# Of an app that is gone: no file, no property, no row but its certificates.
nothing_left() { # APP
	local place rows
	if [[ -d $HOST_ROOT_FOLDER/$1 ]]; then return 0; fi
	for place in "$HOST_LIB_FOLDER/config/letsencrypt" "$HOST_DATA_FOLDER" "$HOST_DATA_FOLDER/--global/state"; do
		[[ ! -e $place/$1 ]] || {
			echo "left of $1: $place/$1"
			return 1
		}
	done
	rows=$(store_value "SELECT 'app' FROM apps WHERE app = '$1' UNION SELECT 'wait' FROM waits WHERE app = '$1'
		UNION SELECT 'job ' || reason || ' ' || state FROM jobs WHERE app = '$1' AND state IN ('waiting', 'running')
		UNION SELECT 'order ' || state FROM orders WHERE app = '$1' AND state IN ('intended', 'placed', 'finalizing')")
	[[ -z $rows ]] || {
		echo "left of $1 in the store: $rows"
		return 1
	}
}

# ---- the table ----

# tell NUMBER STEPS EXPECTATIONS: in both, % is the number of the row, so that no two rows share a name.
tell() {
	local orders ordered=0 said=$HOST/tmp/said left=() kind part words number=$1 parts
	orders=$(ca_orders)
	: >"$HOST/log/story"
	for kind in step expectation; do
		mapfile -t parts < <(tr ';' '\n' <<<"${2//%/$number}")
		shift
		for part in "${parts[@]}"; do
			eval "words=($part)"
			if [[ $kind == step ]]; then take_step "${words[@]}"; else "see_${words[0]}" "${words[@]:1}"; fi || {
				echo "at the $kind: ${words[*]}"
				return 1
			}
		done
	done
	holds "$number"
}

# Every row for one kind of host; all that fail are named.
tell_all() { # HOST
	local name kind steps expectations number=0 failed=0
	while IFS=$'\t' read -r name kind steps expectations; do
		number=$((number + 1))
		# shellcheck disable=SC2053 # STORY is a pattern
		if [[ $name == '#'* || $kind != "$1" || $name != ${STORY:-*} ]]; then continue; fi
		tell "$number" "$steps" "$expectations" >"$HOST/tmp/failure" 2>&1 && continue
		failed=$((failed + 1))
		printf '\n%s: %s\n%s\n%s\n' "$name" "$(<"$HOST/tmp/failure")" "$(tail -n 25 "$HOST/log/story")" "$(host_run letsencrypt:events | tail -n 10)"
	done <"$BATS_TEST_DIRNAME/stories.tsv"
	((!failed))
}
